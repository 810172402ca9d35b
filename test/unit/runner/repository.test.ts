import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Repository } from '../../../runner/repository.ts';

let scratch: string;
let clone: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-repository-'));
  clone = join(scratch, 'clone');
  mkdirSync(clone);
  run('init', '-q', '-b', 'main');
  writeFileSync(join(clone, 'kept.txt'), 'one\ntwo\nthree\n');
  writeFileSync(join(clone, 'gone.txt'), 'bye\n');
  writeFileSync(join(clone, '.gitignore'), 'ignored/\n');
  run('add', '-A');
  run('commit', '-qm', 'first');
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function run(...args: string[]): string {
  const who = ['-c', 'user.name=T', '-c', 'user.email=t@example.org'];
  return execFileSync('git', ['-C', clone, ...who, ...args], { encoding: 'utf8' }).trim();
}

test('all work travels as a patch: text, binary, mode, new, deleted and committed files, but no ignored ones', async () => {
  const repository = await Repository.open(clone);
  const base = await repository.resolve();
  const here = await repository.addWorktree(join(scratch, 'here'), base);
  const bytes = Buffer.from([0, 1, 2, 255, 0, 10]);
  writeFileSync(join(here.path, 'kept.txt'), 'one\n2\nthree\n');
  writeFileSync(join(here.path, 'new ü file.bin'), bytes);
  writeFileSync(join(here.path, 'script.sh'), '#!/bin/sh\n');
  chmodSync(join(here.path, 'script.sh'), 0o755);
  rmSync(join(here.path, 'gone.txt'));
  mkdirSync(join(here.path, 'ignored'));
  writeFileSync(join(here.path, 'ignored', 'x'), 'x');
  execFileSync('git', ['-C', here.path, '-c', 'user.name=T', '-c', 'user.email=t@e', 'commit', '-qam', 'agent']);

  const { patch, files } = await here.changes();
  const there = await repository.addWorktree(join(scratch, 'there'), base);
  await there.apply(patch as Uint8Array);

  expect(readFileSync(join(there.path, 'kept.txt'), 'utf8')).toBe('one\n2\nthree\n');
  expect(readFileSync(join(there.path, 'new ü file.bin'))).toEqual(bytes);
  expect(statSync(join(there.path, 'script.sh')).mode & 0o111).toBe(0o111);
  expect(existsSync(join(there.path, 'gone.txt'))).toBe(false);
  expect(existsSync(join(there.path, 'ignored'))).toBe(false);
  expect((await there.changes()).patch).toEqual(patch);
  expect(files).toEqual([
    { path: 'gone.txt', status: 'deleted', additions: 0, deletions: 1 },
    { path: 'kept.txt', status: 'modified', additions: 1, deletions: 1 },
    { path: 'new ü file.bin', status: 'added', additions: 0, deletions: 0 },
    { path: 'script.sh', status: 'added', additions: 1, deletions: 0 },
  ]);
});

test('making a patch leaves index, objects and branches of the clone as they were', async () => {
  const repository = await Repository.open(clone);
  const tree = await repository.addWorktree(join(scratch, 'tree'), await repository.resolve());
  writeFileSync(join(tree.path, 'new.txt'), 'new\n');
  const state = () => [run('count-objects'), run('branch', '-a'), run('status', '--porcelain')];
  const before = state();
  await tree.changes();
  expect(state()).toEqual(before);
  expect(execFileSync('git', ['-C', tree.path, 'status', '--porcelain'], { encoding: 'utf8' })).toBe('?? new.txt\n');
});

test('work larger than the bound makes no patch', async () => {
  const repository = await Repository.open(clone);
  const tree = await repository.addWorktree(join(scratch, 'tree'), await repository.resolve());
  writeFileSync(join(tree.path, 'big.txt'), 'x\n'.repeat(5_000));
  const { patch, files } = await tree.changes(2_000);
  expect(patch).toBeNull();
  expect(files).toEqual([{ path: 'big.txt', status: 'added', additions: 5_000, deletions: 0 }]);
});

test('a renamed file is one file', async () => {
  const repository = await Repository.open(clone);
  const tree = await repository.addWorktree(join(scratch, 'tree'), await repository.resolve());
  renameSync(join(tree.path, 'kept.txt'), join(tree.path, 'moved.txt'));
  writeFileSync(join(tree.path, 'zzz.txt'), 'last\n');
  expect((await tree.changes()).files).toEqual([
    { path: 'moved.txt', status: 'renamed', additions: 0, deletions: 0 },
    { path: 'zzz.txt', status: 'added', additions: 1, deletions: 0 },
  ]);
});

test('a patch that does not fit is an error and changes nothing', async () => {
  const repository = await Repository.open(clone);
  const tree = await repository.addWorktree(join(scratch, 'tree'), await repository.resolve());
  const foreign = '--- a/kept.txt\n+++ b/kept.txt\n@@ -1,1 +1,1 @@\n-other\n+text\n';
  await expect(tree.apply(Buffer.from(foreign))).rejects.toThrow('git apply');
  expect(await tree.changes()).toEqual({ patch: new Uint8Array(), files: [] });
});

test('clones of one repository have the same identity', async () => {
  const second = join(scratch, 'second');
  execFileSync('git', ['clone', '-q', clone, second]);
  const [one, two] = await Promise.all([Repository.open(clone), Repository.open(second)]);
  expect(two.rootCommit).toBe(one.rootCommit);
});

test('a worktree can be made again in the place of one whose directory was lost', async () => {
  const repository = await Repository.open(clone);
  const path = join(scratch, 'tree');
  const base = await repository.resolve();
  await repository.addWorktree(path, base);
  rmSync(path, { recursive: true });
  expect(existsSync(join((await repository.addWorktree(path, base)).path, 'kept.txt'))).toBe(true);
});

test.each([
  ['missing', 'There is no directory'],
  ['plain', 'is no git repository: run "git init"'],
  ['empty', 'has no commits: commit once'],
])('opening a %s directory says how to mend it', async (kind, message) => {
  const path = join(scratch, kind);
  if (kind !== 'missing') mkdirSync(path);
  if (kind === 'empty') execFileSync('git', ['-C', path, 'init', '-q']);
  await expect(Repository.open(path)).rejects.toThrow(message);
});

test('a commit that the clone does not have is named', async () => {
  const repository = await Repository.open(clone);
  await expect(repository.resolve('deadbeef')).rejects.toThrow('no commit deadbeef');
});
