import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Filters } from '../../../runner/git/filters.ts';
import { GitError, git } from '../../../runner/git/git.ts';
import { Repository } from '../../../runner/git/repository.ts';
import { isRunning } from '../../../runner/process/processes.ts';
import { eventually } from '../../support/eventually.ts';
import { gitIn } from '../../support/git-in.ts';
import { newRepository } from '../../support/new-repository.ts';

let scratch: string;
let clone: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-clone-'));
  clone = join(scratch, 'clone');
  newRepository(clone, { 'file.txt': 'text\n' });
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const listed = () => gitIn(clone, 'worktree', 'list', '--porcelain').match(/^worktree /gm)?.length;

test('a worktree of the person that is away for the moment keeps its record, its index and its HEAD', async () => {
  const mine = join(scratch, 'mine');
  gitIn(clone, 'worktree', 'add', '--quiet', mine, '-b', 'mine');
  writeFileSync(join(mine, 'staged.txt'), 'staged\n');
  gitIn(mine, 'add', 'staged.txt');
  renameSync(mine, `${mine}.away`);

  const repository = await Repository.open(clone);
  const ours = await repository.addWorktree(join(scratch, 'ours'), await repository.resolve());
  await repository.removeWorktree(ours.path);
  await repository.removeWorktree(join(scratch, 'never'));

  renameSync(`${mine}.away`, mine);
  expect(gitIn(mine, 'status', '--porcelain')).toBe('A  staged.txt');
  expect(listed()).toBe(2);
});

test('git and its filters run the user’s programs, and not those of this package', async () => {
  const npm = resolve('node_modules/.bin');
  const person = process.env.PATH;
  process.env.PATH = [npm, person].join(delimiter);
  try {
    const path = await git(clone, ['-c', 'alias.path=!echo "$PATH"', 'path']);
    expect(`${path}`.trim().split(delimiter)).not.toContain(npm);
  } finally {
    process.env.PATH = person;
  }
});

test('a worktree whose directory was deleted, or that has lost its record, can be removed and added again', async () => {
  const repository = await Repository.open(clone);
  const base = await repository.resolve();
  const path = join(scratch, 'again');
  await repository.addWorktree(path, base);
  rmSync(path, { recursive: true });
  await repository.addWorktree(path, base);
  rmSync(join(clone, '.git', 'worktrees'), { recursive: true });
  await repository.addWorktree(path, base);
  expect(gitIn(path, 'status', '--porcelain')).toBe('');
  await repository.removeWorktree(path);
  expect([existsSync(path), listed()]).toEqual([false, 1]);
});

test('a command whose filter hangs is killed with the filter when its time is over, and says so', async () => {
  const pidFile = join(scratch, 'pid');
  gitIn(clone, 'config', 'filter.slow.clean', `sh -c 'echo $$ > ${pidFile}; exec sleep 300'`);
  writeFileSync(join(clone, '.gitattributes'), '*.bin filter=slow\n');
  writeFileSync(join(clone, 'big.bin'), 'x');
  const failure = git(clone, ['add', 'big.bin'], { maxMs: 1_000 });
  await expect(failure).rejects.toThrow(GitError);
  await expect(failure).rejects.toThrow('git add: it did not end within 1 s');
  const pid = Number(readFileSync(pidFile, 'utf8'));
  await eventually(() => expect(isRunning(pid)).toBe(false));
});

test('a filter that hangs is not run again, and the files have what git stores', async () => {
  gitIn(clone, 'config', 'filter.slow.smudge', 'sleep 300');
  writeFileSync(join(clone, '.gitattributes'), '*.bin filter=slow\n');
  writeFileSync(join(clone, 'big.bin'), 'x');
  gitIn(clone, 'add', '-A');
  rmSync(join(clone, 'big.bin'));
  const filters = new Filters();
  const restore = () =>
    filters.run(clone, {}, (settings) => git(clone, ['checkout', '--', 'big.bin'], { settings, maxMs: 1_000 }));
  await restore();
  expect(readFileSync(join(clone, 'big.bin'), 'utf8')).toBe('x');
  expect(filters.failure).toContain('did not end within');
});

test('a filter of a new worktree has the worktree’s mark, by which the next agent finds it', async () => {
  const found = join(scratch, 'found');
  gitIn(clone, 'config', 'filter.noted.smudge', `sh -c 'echo "$OIO_WORKTREE" > ${found}; cat'`);
  writeFileSync(join(clone, '.gitattributes'), '*.bin filter=noted\n');
  writeFileSync(join(clone, 'big.bin'), 'x');
  gitIn(clone, 'add', '-A');
  gitIn(clone, 'commit', '-qm', 'filtered');
  const repository = await Repository.open(clone);
  const { path } = await repository.addWorktree(join(scratch, 'ours'), await repository.resolve());
  expect(readFileSync(found, 'utf8').trim()).toBe(realpathSync(path));
});

test('bytes that are not UTF-8 survive in contents and names, and names are listed as git quotes them', async () => {
  const repository = await Repository.open(clone);
  const base = await repository.resolve();
  const [here, there] = [join(scratch, 'here'), join(scratch, 'there')];
  const from = await repository.addWorktree(here, base);
  const name = (directory: string) =>
    Buffer.concat([Buffer.from(`${directory}/f`), Buffer.from([0xe9]), Buffer.from('.txt')]);
  writeFileSync(name(here), Buffer.from('caf\xe9\n', 'latin1'));
  const { patch, files } = await from.changes();
  expect(files.map(({ path }) => path)).toEqual(['f\\351.txt']);
  await (await repository.addWorktree(there, base)).applyToNew(patch as Uint8Array);
  expect(readFileSync(name(there)).toString('latin1')).toBe('caf\xe9\n');
});

test('a nested repository is in the patch whatever bytes its name has', async () => {
  const repository = await Repository.open(clone);
  const base = await repository.resolve();
  const here = await repository.addWorktree(join(scratch, 'here'), base);
  const inside = (directory: string, name: string) => Buffer.from(`${directory}/caf\xe9/d\xe9ep/${name}`, 'latin1');
  mkdirSync(inside(here.path, ''), { recursive: true });
  execFileSync('sh', ['-c', 'for d in caf* caf*/d*; do git init -q "$d"; done'], { cwd: here.path });
  writeFileSync(inside(here.path, 'new.txt'), 'new\n');
  writeFileSync(inside(here.path, 'core'), '');
  truncateSync(inside(here.path, 'core'), 2_000_000_000);
  const { patch, files, nested, leftOut } = await here.changes();
  const shown = 'caf\\351/d\\351ep/';
  expect(files.map(({ path }) => path)).toEqual([`${shown}new.txt`]);
  expect(nested.sort()).toEqual(['caf\\351/', shown]);
  expect(leftOut.map(({ path }) => path)).toEqual([`${shown}core`]);
  const there = await repository.addWorktree(join(scratch, 'there'), base);
  await there.applyToNew(patch as Uint8Array);
  expect(readFileSync(inside(there.path, 'new.txt'), 'utf8')).toBe('new\n');
});

test('a change in the second of the checkout, of the same length, is in the patch', async () => {
  // As in that second, no time of the file tells of the change.
  gitIn(clone, 'config', 'core.trustctime', 'false');
  const repository = await Repository.open(clone);
  const tree = await repository.addWorktree(join(scratch, 'tree'), await repository.resolve());
  const file = join(tree.path, 'file.txt');
  const { mtime } = statSync(file);
  writeFileSync(file, 'TEXT\n');
  for (const path of [file, join(clone, '.git/worktrees/tree/index')]) utimesSync(path, mtime, mtime);
  expect((await tree.changes()).files.map(({ path }) => path)).toEqual(['file.txt']);
});
