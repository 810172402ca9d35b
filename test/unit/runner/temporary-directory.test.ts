import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeLeftoverWorktrees } from '../../../runner/lease/recovery.ts';
import { removeTree } from '../../../runner/process/remove-tree.ts';
import { makeTemporary, removeTemporary } from '../../../runner/process/temporary-directory.ts';

let scratch: string;
let worktrees: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-temporary-'));
  worktrees = join(scratch, 'worktrees');
  mkdirSync(worktrees);
});
afterEach(() => removeTree(scratch));

const sweep = () => removeLeftoverWorktrees({ removeWorktree: removeTree }, worktrees, () => undefined);

test('each worktree has a temporary directory of its own, with a short path and readable only by the user', async () => {
  const [one, other] = [await makeTemporary(join(worktrees, 'a-1')), await makeTemporary(join(worktrees, 'b-1'))];
  expect(one).not.toBe(other);
  expect(one.length).toBeLessThan(tmpdir().length + 14);
  expect(statSync(one).mode & 0o777).toBe(0o700);
  await removeTemporary(join(worktrees, 'a-1'));
  expect([existsSync(one), existsSync(other)]).toEqual([false, true]);
  await removeTemporary(join(worktrees, 'b-1'));
  expect([existsSync(other), readdirSync(worktrees)]).toEqual([false, []]);
});

test('it is removed with read-only directories in it, and again without an error', async () => {
  const worktree = join(worktrees, 'a-1');
  const path = await makeTemporary(worktree);
  const module = join(path, 'cache', 'module');
  mkdirSync(module, { recursive: true });
  writeFileSync(join(module, 'file.txt'), 'x', { mode: 0o400 });
  chmodSync(module, 0o500);
  await removeTemporary(worktree);
  await removeTemporary(worktree);
  expect(existsSync(path)).toBe(false);
});

test('those that a killed agent left are removed, also of a worktree that is gone or kept', async () => {
  mkdirSync(join(worktrees, 'kept-1'));
  writeFileSync(join(worktrees, 'kept-1.kept'), 'base task-1');
  mkdirSync(join(worktrees, 'left-1'));
  const paths = await Promise.all(['kept-1', 'left-1', 'gone-1'].map((name) => makeTemporary(join(worktrees, name))));
  await sweep();
  expect(paths.filter((path) => existsSync(path))).toEqual([]);
  expect(readdirSync(worktrees).sort()).toEqual(['kept-1', 'kept-1.kept']);
});

test.each([
  ['names a directory of the person', (_: string, mine: string) => mine],
  [
    'names a link to a directory of the person',
    (path: string, mine: string) => {
      rmSync(path, { recursive: true });
      symlinkSync(mine, path);
      return path;
    },
  ],
])('nothing that the agent did not make is removed when the record %s', async (_, forge) => {
  const mine = join(scratch, 'mine');
  mkdirSync(mine);
  const worktree = join(worktrees, 'a-1');
  const path = await makeTemporary(worktree);
  writeFileSync(`${worktree}.tmp`, `${forge(path, mine)}\n`);
  await sweep();
  rmSync(path, { recursive: true, force: true });
  expect([existsSync(mine), readdirSync(worktrees)]).toEqual([true, []]);
});
