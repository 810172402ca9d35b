import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeTree } from '../../../runner/process/remove-tree.ts';
import { gitIn } from '../../support/git-in.ts';

const NOBODY = 65_534;
const REPOSITORY = new URL('../../../runner/git/repository.ts', import.meta.url).href;

/** Runs a module as a user to whom permissions apply, which they do not to root. */
function asPerson(directory: string, code: string): void {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, directory]);
  execFileSync(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: directory,
    env: { PATH: process.env.PATH, HOME: directory },
    ...(isRoot && { uid: NOBODY, gid: NOBODY }),
  });
}

test.skipIf(process.platform === 'win32')('a worktree with a cache of Go modules is removed as a whole', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'oio-remove-'));
  const [clone, worktree] = [join(scratch, 'clone'), join(scratch, 'worktree')];
  mkdirSync(clone);
  gitIn(clone, 'init', '-q', '-b', 'main');
  gitIn(clone, 'commit', '-qm', 'first', '--allow-empty');
  gitIn(clone, 'worktree', 'add', '--quiet', '--detach', worktree);
  const module = join(worktree, 'go/pkg/mod/example.com/module@v1.0.0');
  mkdirSync(module, { recursive: true });
  writeFileSync(join(module, 'go.mod'), 'module example.com/module\n', { mode: 0o400 });
  for (const directory of [module, join(module, '..')]) chmodSync(directory, 0o500);
  asPerson(
    scratch,
    `const { Repository } = await import(${JSON.stringify(REPOSITORY)});
     await (await Repository.open('clone')).removeWorktree(${JSON.stringify(worktree)});`,
  );
  expect(existsSync(worktree)).toBe(false);
  rmSync(scratch, { recursive: true });
});

test('a tree that does not exist is no error, and names need not be UTF-8', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'oio-remove-'));
  const tree = join(scratch, 'tree');
  await removeTree(tree);
  mkdirSync(tree);
  if (process.platform === 'linux') {
    const inside = Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff])]);
    mkdirSync(inside);
    writeFileSync(Buffer.concat([inside, Buffer.from('/a')]), '');
  }
  await removeTree(tree);
  expect(existsSync(tree)).toBe(false);
  rmSync(scratch, { recursive: true });
});
