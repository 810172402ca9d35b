import { readdir, readFile, realpath, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { GitError } from './git.ts';

/** Git's errors when another process changes the same bookkeeping at the same time. */
const RACE = /commondir|\.lock'|could not lock|unable to create|cannot lock/i;
const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 100;

/** The last change of each clone's bookkeeping in this process, by the clone's git directory. */
const changes = new Map<string, Promise<unknown>>();

/**
 * Runs a change of a clone's own bookkeeping, such as its list of worktrees, after the earlier ones of this process. A
 * change that races with another process, such as the person's git, is repeated a few times.
 */
export function changeClone<T>(gitDirectory: string, change: () => Promise<T>): Promise<T> {
  const before = changes.get(gitDirectory) ?? Promise.resolve();
  const work = before.then(() => repeatedOnRace(change));
  const settled = work.catch(() => undefined);
  changes.set(gitDirectory, settled);
  void settled.then(() => {
    if (changes.get(gitDirectory) === settled) changes.delete(gitDirectory);
  });
  return work;
}

async function repeatedOnRace<T>(change: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await change();
    } catch (error) {
      const isRace = error instanceof GitError && RACE.test(error.message);
      if (!isRace || attempt === ATTEMPTS) throw error;
      await delay(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2));
    }
  }
}

/**
 * Deletes git's record of the worktree at `path`. `git worktree prune` would also delete the records of worktrees of the
 * person that are missing for the moment, with their index and HEAD.
 */
export async function removeRecord(gitDirectory: string, path: string): Promise<void> {
  for (const record of await recordsOf(gitDirectory, path)) await rm(record, { recursive: true, force: true });
}

/**
 * The directories in which git keeps the index and the HEAD of the worktree at `path`: one, or none. They are found from
 * the clone, because the `.git` in the worktree may have been removed or replaced.
 *
 * Git keeps the record of a worktree in `worktrees/<id>`, whose file `gitdir` names the worktree's `.git`
 * (gitrepository-layout(5)).
 */
export async function recordsOf(gitDirectory: string, path: string): Promise<string[]> {
  const records = join(gitDirectory, 'worktrees');
  const wanted = new Set([join(resolve(path), '.git'), join(await realpath(path).catch(() => resolve(path)), '.git')]);
  const found: string[] = [];
  for (const name of await readdir(records).catch(() => [])) {
    const named = await readFile(join(records, name, 'gitdir'), 'utf8').catch(() => null);
    if (named !== null && wanted.has(resolve(records, name, named.trim()))) found.push(join(records, name));
  }
  return found;
}
