import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hubsNotice, importHubs } from '../../../runner/work/import-hubs.ts';
import { findImports } from '../../../runner/work/imports.ts';
import { gitIn } from '../../support/git-in.ts';

describe('the files that a file imports', () => {
  const found = (path: string, text: string, ...files: string[]) => findImports([path, ...files])(path, text);

  it.each([
    ['src/a.ts', `import { b } from './b.ts';`, 'src/b.ts'],
    ['src/a.ts', `import {\n  b,\n  type c,\n} from '../lib/b.js';`, 'lib/b.ts'],
    ['src/a.ts', `export * from './folder';`, 'src/folder/index.ts'],
    ['src/a.js', `const b = require("./b");`, 'src/b.js'],
    ['src/a.tsx', `const B = lazy(() => import('./b.tsx'));`, 'src/b.tsx'],
    ['src/a.ts', `import '@/styles/b';`, 'src/styles/b.ts'],
    ['app/a.py', 'from .b import c', 'app/b.py'],
    ['app/deep/a.py', 'from ..b import c', 'app/b.py'],
    ['app/a.py', 'import lib.b', 'src/lib/b.py'],
    ['app/a.py', 'from lib import c', 'lib/__init__.py'],
    ['cmd/a.go', 'import (\n\t"example.com/shop/internal/orders"\n)', 'internal/orders/', 'internal/orders/b.go'],
    ['src/A.java', 'import com.shop.Orders;', 'src/main/com/shop/Orders.java'],
    ['src/A.kt', 'import com.shop.Orders.Line', 'src/main/com/shop/Orders.kt'],
    ['crate/src/a.rs', 'use crate::orders::line::Line;', 'crate/src/orders/line.rs'],
    ['src/a.c', '#include "b.h"', 'src/b.h'],
    ['src/a.cpp', '#include "shop/b.hpp"', 'include/shop/b.hpp'],
    ['lib/a.rb', `require_relative 'b'`, 'lib/b.rb'],
  ])('%s with %s imports %s', (path, text, imported, ...files) => {
    expect(found(path, text, ...(files.length > 0 ? (files as string[]) : [imported]))).toContain(imported);
  });

  it.each([
    ['a package', 'a.ts', `import x from 'b';`, 'b.ts'],
    ['a file that is not there', 'a.ts', `import x from './c';`, 'b.ts'],
    ['a name that two files have', 'a.py', 'import b', 'one/b.py', 'two/b.py'],
    ['a system header', 'a.c', '#include <b.h>', 'b.h'],
    ['an unknown language', 'a.txt', `import './b';`, 'b.ts'],
  ])('%s is none', (_, path, text, ...files) => {
    expect(found(path, text, ...(files as string[]))).toEqual([]);
  });
});

describe('the hubs of a repository', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'oio-hubs-'));
    gitIn(directory, 'init', '-q');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  };

  it('are the tracked files that most others import, each importer counted once', async () => {
    write('hub.ts', '');
    write('lesser.ts', '');
    write('rare.ts', '');
    for (const name of ['a', 'b', 'c', 'd']) {
      const lesser = name === 'd' ? '' : `import './lesser.ts';\n`;
      write(
        `${name}.ts`,
        `import { x } from './hub.ts';\nimport type { y } from './hub.ts';\n${lesser}import './hub.ts';`,
      );
    }
    write('e.ts', `import './rare.ts';`);
    gitIn(directory, 'add', '.');
    write('untracked.ts', `import './lesser.ts';`);
    const hubs = await importHubs(directory);
    expect(hubs).toEqual([
      { path: 'hub.ts', importers: 4 },
      { path: 'lesser.ts', importers: 3 },
    ]);
    expect(hubsNotice(hubs)).toContain('- hub.ts (imported by 4 files)');
  });

  it('are none in a repository without imports, whatever it has instead of files', async () => {
    write('deep/link.txt', '');
    symlinkSync('deep', join(directory, 'folder.ts'));
    symlinkSync('nowhere', join(directory, 'broken.ts'));
    gitIn(directory, 'add', '.');
    expect(await importHubs(directory)).toEqual([]);
    expect(hubsNotice([])).toBeNull();
  });

  it('are those of the files that were read when the time is up', async () => {
    write('hub.ts', '');
    for (let file = 0; file < 40; file++) write(`${file}.ts`, `import './hub.ts';`);
    gitIn(directory, 'add', '.');
    let clock = 0;
    expect((await importHubs(directory, () => clock++ * 200))[0]!.importers).toBeLessThan(40);
  });
});
