import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Repository } from '../../../runner/git/repository.ts';
import { MAX_REMOTES } from '../../../src/protocol/common/limits.ts';
import { gitIn } from '../../support/git-in.ts';
import { newRepository } from '../../support/new-repository.ts';

let scratch: string;
let clone: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-repository-'));
  clone = join(scratch, 'clone');
  newRepository(clone, { 'kept.txt': 'one\ntwo\nthree\n', 'gone.txt': 'bye\n', '.gitignore': 'ignored/\n' });
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const run = (...args: string[]) => gitIn(clone, ...args);

test('a clone is identified by its remotes’ URLs without their passwords', async () => {
  expect((await Repository.open(clone)).remotes).toEqual([]);
  run('remote', 'add', 'origin', 'git@github.com:acme/web.git');
  run('remote', 'add', 'mirror', 'https://user:secret@example.com/acme/web');
  run('remote', 'add', 'again', 'https://github.com/acme/web');
  expect((await Repository.open(clone)).remotes).toEqual(['github.com/acme/web', 'example.com/acme/web']);
  const forks = Array.from(
    { length: 30 },
    (_, fork) => `[remote "fork-${fork}"]\nurl = https://example.com/${fork}/web\n`,
  );
  appendFileSync(join(clone, '.git', 'config'), forks.join(''));
  expect((await Repository.open(clone)).remotes).toHaveLength(MAX_REMOTES);
});

test('uncommitted changes are counted, without ignored files', async () => {
  const repository = await Repository.open(clone);
  expect(await repository.uncommitted()).toBe(0);
  writeFileSync(join(clone, 'kept.txt'), 'changed\n');
  writeFileSync(join(clone, 'new file.txt'), 'new\n');
  mkdirSync(join(clone, 'ignored'));
  writeFileSync(join(clone, 'ignored', 'built.txt'), 'built\n');
  expect(await repository.uncommitted()).toBe(2);
});

test('a patch holds all work: text, binary, mode, new, deleted and committed files, but no ignored ones', async () => {
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
  gitIn(here.path, 'commit', '-qam', 'agent');

  const { patch, files } = await here.changes();
  const there = await repository.addWorktree(join(scratch, 'there'), base);
  await there.applyToNew(patch as Uint8Array);

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

test('creating a patch does not change the clone’s index, objects and branches', async () => {
  const repository = await Repository.open(clone);
  const tree = await repository.addWorktree(join(scratch, 'tree'), await repository.resolve());
  writeFileSync(join(tree.path, 'new.txt'), 'new\n');
  const state = () => [run('count-objects'), run('branch', '-a'), run('status', '--porcelain')];
  const before = state();
  await tree.changes();
  expect(state()).toEqual(before);
  expect(execFileSync('git', ['-C', tree.path, 'status', '--porcelain'], { encoding: 'utf8' })).toBe('?? new.txt\n');
});

test('a new file or directory that is too large is left out, and the rest is in the patch', async () => {
  const repository = await Repository.open(clone);
  const tree = await repository.addWorktree(join(scratch, 'tree'), await repository.resolve());
  writeFileSync(join(tree.path, 'small.txt'), 'small\n');
  // Sparse files take no space on the disk.
  writeFileSync(join(tree.path, 'core'), '');
  truncateSync(join(tree.path, 'core'), 2_000_000_000);
  mkdirSync(join(tree.path, 'data'));
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    writeFileSync(join(tree.path, 'data', name), '');
    truncateSync(join(tree.path, 'data', name), 30_000_000);
  }
  const { patch, files, leftOut } = await tree.changes();
  expect(leftOut.map(({ path }) => path)).toEqual(['core', 'data/']);
  expect(files.map(({ path }) => path)).toEqual(['small.txt']);
  expect(Buffer.from(patch as Uint8Array).toString()).toContain('+small');
});

test('a renamed file is listed as one file', async () => {
  const repository = await Repository.open(clone);
  const tree = await repository.addWorktree(join(scratch, 'tree'), await repository.resolve());
  renameSync(join(tree.path, 'kept.txt'), join(tree.path, 'moved.txt'));
  writeFileSync(join(tree.path, 'zzz.txt'), 'last\n');
  expect((await tree.changes()).files).toEqual([
    { path: 'moved.txt', status: 'renamed', additions: 0, deletions: 0 },
    { path: 'zzz.txt', status: 'added', additions: 1, deletions: 0 },
  ]);
});

test('a patch that does not apply throws and changes nothing', async () => {
  const repository = await Repository.open(clone);
  const tree = await repository.addWorktree(join(scratch, 'tree'), await repository.resolve());
  const foreign = '--- a/kept.txt\n+++ b/kept.txt\n@@ -1,1 +1,1 @@\n-other\n+text\n';
  await expect(tree.applyToNew(Buffer.from(foreign))).rejects.toThrow('git apply');
  expect(await tree.changes()).toMatchObject({ patch: new Uint8Array(), files: [] });
});

test('a patch is verified without a change of the worktree', async () => {
  const repository = await Repository.open(clone);
  const tree = await repository.addWorktree(join(scratch, 'tree'), await repository.resolve());
  writeFileSync(join(tree.path, 'kept.txt'), 'one\n2\nthree\n');
  const { patch } = await tree.changes();
  await tree.verify(patch!);
  await expect(tree.verify(Buffer.from(patch!).subarray(0, -5))).rejects.toThrow('git apply');
  expect((await tree.changes()).patch).toEqual(patch);
});

test('clones of one repository have the same identity', async () => {
  const second = join(scratch, 'second');
  execFileSync('git', ['clone', '-q', clone, second]);
  const [one, two] = await Promise.all([Repository.open(clone), Repository.open(second)]);
  expect(two.rootCommit).toBe(one.rootCommit);
});

test('a worktree can be created where the directory of an earlier one was lost', async () => {
  const repository = await Repository.open(clone);
  const path = join(scratch, 'tree');
  const base = await repository.resolve();
  await repository.addWorktree(path, base);
  rmSync(path, { recursive: true });
  expect(existsSync(join((await repository.addWorktree(path, base)).path, 'kept.txt'))).toBe(true);
});

test.each([
  ['missing', 'There is no directory'],
  ['plain', 'is not a git repository: run "git init"'],
  ['bare', 'is a bare repository, which has no files'],
  ['empty', 'has no commits: create one'],
])('opening a %s directory fails with advice on how to fix it', async (kind, message) => {
  const path = join(scratch, kind);
  if (kind !== 'missing') mkdirSync(path);
  if (kind === 'empty') execFileSync('git', ['-C', path, 'init', '-q']);
  if (kind === 'bare') execFileSync('git', ['-C', path, 'init', '-q', '--bare']);
  await expect(Repository.open(path)).rejects.toThrow(message);
});

test('a patch holds the files of nested repositories at any depth, committed or not', async () => {
  const repository = await Repository.open(clone);
  const base = await repository.resolve();
  const here = await repository.addWorktree(join(scratch, 'here'), base);
  const inside = {
    bare: join(here.path, 'bare'),
    whole: join(here.path, 'lib/whole'),
    linked: join(here.path, 'linked'),
  };
  for (const path of [...Object.values(inside), join(inside.whole, 'deep')]) {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'file.txt'), `of ${path.slice(here.path.length)}\n`);
    gitIn(path, 'init', '-q');
  }
  for (const path of [inside.whole, inside.linked]) {
    gitIn(path, 'add', 'file.txt');
    gitIn(path, 'commit', '-qm', 'inside');
  }
  gitIn(here.path, 'add', 'linked');
  mkdirSync(join(here.path, 'nothing'));
  gitIn(join(here.path, 'nothing'), 'init', '-q');

  const { patch, files, nested } = await here.changes();
  const paths = ['bare/file.txt', 'lib/whole/deep/file.txt', 'lib/whole/file.txt', 'linked/file.txt'];
  expect(files.map(({ path, additions }) => [path, additions])).toEqual(paths.map((path) => [path, 1]));
  expect(nested.sort()).toEqual(['bare/', 'lib/whole/', 'lib/whole/deep/', 'linked/', 'nothing/']);
  const there = await repository.addWorktree(join(scratch, 'there'), base);
  await there.applyToNew(patch as Uint8Array);
  for (const path of paths) expect(readFileSync(join(there.path, path))).toEqual(readFileSync(join(here.path, path)));
});

test.each([
  ['removed', () => undefined],
  ['replaced by a new repository', (path: string) => gitIn(path, 'init', '-q')],
])('a patch can be created when the worktree’s link to the clone was %s', async (_, replace) => {
  const repository = await Repository.open(clone);
  const tree = await repository.addWorktree(join(scratch, 'tree'), await repository.resolve());
  rmSync(join(tree.path, '.git'));
  await repository.removeWorktree(join(scratch, 'another'));
  replace(tree.path);
  writeFileSync(join(tree.path, 'new.txt'), 'new\n');
  expect((await tree.changes()).files).toEqual([{ path: 'new.txt', status: 'added', additions: 1, deletions: 0 }]);
});

test('a patch does not depend on the user’s git configuration', async () => {
  const repository = await Repository.open(clone);
  writeFileSync(join(clone, 'long.txt'), Array.from({ length: 40 }, (_, i) => `${i}\n`).join(''));
  run('add', '-A');
  run('commit', '-qm', 'long');
  const tree = await repository.addWorktree(join(scratch, 'tree'), await repository.resolve());
  writeFileSync(join(tree.path, 'kept.txt'), 'one\n2\nthree\n');
  const text = readFileSync(join(tree.path, 'long.txt'), 'utf8');
  writeFileSync(join(tree.path, 'long.txt'), text.replace('10\n', 'ten\n').replace('20\n', 'twenty\n\n'));
  const plain = await tree.changes();
  const order = join(scratch, 'order');
  writeFileSync(order, 'long.txt\n');
  const settings = {
    'diff.context': '9',
    'diff.interHunkContext': '20',
    'diff.noprefix': 'true',
    'diff.mnemonicPrefix': 'true',
    'diff.orderFile': order,
    'diff.suppressBlankEmpty': 'true',
    'diff.external': 'false',
    'color.ui': 'always',
  };
  for (const [name, value] of Object.entries(settings)) run('config', name, value);
  expect(await tree.changes()).toEqual(plain);
});

test('the list of files is truncated to what a frame holds, but the patch is not', async () => {
  const repository = await Repository.open(clone);
  const tree = await repository.addWorktree(join(scratch, 'tree'), await repository.resolve());
  const folder = join(tree.path, ...Array.from({ length: 4 }, () => 'd'.repeat(200)));
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < 400; i++) writeFileSync(join(folder, `${i}`), 'x\n');
  const { files, patch } = await tree.changes();
  expect(files.length).toBeGreaterThan(50);
  expect(JSON.stringify(files).length).toBeLessThan(200_000);
  expect(
    Buffer.from(patch as Uint8Array)
      .toString()
      .match(/^diff /gm),
  ).toHaveLength(400);
});

test('a filter that the agent configured in the clone sees none of the orchestrator’s secrets', async () => {
  const repository = await Repository.open(clone);
  const tree = await repository.addWorktree(join(scratch, 'tree'), await repository.resolve());
  const seen = join(scratch, 'seen');
  run('config', 'filter.spy.clean', `env > '${seen}'; cat`);
  writeFileSync(join(tree.path, '.gitattributes'), '*.txt filter=spy\n');
  writeFileSync(join(tree.path, 'new.txt'), 'new\n');
  process.env.OIO_AGENT_TOKEN = 'a-secret';
  process.env.SOME_API_KEY = 'a-secret';
  try {
    await tree.changes();
  } finally {
    delete process.env.OIO_AGENT_TOKEN;
    delete process.env.SOME_API_KEY;
  }
  expect(readFileSync(seen, 'utf8')).toContain('PATH=');
  expect(readFileSync(seen, 'utf8')).not.toContain('a-secret');
});
