import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cacheKey, SetupCache } from '../../../runner/setup/cache.ts';
import { recipeOf } from '../../../runner/setup/recipe.ts';

let scratch: string;
const cache = { paths: ['made', 'deep/made'], key_files: ['lock'] };
const { signal } = new AbortController();

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-setup-cache-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function worktree(name: string, files: Record<string, string> = {}): string {
  const path = join(scratch, name);
  mkdirSync(path);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(path, file, '..'), { recursive: true });
    writeFileSync(join(path, file), text);
  }
  return path;
}

const stored = () => readdirSync(join(scratch, 'cache')).sort();

test('the entries that were not used for the longest time go when there are too many', async () => {
  const kept = new SetupCache(join(scratch, 'cache'), { entries: 2, bytes: 1_000_000, freeBytes: 0 });
  const from = worktree('from', { 'made/a': '1' });
  await kept.save('a', from, cache, signal);
  await kept.save('b', from, cache, signal);
  expect(await kept.restore('a', worktree('to'), cache, signal)).toBe(true);
  await kept.save('c', from, cache, signal);
  expect(stored()).toEqual(['a', 'c']);
});

test('a result that is too large is not kept, and nothing of it stays', async () => {
  const kept = new SetupCache(join(scratch, 'cache'), { entries: 2, bytes: 10_000, freeBytes: 0 });
  const from = worktree('from', { 'made/a': 'x'.repeat(11_000) });
  await expect(kept.save('a', from, cache, signal)).rejects.toThrow('too large');
  expect(stored()).toEqual([]);
});

test('a result is not kept when that would fill the disk, and nothing of it stays', async () => {
  const freeBytes = Number.MAX_SAFE_INTEGER;
  const kept = new SetupCache(join(scratch, 'cache'), { entries: 2, bytes: 1_000_000, freeBytes });
  const from = worktree('from', { 'made/a': '1' });
  await expect(kept.save('a', from, cache, signal)).rejects.toThrow('too little free space');
  expect(stored()).toEqual([]);
});

test('an entry of which a part is left is not restored, and the next result replaces it', async () => {
  const kept = new SetupCache(join(scratch, 'cache'));
  const from = worktree('from', { 'made/a': '1', 'made/sub/b': '2' });
  await kept.save('a', from, cache, signal);
  rmSync(join(scratch, 'cache/a/0/sub'), { recursive: true });
  rmSync(join(scratch, 'cache/a/bytes'));
  const to = worktree('to');
  expect([await kept.restore('a', to, cache, signal), readdirSync(to)]).toEqual([false, []]);
  await kept.save('a', from, cache, signal);
  expect([await kept.restore('a', to, cache, signal), readdirSync(join(to, 'made'))]).toEqual([true, ['a', 'sub']]);
});

test('an entry that cannot be restored goes, and the set-up can run', async () => {
  const kept = new SetupCache(join(scratch, 'cache'));
  await kept.save('a', worktree('from', { 'made/a': '1', 'deep/made/b': '2' }), cache, signal);
  const to = worktree('to', { deep: 'a file where the entry has a directory' });
  expect(await kept.restore('a', to, cache, signal)).toBe(false);
  expect([readdirSync(to), stored()]).toEqual([['deep'], []]);
});

test('an entry with read-only directories goes as a whole', async () => {
  const kept = new SetupCache(join(scratch, 'cache'), { entries: 1, bytes: 1_000_000, freeBytes: 0 });
  const from = worktree('from', { 'made/module/a': '1' });
  chmodSync(join(from, 'made/module'), 0o500);
  await kept.save('a', from, cache, signal);
  await kept.save('b', from, cache, signal);
  expect(stored()).toEqual(['b']);
  for (const path of ['from/made/module', 'cache/b/0/module']) chmodSync(join(scratch, path), 0o700);
});

test('an entry stays when the lease ends while it is restored', async () => {
  const kept = new SetupCache(join(scratch, 'cache'));
  await kept.save('a', worktree('from', { 'made/a': '1' }), cache, signal);
  const to = worktree('to');
  expect(await kept.restore('a', to, cache, AbortSignal.abort())).toBe(false);
  expect([readdirSync(to), stored()]).toEqual([[], ['a']]);
});

test('no entry is copied over what a worktree has, or through a link', async () => {
  const outside = worktree('outside');
  const kept = new SetupCache(join(scratch, 'cache'));
  await kept.save('a', worktree('from', { 'made/a': '1', 'deep/made/b': '2' }), cache, signal);
  const taken = worktree('taken', { 'made/mine': 'mine' });
  expect(await kept.restore('a', taken, cache, signal)).toBe(false);
  expect(readFileSync(join(taken, 'made/mine'), 'utf8')).toBe('mine');
  const linked = worktree('linked');
  symlinkSync(outside, join(linked, 'deep'));
  expect(await kept.restore('a', linked, cache, signal)).toBe(false);
  expect([readdirSync(outside), existsSync(join(linked, 'made'))]).toEqual([[], false]);
});

test('the key changes with the command, the paths, the files and the facts, and only with them', async () => {
  const recipe = recipeOf('repository', JSON.stringify({ setup: { command: 'make', cache } }));
  if (recipe === null) throw new Error('no recipe');
  const path = worktree('keys', { lock: '1', other: '1' });
  const key = await cacheKey(recipe, path, ['linux']);
  writeFileSync(join(path, 'other'), '2');
  expect(await cacheKey({ ...recipe, timeout_seconds: 5 }, path, ['linux'])).toBe(key);
  expect(await cacheKey({ ...recipe, command: 'make all' }, path, ['linux'])).not.toBe(key);
  expect(await cacheKey(recipe, path, ['darwin'])).not.toBe(key);
  writeFileSync(join(path, 'lock'), '2');
  expect(await cacheKey(recipe, path, ['linux'])).not.toBe(key);
});

test('a recipe with a path outside the repository, or an unknown member, is refused with the reason', () => {
  const withPath = (path: string) =>
    recipeOf('repository', JSON.stringify({ setup: { command: 'a', cache: { paths: [path], key_files: ['lock'] } } }));
  for (const path of ['', '.', '..', '../a', 'a/../../b', '/etc', '.git', './.git/hooks']) {
    expect(() => withPath(path), path).toThrow('inside the repository');
  }
  expect(withPath('./packages/a/node_modules')).not.toBeNull();
  expect(() => recipeOf('repository', '{"setup":{"comand":"a"}}')).toThrow('setup');
  expect(() => recipeOf('repository', '{')).toThrow('not valid JSON');
  expect(recipeOf('repository', '{"other":1}')).toBeNull();
  expect(recipeOf({ command: 'b' }, '{"setup":{"command":"a","timeout_seconds":9}}')).toEqual({
    command: 'b',
    timeout_seconds: 9,
  });
});
