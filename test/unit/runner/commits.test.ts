import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RepositoryError } from '../../../runner/git/commits.ts';
import { GitError } from '../../../runner/git/git.ts';
import { Repository } from '../../../runner/git/repository.ts';
import { gitIn } from '../../support/git-in.ts';
import { newRepository } from '../../support/new-repository.ts';

let scratch: string;
let clone: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-commits-'));
  clone = join(scratch, 'clone');
  newRepository(clone);
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const run = (...args: string[]) => gitIn(clone, ...args);

test('a commit that neither clone nor remotes have is named in the error', async () => {
  const repository = await Repository.open(clone);
  await expect(repository.resolve('deadbeef')).rejects.toThrow('no commit deadbeef');
});

test('a missing commit is fetched', async () => {
  const second = join(scratch, 'second');
  execFileSync('git', ['clone', '-q', clone, second]);
  run('commit', '-q', '--allow-empty', '-m', 'later');
  const later = run('rev-parse', 'HEAD');
  expect(await (await Repository.open(second)).resolve(later)).toBe(later);
});

test('a missing commit is a refusal only if origin could be asked', async () => {
  const second = join(scratch, 'second');
  execFileSync('git', ['clone', '-q', clone, second]);
  const repository = await Repository.open(second);
  const commit = '0123456789'.repeat(4);
  await expect(repository.resolve(commit)).rejects.toThrow(RepositoryError);
  renameSync(clone, join(scratch, 'away'));
  await expect(repository.resolve(commit)).rejects.toThrow(GitError);
  await expect(repository.resolve(commit)).rejects.toThrow(`no commit ${commit}, and origin (${clone}) cannot be read`);
  renameSync(join(scratch, 'away'), clone);
  await expect(repository.resolve(commit)).rejects.toThrow(RepositoryError);
});

test('a remote that is gone neither hides a commit of another one, nor turns a refusal into a failure', async () => {
  const second = join(scratch, 'second');
  execFileSync('git', ['clone', '-q', clone, second]);
  gitIn(second, 'remote', 'add', 'gone', join(scratch, 'gone'));
  const repository = await Repository.open(second);
  run('commit', '-q', '--allow-empty', '-m', 'later');
  expect(await repository.resolve(run('rev-parse', 'HEAD'))).toBe(run('rev-parse', 'HEAD'));
  const missing = repository.resolve('0123456789'.repeat(4));
  await expect(missing).rejects.toThrow(RepositoryError);
  await expect(missing).rejects.toThrow(/Some remotes could not be read: .*gone/s);
});

test('a commit is found at another remote while origin is away, and without an origin all remotes decide', async () => {
  const second = join(scratch, 'second');
  execFileSync('git', ['clone', '-q', clone, second]);
  gitIn(second, 'remote', 'add', 'fork', clone);
  gitIn(second, 'remote', 'set-url', 'origin', join(scratch, 'away'));
  const repository = await Repository.open(second);
  run('commit', '-q', '--allow-empty', '-m', 'later');
  expect(await repository.resolve(run('rev-parse', 'HEAD'))).toBe(run('rev-parse', 'HEAD'));
  gitIn(second, 'remote', 'rename', 'origin', 'upstream');
  await expect(repository.resolve('0123456789'.repeat(4))).rejects.toThrow(
    /^This clone has no commit .* cannot be read/,
  );
});

test('a branch of origin is found as it is there, and one that is not there is named', async () => {
  const second = join(scratch, 'second');
  execFileSync('git', ['clone', '-q', clone, second]);
  const repository = await Repository.open(second);
  run('checkout', '-q', '-b', 'feature/x');
  run('commit', '-q', '--allow-empty', '-m', 'on the branch');
  const commit = await repository.resolveBranch('feature/x');
  expect(commit).toBe(run('rev-parse', 'HEAD'));
  expect(await repository.describe(commit)).toMatch(/^[0-9a-f]{7,} on the branch$/);
  await expect(repository.resolveBranch('none')).rejects.toThrow('origin has no branch none');
  const alone = await Repository.open(clone);
  await expect(alone.resolveBranch('main')).rejects.toThrow(RepositoryError);
  await expect(alone.resolveBranch('main')).rejects.toThrow('git remote add origin');
  renameSync(clone, join(scratch, 'away'));
  await expect(repository.resolveBranch('main')).rejects.toThrow('cannot be read from origin');
});
