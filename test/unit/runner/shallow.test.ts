import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RepositoryError } from '../../../runner/git/commits.ts';
import { endingGitWith, GitError } from '../../../runner/git/git.ts';
import { Repository } from '../../../runner/git/repository.ts';
import { eventually } from '../../support/eventually.ts';
import { gitIn } from '../../support/git-in.ts';
import { newRepository } from '../../support/new-repository.ts';

let scratch: string;
let origin: string;
let clone: string;
/** The commits of `origin`, the oldest first. */
let commits: string[];

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-shallow-'));
  origin = join(scratch, 'origin');
  clone = join(scratch, 'clone');
  newRepository(origin, { 'file.txt': '0\n' });
  commits = [gitIn(origin, 'rev-parse', 'HEAD')];
  for (const day of [1, 2, 3]) commit(day);
  execFileSync('git', ['clone', '-q', '--depth', '1', `file://${origin}`, clone]);
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** Adds a commit to `origin`. Each is a day after the one before, as in a repository that has a history. */
function commit(day: number): string {
  writeFileSync(join(origin, 'file.txt'), `${day}\n`);
  const date = new Date(Date.now() + day * 86_400_000).toISOString();
  const environment = { ...process.env, GIT_COMMITTER_DATE: date };
  const person = ['-c', 'user.name=T', '-c', 'user.email=t@example.org'];
  execFileSync('git', ['-C', origin, ...person, 'commit', '-qam', `of day ${day}`], { env: environment });
  commits.push(gitIn(origin, 'rev-parse', 'HEAD'));
  return commits.at(-1)!;
}

/** What belongs to the person: branches, remote branches, HEAD, and the commits that they reach. */
const ofPerson = () => [gitIn(clone, 'show-ref', '--head'), gitIn(clone, 'log', '--all', '--format=%H')];

test('a shallow clone is known by its remotes, and not by the commit at which its history is cut', async () => {
  const repository = await Repository.open(clone);
  expect([repository.rootCommit, repository.remotes]).toEqual([null, [origin]]);
  gitIn(clone, 'fetch', '-q', '--unshallow');
  expect((await Repository.open(clone)).rootCommit).toBe(commits[0]);
});

test('a shallow clone without a remote is refused, because nothing says which repository it is', async () => {
  gitIn(clone, 'remote', 'remove', 'origin');
  await expect(Repository.open(clone)).rejects.toThrow('is a shallow clone without a remote');
  await expect(Repository.open(clone)).rejects.toThrow('git remote add origin <url>');
});

test('an older commit is fetched alone, and is a base for work; what the person has does not change', async () => {
  const repository = await Repository.open(clone);
  const before = ofPerson();
  const base = await repository.resolve(commits[1]);
  expect(base).toBe(commits[1]);
  const worktree = await repository.addWorktree(join(scratch, 'worktree'), base);
  expect(readFileSync(join(worktree.path, 'file.txt'), 'utf8')).toBe('1\n');
  writeFileSync(join(worktree.path, 'file.txt'), 'mine\n');
  const { patch } = await worktree.changes();
  await worktree.verify(patch!);
  expect(gitIn(worktree.path, 'log', '--format=%H')).toBe(commits[1]);
  await repository.removeWorktree(worktree.path);
  expect(ofPerson()).toEqual(before);
  expect(gitIn(clone, 'rev-list', '--count', 'HEAD')).toBe('1');
});

test('a newer commit is fetched with the history in between, so that the person can still pull', async () => {
  const repository = await Repository.open(clone);
  const shallow = () => readFileSync(join(clone, '.git/shallow'), 'utf8');
  const before = [shallow(), ...ofPerson()];
  commit(4);
  const newest = commit(5);
  expect(await repository.resolve(newest)).toBe(newest);
  expect([shallow(), ...ofPerson()]).toEqual(before);
  gitIn(clone, 'pull', '-q', '--ff-only');
  expect(gitIn(clone, 'log', '--format=%s')).toBe('of day 5\nof day 4\nof day 3');
});

test('the branch of a session is fetched as origin has it', async () => {
  const repository = await Repository.open(clone);
  gitIn(origin, 'checkout', '-q', '-b', 'feature', commits[2]!);
  const tip = commit(6);
  expect(await repository.resolveBranch('feature')).toBe(tip);
});

test('sessions that start at once can each fetch the commit that they need', async () => {
  const repository = await Repository.open(clone);
  const wanted = commits.slice(0, 3).flatMap((hash) => [hash, hash]);
  expect(await Promise.all(wanted.map((hash) => repository.resolve(hash)))).toEqual(wanted);
});

test('a server that gives out branches only is asked for more history', async () => {
  gitIn(clone, 'config', 'protocol.version', '0');
  const repository = await Repository.open(clone);
  expect(await repository.resolve(commits[1])).toBe(commits[1]);
});

test('a commit that is nowhere is a refusal with the commit, the remote and advice', async () => {
  const repository = await Repository.open(clone);
  const nowhere = '0123456789'.repeat(4);
  const before = readFileSync(join(clone, '.git/shallow'), 'utf8');
  const refusal = repository.resolve(nowhere);
  await expect(refusal).rejects.toThrow(RepositoryError);
  await expect(refusal).rejects.toThrow(`This shallow clone has no commit ${nowhere}`);
  await expect(refusal).rejects.toThrow(`origin (${origin})`);
  await expect(refusal).rejects.toThrow(/Push it there, .*not our ref/);
  await expect(repository.resolve(commits[0]!.slice(0, 10))).rejects.toThrow('by its full hash');
  expect(readFileSync(join(clone, '.git/shallow'), 'utf8')).toBe(before);
});

test('a commit is found at another remote, also while origin is away; alone, such an origin is no refusal', async () => {
  gitIn(clone, 'remote', 'add', 'mirror', `file://${join(scratch, 'mirror')}`);
  const repository = await Repository.open(clone);
  renameSync(origin, join(scratch, 'mirror'));
  expect(await repository.resolve(commits[1])).toBe(commits[1]);
  renameSync(join(scratch, 'mirror'), join(scratch, 'away'));
  const failed = repository.resolve(commits[0]);
  await expect(failed).rejects.toThrow(GitError);
  await expect(failed).rejects.toThrow(`origin (${origin}) cannot be read`);
});

test('work that waits for the fetch of other work ends at once when it is to end', async () => {
  const [calls, script] = [join(scratch, 'calls'), join(scratch, 'upload-pack')];
  const numberOf = () => readFileSync(calls, 'utf8').split('\n').length - 1;
  // The first work reads the remote (a line), and its fetch then hangs (a line). The second work reads the remote.
  const hangs = `test $(wc -l < '${calls}') -ne 1 || { echo >> '${calls}'; exec sleep 300; }`;
  const serves = `git upload-pack "$@"; code=$?; echo >> '${calls}'; exit $code`;
  writeFileSync(script, `#!/bin/sh\n${hangs}\n${serves}\n`, { mode: 0o755 });
  writeFileSync(calls, '');
  gitIn(clone, 'config', 'remote.origin.uploadpack', script);
  const repository = await Repository.open(clone);
  const reason = new Error('the session was stopped');
  const work = (commit: string | undefined) => {
    const stop = new AbortController();
    const ended = endingGitWith(stop.signal, () => repository.resolve(commit)).catch((error: Error) => error);
    return { ended, stop: () => stop.abort(reason) };
  };
  const first = work(commits[0]);
  await eventually(() => expect(numberOf()).toBe(2));
  const second = work(commits[1]);
  await eventually(() => expect(numberOf()).toBe(3));
  second.stop();
  expect(await second.ended).toBe(reason);
  first.stop();
  expect(await first.ended).toBe(reason);
});

describe('at a remote that is another server', () => {
  let server: Server;
  let answer: (response: ServerResponse) => void;

  beforeEach(async () => {
    server = createServer((_, response) => answer(response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    gitIn(clone, 'remote', 'set-url', 'origin', `http://127.0.0.1:${(server.address() as AddressInfo).port}/web.git`);
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  test('a question for a password is a failure at once', async () => {
    answer = (response) => response.writeHead(401, { 'www-authenticate': 'Basic' }).end();
    const repository = await Repository.open(clone);
    await expect(repository.resolve(commits[1])).rejects.toThrow('terminal prompts disabled');
  });

  test('a fetch that is ended while the server is silent ends with the reason, and is no refusal', async () => {
    const stop = new AbortController();
    const reason = new Error('the session was stopped');
    answer = () => stop.abort(reason);
    const repository = await Repository.open(clone);
    const fetching = endingGitWith(stop.signal, () => repository.resolve(commits[1]));
    await expect(fetching).rejects.toBe(reason);
  });
});
