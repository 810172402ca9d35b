import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** `import * as z from 'zod'`, of values or of types. */
const WHOLE = /^import (type )?\* as z from 'zod';$/;

it('the Worker’s files import zod only as a namespace, because any other form bundles messages in 60 languages', () => {
  const files = globSync('{src,durable-objects}/**/*.ts');
  const imports = files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => /\bfrom 'zod(\/[^']*)?'/.test(line))
      .map((line) => ({ file, line })),
  );
  expect(imports.length).toBeGreaterThan(10);
  expect(imports.filter(({ line }) => !WHOLE.test(line))).toEqual([]);
});
