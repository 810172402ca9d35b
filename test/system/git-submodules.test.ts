import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Repository } from '../../runner/git/repository.ts';
import { gitIn } from '../support/git-in.ts';

let scratch: string;
let clone: string;

/** A clone with the submodule `lib`, which has the submodule `deep`. */
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-submodules-'));
  clone = join(scratch, 'clone');
  const [main, lib, deep] = ['main', 'lib', 'deep'].map((name) => create(join(scratch, name))) as [
    string,
    string,
    string,
  ];
  gitIn(lib, 'submodule', 'add', '-q', deep, 'deep');
  gitIn(lib, 'commit', '-qm', 'deep');
  writeFileSync(join(lib, 'later.txt'), 'later\n');
  gitIn(lib, 'add', '-A');
  gitIn(lib, 'commit', '-qm', 'later');
  gitIn(main, 'submodule', 'add', '-q', lib, 'vendor/lib');
  gitIn(main, 'commit', '-qm', 'lib');
  gitIn(scratch, 'clone', '-q', '--recurse-submodules', main, clone);
  // Nothing can come from there.
  for (const path of [main, lib, deep]) renameSync(path, `${path}.away`);
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function create(path: string): string {
  mkdirSync(path);
  gitIn(path, 'init', '-q', '-b', 'main');
  writeFileSync(join(path, 'file.txt'), `of ${path.split('/').at(-1)}\n`);
  gitIn(path, 'add', '-A');
  gitIn(path, 'commit', '-qm', 'first');
  return path;
}

async function worktree(name: string, base?: string) {
  const repository = await Repository.open(clone);
  return repository.addWorktree(join(scratch, name), await repository.resolve(base));
}

const modules = () => join(clone, '.git/modules/vendor/lib');

test('submodules are filled at any depth from the clone, which does not change', async () => {
  const configuration = () => readFileSync(join(clone, '.git/config'), 'utf8');
  const state = () => [configuration(), gitIn(join(clone, 'vendor/lib'), 'for-each-ref'), readdirSync(modules())];
  const before = state();
  const tree = await worktree('tree');
  expect(tree.unfilled).toEqual([]);
  const paths = ['file.txt', 'vendor/lib/file.txt', 'vendor/lib/deep/file.txt'];
  expect(paths.map((path) => readFileSync(join(tree.path, path), 'utf8'))).toEqual([
    'of main\n',
    'of lib\n',
    'of deep\n',
  ]);
  expect(gitIn(tree.path, 'submodule', 'status', '--recursive')).not.toMatch(/^[-+]/m);
  expect(gitIn(join(tree.path, 'vendor/lib'), 'remote', 'get-url', 'origin')).toBe(join(scratch, 'lib'));
  expect(await tree.changes()).toMatchObject({ files: [], changedSubmodules: [] });
  expect(state()).toEqual(before);

  await (await Repository.open(clone)).removeWorktree(tree.path);
  expect(existsSync(join(clone, '.git/worktrees/tree'))).toBe(false);
});

test('a submodule whose checkout the clone has not, or has removed, is filled from its module', async () => {
  rmSync(join(clone, 'vendor'), { recursive: true });
  expect((await worktree('tree')).unfilled).toEqual([]);
});

test('a submodule that the clone does not have is named, and what is written there is found', async () => {
  gitIn(clone, 'submodule', 'deinit', '-q', '-f', 'vendor/lib');
  rmSync(modules(), { recursive: true });
  const tree = await worktree('tree');
  expect(tree.unfilled).toEqual([{ path: 'vendor/lib', commit: gitIn(clone, 'rev-parse', 'HEAD:vendor/lib') }]);
  expect((await tree.changes()).changedSubmodules).toEqual([]);
  writeFileSync(join(tree.path, 'vendor/lib/new.c'), 'new\n');
  expect((await tree.changes()).changedSubmodules).toEqual(['vendor/lib']);
});

test('work in a submodule is named: changed files, new files, and commits that its remote has not', async () => {
  const tree = await worktree('tree');
  const lib = join(tree.path, 'vendor/lib');
  const changed = async () => (await tree.changes()).changedSubmodules;
  writeFileSync(join(lib, 'file.txt'), 'changed\n');
  expect(await changed()).toEqual(['vendor/lib']);
  gitIn(lib, 'commit', '-qam', 'own');
  expect(await changed()).toEqual(['vendor/lib']);
  gitIn(lib, 'reset', '-q', '--hard', 'HEAD~1');
  expect(await changed()).toEqual([]);
  writeFileSync(join(lib, 'deep/new.txt'), 'new\n');
  expect(await changed()).toEqual(['vendor/lib']);
  rmSync(join(lib, '.git'));
  expect(await changed()).toEqual(['vendor/lib']);
});

test('a submodule that is moved to a published commit, or removed, is wholly in the patch', async () => {
  const here = await worktree('here');
  gitIn(join(here.path, 'vendor/lib'), 'checkout', '-q', 'origin/main~1');
  const moved = await here.changes();
  expect(moved).toMatchObject({ changedSubmodules: [], files: [{ path: 'vendor/lib', status: 'modified' }] });
  const there = await worktree('there');
  expect((await there.applyToNew(moved.patch as Uint8Array)).lacks).toEqual([]);
  expect(existsSync(join(there.path, 'vendor/lib/later.txt'))).toBe(false);
  expect((await there.changes()).patch).toEqual(moved.patch);

  gitIn(here.path, 'rm', '-q', '-f', 'vendor/lib');
  const removed = await here.changes();
  expect(removed).toMatchObject({ changedSubmodules: [], files: [{}, { path: 'vendor/lib', status: 'deleted' }] });
  const without = await worktree('without');
  await without.applyToNew(removed.patch as Uint8Array);
  expect(existsSync(join(without.path, 'vendor'))).toBe(false);
});

test('a patch with a commit of a submodule that the clone has not says what is missing', async () => {
  const here = await worktree('here');
  gitIn(join(here.path, 'vendor/lib'), 'commit', '-q', '--allow-empty', '-m', 'own');
  const { patch } = await here.changes();
  await (await Repository.open(clone)).removeWorktree(here.path);
  const there = await worktree('there');
  expect((await there.applyToNew(patch as Uint8Array)).lacks).toEqual([
    expect.stringContaining('submodule vendor/lib'),
  ]);
});
