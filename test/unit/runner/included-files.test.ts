import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Repository } from '../../../runner/git/repository.ts';
import type { Worktree } from '../../../runner/git/worktree.ts';
import { eventually } from '../../support/eventually.ts';
import { gitIn } from '../../support/git-in.ts';
import { newRepository } from '../../support/new-repository.ts';

let scratch: string;
let clone: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-included-'));
  clone = join(scratch, 'clone');
  newRepository(clone, { 'file.txt': 'text\n', '.gitignore': '.env\nnode_modules/\n' });
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** Writes files of the clone, by path. */
function write(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(clone, path, '..'), { recursive: true });
    writeFileSync(join(clone, path), text);
  }
}

async function addWorktree(): Promise<Worktree> {
  const repository = await Repository.open(clone);
  return repository.addWorktree(join(scratch, 'worktree'), await repository.resolve());
}

/** The patch of a worktree's changes, and the paths in it. */
async function changesOf(worktree: Worktree): Promise<[string, string[]]> {
  const { patch, files } = await worktree.changes();
  return [Buffer.from(patch ?? []).toString(), files.map(({ path }) => path)];
}

test('a clone without the file copies nothing, and only what the file names is copied', async () => {
  write({ '.env': 'KEY=1\n', '.env.production': 'KEY=2\n', 'node_modules/dep/index.js': '1\n' });
  const worktree = await addWorktree();
  expect(await worktree.copyIncluded(clone)).toBeNull();
  expect(existsSync(join(worktree.path, '.env'))).toBe(false);

  write({ '.worktreeinclude': '.env\n' });
  expect(await worktree.copyIncluded(clone)).toEqual({ copied: ['.env'], leftOut: [], skipped: [] });
  expect(readFileSync(join(worktree.path, '.env'), 'utf8')).toBe('KEY=1\n');
  expect(existsSync(join(worktree.path, '.env.production'))).toBe(false);
  expect(existsSync(join(worktree.path, 'node_modules'))).toBe(false);
});

test('patterns have the syntax of .gitignore, and modes, links and odd names stay as they are', async () => {
  write({ '.worktreeinclude': '# secrets\nconfig/*\n!config/not.json\nnode_modules/\n' });
  write({ 'config/deep é.json': '{}', 'config/not.json': '{}', 'node_modules/dep/run.sh': '#!/bin/sh\n' });
  execFileSync('chmod', ['755', join(clone, 'node_modules/dep/run.sh')]);
  symlinkSync('dep/run.sh', join(clone, 'node_modules/run'));
  writeFileSync(Buffer.concat([Buffer.from(`${clone}/config/na`), Buffer.from([0xe9])]), 'x');
  const worktree = await addWorktree();
  const included = await worktree.copyIncluded(clone);
  expect(included?.copied.sort()).toEqual([
    'config/deep é.json',
    'config/na\\351',
    'node_modules/dep/run.sh',
    'node_modules/run',
  ]);
  expect(statSync(join(worktree.path, 'node_modules/run')).mode & 0o777).toBe(0o755);
  expect(lstatSync(join(worktree.path, 'node_modules/run')).isSymbolicLink()).toBe(true);
});

test('copied files are in no checkpoint, even when git does not ignore them or the agent has staged them', async () => {
  write({ '.worktreeinclude': '.env\nlocal.txt\n', '.env': 'KEY=secret-1\n', 'local.txt': 'secret-2\n' });
  const worktree = await addWorktree();
  expect((await worktree.copyIncluded(clone))?.copied).toEqual(['.env', 'local.txt']);
  expect(await changesOf(worktree)).toEqual(['', []]);

  writeFileSync(join(worktree.path, '.gitignore'), '');
  writeFileSync(join(worktree.path, 'local.txt'), 'secret-3\n');
  writeFileSync(join(worktree.path, 'made.txt'), 'made\n');
  gitIn(worktree.path, 'add', '-A');
  gitIn(worktree.path, 'commit', '-qm', 'everything');
  const [patch, files] = await changesOf(worktree);
  expect(files).toEqual(['.gitignore', 'made.txt']);
  expect(patch).not.toContain('secret');

  const again = await (await Repository.open(clone)).openWorktree(worktree.path, worktree.base);
  expect((await changesOf(again))[1]).toEqual(['.gitignore', 'made.txt']);
});

test('a second copy, after one that did not end, lets nothing of the first into a checkpoint', async () => {
  write({ '.worktreeinclude': 'secret.txt\nlater.txt\n', 'secret.txt': '1\n' });
  const worktree = await addWorktree();
  await worktree.copyIncluded(clone);
  write({ 'later.txt': '2\n' });
  expect((await worktree.copyIncluded(clone))?.copied).toEqual(['later.txt']);
  expect((await changesOf(worktree))[1]).toEqual([]);
});

test('a copy that a kill cut off is made again as a whole', async () => {
  write({ '.worktreeinclude': 'data.bin\n', 'data.bin': '' });
  truncateSync(join(clone, 'data.bin'), 100_000_000);
  const { path, base } = await addWorktree();
  const index = gitIn(path, 'rev-parse', '--git-path', 'index').trim();
  const module = new URL('../../../runner/git/included-files.ts', import.meta.url).href;
  const code = `const { copyIncluded } = await import(${JSON.stringify(module)});
    await copyIncluded(...process.argv.slice(1));`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code, clone, path, index]);
  await eventually(() => expect(readdirSync(path)).not.toEqual(['.git', '.gitignore', 'file.txt']));
  child.kill('SIGKILL');
  await once(child, 'close');

  const worktree = await (await Repository.open(clone)).openWorktree(path, base);
  expect(await changesOf(worktree)).toEqual(['', []]);
  await worktree.copyIncluded(clone);
  expect(statSync(join(path, 'data.bin')).size).toBe(100_000_000);
  expect(readdirSync(path).sort()).toEqual(['.git', '.gitignore', 'data.bin', 'file.txt']);
});

test.each([
  ['removed', () => undefined],
  ['replaced', (path: string) => void gitIn(path, 'init', '-q')],
])(
  'copied files are in no checkpoint of a later lease when the model has %s the worktree’s .git',
  async (_, replace) => {
    write({ '.worktreeinclude': 'local.txt\n', 'local.txt': 'secret\n' });
    const { path, base } = await addWorktree().then(async (worktree) => {
      await worktree.copyIncluded(clone);
      await worktree.markPrepared();
      return worktree;
    });
    rmSync(join(path, '.git'), { recursive: true });
    replace(path);
    writeFileSync(join(path, 'made.txt'), 'made\n');
    const later = await (await Repository.open(clone)).openWorktree(path, base);
    expect(await later.prepared()).toBe('');
    const [patch, files] = await changesOf(later);
    expect(files).toEqual(['made.txt']);
    expect(patch).not.toContain('secret');
  },
);

test('a worktree is prepared only once it is marked, and a new one at its path is not', async () => {
  const worktree = await addWorktree();
  expect(await worktree.prepared()).toBeNull();
  await worktree.markPrepared();
  const repository = await Repository.open(clone);
  const again = await repository.openWorktree(worktree.path, worktree.base);
  expect(await again.prepared()).toBe('');
  await again.markPrepared('It failed.');
  expect(await again.prepared()).toBe('It failed.');
  expect(await (await addWorktree()).prepared()).toBeNull();
});

test('a file that the worktree has is not replaced, and no link leads out of the worktree', async () => {
  const outside = join(scratch, 'outside');
  mkdirSync(outside);
  symlinkSync(outside, join(clone, 'config'));
  gitIn(clone, 'add', '-A');
  gitIn(clone, 'commit', '-qm', 'a link');
  gitIn(clone, 'rm', '-q', '--cached', 'config', 'file.txt');
  rmSync(join(clone, 'config'));
  write({ '.worktreeinclude': 'config/\nfile.txt\n', 'config/.env': 'KEY=1\n', 'file.txt': 'of the person\n' });
  const worktree = await addWorktree();
  expect(await worktree.copyIncluded(clone)).toEqual({ copied: [], leftOut: [], skipped: ['config/.env'] });
  expect(existsSync(join(outside, '.env'))).toBe(false);
  expect(readFileSync(join(worktree.path, 'file.txt'), 'utf8')).toBe('text\n');
  expect(await changesOf(worktree)).toEqual(['', []]);
});

test('what is too large is left out and named, and neither repositories nor the data directory are copied', async () => {
  write({ '.worktreeinclude': '*\n', 'image.bin': '', 'a.txt': 'a', '.oio/secrets.json': '{}', 'inner/b.txt': 'b' });
  truncateSync(join(clone, 'image.bin'), 300_000_000);
  gitIn(join(clone, 'inner'), 'init', '-q');
  const worktree = await addWorktree();
  const included = await worktree.copyIncluded(clone);
  expect(included?.leftOut).toEqual([{ path: 'image.bin', bytes: 300_000_000, files: 1 }]);
  expect(included?.copied).toEqual(['.worktreeinclude', 'a.txt']);
});

test('a record that cannot be read fails the snapshot, and does not let copied files into it', async () => {
  write({ '.worktreeinclude': 'local.txt\n', 'local.txt': 'secret\n' });
  const worktree = await addWorktree();
  await worktree.copyIncluded(clone);
  const record = gitIn(worktree.path, 'rev-parse', '--git-path', 'oio-included').trim();
  rmSync(record);
  mkdirSync(record);
  await expect(worktree.changes()).rejects.toThrow();
});
