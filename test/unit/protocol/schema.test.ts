import { globSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { schema } from '../../../src/protocol/common/schema.ts';

it('builds a schema once, when it is first called', () => {
  let builds = 0;
  const Count = schema(() => {
    builds++;
    return z.int();
  });
  expect(builds).toBe(0);
  expect(Count()).toBe(Count());
  expect(builds).toBe(1);
});

it('builds no schema while the modules of the Worker load', async () => {
  const built: string[] = [];
  z.config({ postProcessor: (instance: z.ZodType) => built.push(instance._zod.def.type) });
  for (const pattern of [
    'src/protocol/**/*.ts',
    'src/composition.ts',
    'src/http/app.ts',
    'durable-objects/*/runtime.ts',
  ]) {
    const files = globSync(pattern);
    expect(files, pattern).not.toEqual([]);
    for (const file of files) await import(resolve(file));
  }
  expect(built).toEqual([]);
  z.int();
  expect(built).toEqual(['number']);
});
