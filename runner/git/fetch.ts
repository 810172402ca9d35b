import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { changeClone } from './bookkeeping.ts';
import { GitError, git, unlessEnded } from './git.ts';

/** Where git keeps a clone. */
export interface ClonePlace {
  /** The top directory of its checkout. */
  directory: string;
  gitDirectory: string;
}

/** What a fetch has come to. */
export interface FetchEnd {
  /** Why a remote could not be read; null if all were. */
  unread: Error | null;
  /** What git has said of a remote that could be read, but did not give the commit; null if it said nothing. */
  said: string | null;
}

const MAX_FETCH_MS = 60_000;
const MAX_READ_MS = 30_000;
/** How much history a shallow clone gets from a server that gives out branches only. */
const DEEPEN_COMMITS = 1_000;
/** Git's words if a server of an older protocol gives out branches only. */
const BRANCHES_ONLY = /does not allow request for unadvertised object/;
const FETCH = ['fetch', '--quiet', '--no-write-fetch-head', '--no-recurse-submodules'];

/** The full hash of a commit; null if the clone does not have it. */
export function findCommit(directory: string, commit: string): Promise<string | null> {
  return git(directory, ['rev-parse', '--verify', '--quiet', `${commit}^{commit}`]).then(
    (output) => output.toString('utf8').trim(),
    (error: Error) => {
      expectFailure(error);
      return null;
    },
  );
}

/** Fetches what the remotes' branches have that a full clone does not. */
export async function fetchBranches({ directory }: ClonePlace, remotes: readonly string[]): Promise<FetchEnd> {
  if (remotes.length === 0) return { unread: null, said: null };
  return { unread: await failureOf(directory, [...FETCH, '--multiple', ...remotes], MAX_FETCH_MS), said: null };
}

/**
 * Fetches one commit into a shallow clone, from the first of the remotes that gives it. No branch moves. The history that
 * the clone has stays as it is, so that its branches can be pulled as before.
 */
export async function fetchIntoShallow(
  clone: ClonePlace,
  remotes: readonly string[],
  commit: string,
): Promise<FetchEnd> {
  const end: FetchEnd = { unread: null, said: null };
  for (const remote of remotes) {
    const unread = await failureOf(clone.directory, ['ls-remote', '--quiet', remote, 'HEAD'], MAX_READ_MS);
    end.unread ??= unread;
    if (unread !== null) continue;
    // Git allows one fetch at a time in a shallow clone, but work in worktrees need not wait for it.
    const fetching = changeClone(join(clone.gitDirectory, 'shallow'), () => fetchOne(clone, remote, commit));
    const failure = await unlessEnded(fetching);
    if (failure === null) return { unread: null, said: null };
    // The last line has the cause.
    end.said = failure.message.split('\n').at(-1) ?? null;
  }
  return end;
}

/** @returns why the remote did not give the commit; null if the clone has it */
async function fetchOne(clone: ClonePlace, remote: string, commit: string): Promise<Error | null> {
  const { directory } = clone;
  const fetch = async (...args: string[]): Promise<Error | null> => {
    const failure = await failureOf(directory, [...FETCH, ...args], MAX_FETCH_MS);
    if ((await findCommit(directory, commit)) !== null) return null;
    return failure ?? new GitError('the commit is not in what was fetched');
  };
  // Another lease may have fetched it meanwhile.
  if ((await findCommit(directory, commit)) !== null) return null;
  // A newer commit comes with the history in between. Alone, it would count as the first one of an unrelated history.
  const since = await oldestShallow(clone);
  if (since !== null && (await fetch('--no-tags', `--shallow-since=${since}`, remote, commit)) === null) return null;
  const failure = await fetch('--no-tags', '--depth=1', remote, commit);
  if (failure === null || !BRANCHES_ONLY.test(failure.message)) return failure;
  return fetch(`--deepen=${DEEPEN_COMMITS}`, remote);
}

/** When the oldest commit of a shallow clone was made, in seconds since the epoch; null if it is unknown. */
async function oldestShallow({ directory, gitDirectory }: ClonePlace): Promise<number | null> {
  const input = await readFile(join(gitDirectory, 'shallow')).catch(() => null);
  if (input === null) return null;
  const listed = await git(directory, ['log', '--no-walk', '--stdin', '--format=%ct'], { input }).catch(
    (error: Error) => {
      expectFailure(error);
      return null;
    },
  );
  const times = listed?.toString('utf8').trim().split('\n').map(Number) ?? [];
  return times.length === 0 ? null : Math.min(...times);
}

/** Runs a command that can fail. @returns why it failed, or null */
function failureOf(directory: string, args: string[], maxMs: number): Promise<Error | null> {
  return git(directory, args, { maxMs }).then(
    () => null,
    (error: Error) => expectFailure(error),
  );
}

/** @throws what is no failure of git, such as the end of the work */
function expectFailure(error: Error): GitError {
  if (error instanceof GitError) return error;
  throw error;
}
