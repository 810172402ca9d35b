import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { splitPatch } from '../../runner/git/patch.ts';
import { Repository } from '../../runner/git/repository.ts';
import type { Worktree } from '../../runner/git/worktree.ts';
import { gitIn } from '../support/git-in.ts';

const LIMIT = 200_000;
let scratch: string;
let clone: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-large-'));
  clone = join(scratch, 'clone');
  mkdirSync(clone);
  run('init', '-q', '-b', 'main');
  for (let number = 0; number < 300; number++)
    writeFileSync(join(clone, `${number}.txt`), `line ${number}\n`.repeat(300));
  writeFileSync(join(clone, 'asset.bin'), randomBytes(300_000));
  run('add', '-A');
  run('commit', '-qm', 'first');
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const run = (...args: string[]) => gitIn(clone, ...args);

async function worktree(name = 'tree'): Promise<Worktree> {
  const repository = await Repository.open(clone);
  return repository.addWorktree(join(scratch, name), await repository.resolve());
}

const status = ({ path }: Worktree) => execFileSync('git', ['-C', path, 'status', '--porcelain'], { encoding: 'utf8' });

test('a patch is compressed if it is over the limit, and applies as it is', async () => {
  const [tree, other] = [await worktree(), await worktree('other')];
  for (let number = 0; number < 300; number++) rmSync(join(tree.path, `${number}.txt`));
  writeFileSync(join(tree.path, 'code.txt'), 'important\n');
  const { patch, leftOut, files } = await tree.changes(LIMIT);
  expect([patch!.byteLength < LIMIT, leftOut, files.length]).toEqual([true, [], 301]);
  await other.applyToNew(patch!);
  expect(status(other)).toBe(status(tree));
});

test('the files that take most of a patch are left out and named, and the patch has the rest', async () => {
  const [tree, other] = [await worktree(), await worktree('other')];
  writeFileSync(join(tree.path, 'asset.bin'), randomBytes(300_000));
  writeFileSync(join(tree.path, 'new "b\t file.bin'), randomBytes(400_000));
  writeFileSync(join(tree.path, 'long.txt'), 'the same line\n'.repeat(100_000));
  writeFileSync(join(tree.path, 'code.txt'), 'important\n');
  const { patch, leftOut, files } = await tree.changes(LIMIT);
  expect(leftOut.map(({ path }) => path).sort()).toEqual(['asset.bin', 'new "b\t file.bin']);
  expect(files.map(({ path }) => path).sort()).toEqual(['code.txt', 'long.txt']);
  await other.applyToNew(patch!);
  expect(status(other)).toBe('?? code.txt\n?? long.txt\n');
});

test('a file that was left out is not read again until it changes', async () => {
  const tree = await worktree();
  const [asset, large] = [join(tree.path, 'asset.bin'), join(tree.path, 'large.bin')];
  for (const path of [asset, large]) writeFileSync(path, randomBytes(300_000));
  const first = await tree.changes(LIMIT);
  expect(first.leftOut.map(({ path }) => path).sort()).toEqual(['asset.bin', 'large.bin']);
  writeFileSync(join(tree.path, 'code.txt'), 'important\n');
  // With this limit, both files would fit.
  const second = await tree.changes(10_000_000);
  expect(second.leftOut).toEqual(first.leftOut);
  expect(second.files.map(({ path }) => path)).toEqual(['code.txt']);

  writeFileSync(large, 'small now\n');
  rmSync(asset);
  const third = await tree.changes(LIMIT);
  expect(third.leftOut.map(({ path }) => path)).toEqual(['asset.bin']);
  expect(third.files.map(({ path }) => path)).toEqual(['code.txt', 'large.bin']);
});

test('a patch that is too long even before it is compressed costs once: its largest files are left out, and it has the rest', async () => {
  const [tree, other] = [await worktree(), await worktree('other')];
  writeFileSync(join(tree.path, 'asset.bin'), randomBytes(400_000));
  writeFileSync(join(tree.path, 'new.bin'), randomBytes(600_000));
  writeFileSync(join(tree.path, 'code.txt'), 'important\n');
  rmSync(join(tree.path, '1.txt'));
  const first = await tree.changes(LIMIT, 500_000);
  expect(first.leftOut.map(({ path }) => path).sort()).toEqual(['asset.bin', 'new.bin']);
  expect(first.files.map(({ path }) => path).sort()).toEqual(['1.txt', 'code.txt']);
  await other.applyToNew(first.patch!);
  expect(status(other)).toBe(' D 1.txt\n?? code.txt\n');
  // With these limits, both files would fit.
  const second = await tree.changes(10_000_000, 10_000_000);
  expect([second.leftOut, second.patch]).toEqual([first.leftOut, first.patch]);
});

test('a file that is too large stays out of the patch when the agent commits it', async () => {
  const tree = await worktree();
  for (const name of ['asset.bin', 'new.bin']) writeFileSync(join(tree.path, name), randomBytes(400_000));
  const first = await tree.changes(LIMIT);
  gitIn(tree.path, 'add', '-A');
  gitIn(tree.path, 'commit', '-qm', 'large');
  const { leftOut, files, patch } = await tree.changes(10_000_000);
  expect([leftOut, files, patch?.byteLength]).toEqual([first.leftOut, [], 0]);
});

test('a file that was left out and is ignored since then is no part of the work', async () => {
  const tree = await worktree();
  writeFileSync(join(tree.path, 'large.bin'), randomBytes(300_000));
  expect((await tree.changes(LIMIT)).leftOut.map(({ path }) => path)).toEqual(['large.bin']);
  writeFileSync(join(tree.path, '.gitignore'), 'large.bin\n');
  const { leftOut, files } = await tree.changes(LIMIT);
  expect([leftOut, files.map(({ path }) => path)]).toEqual([[], ['.gitignore']]);
});

test('a patch is split at its files, whatever their names and lines are', async () => {
  const tree = await worktree();
  writeFileSync(join(tree.path, 'a b.txt'), 'diff --git a/x b/x\n');
  renameSync(join(tree.path, '1.txt'), join(tree.path, 'moved b/1.txt'.replace('/', '-')));
  mkdirSync(join(tree.path, 'é b'));
  writeFileSync(join(tree.path, 'é b', 'ü.txt'), '+++ b/y\n');
  const { patch } = await tree.changes();
  const parts = splitPatch(Buffer.from(patch!));
  const names = parts.map(({ path }) => Buffer.from(path, 'latin1').toString());
  expect(names.sort()).toEqual(['a b.txt', 'moved b-1.txt', 'é b/ü.txt']);
  expect(Buffer.concat(parts.map(({ bytes }) => bytes))).toEqual(Buffer.from(patch!));
});

test('kept work is printed whole, without compression', async () => {
  const tree = await worktree();
  writeFileSync(join(tree.path, 'asset.bin'), randomBytes(300_000));
  const { patch } = await tree.changes(1_000_000_000);
  expect(Buffer.from(patch!).toString('latin1')).toMatch(/^diff --git a\/asset.bin/);
  expect(readFileSync(join(tree.path, 'asset.bin'))).toHaveLength(300_000);
});
