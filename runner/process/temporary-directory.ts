import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { removeTree } from './remove-tree.ts';

/** A file with this suffix beside a worktree has one line: the path of the temporary directory of its lease. */
export const TEMPORARY_SUFFIX = '.tmp';
const NAME = /^oio-[\w-]{8}$/;

/**
 * Makes the temporary directory of the lease that works in a worktree. Its path is short, because the one of a Unix
 * socket has at most 108 bytes. Its name cannot be guessed, and only this user can read it.
 */
export async function makeTemporary(worktree: string): Promise<string> {
  await removeTemporary(worktree);
  const path = join(tmpdir(), `oio-${randomBytes(6).toString('base64url')}`);
  // Before the directory, so that the next start finds it whenever this process is killed.
  await writeFile(`${worktree}${TEMPORARY_SUFFIX}`, `${path}\n`, { mode: 0o600 });
  await mkdir(path, { mode: 0o700 });
  return path;
}

/** Removes the temporary directory of a worktree's lease, if it has one. Call it when the lease's processes have ended. */
export async function removeTemporary(worktree: string): Promise<void> {
  const record = `${worktree}${TEMPORARY_SUFFIX}`;
  const path = (await readFile(record, 'utf8').catch(() => '')).trim();
  if (await isOurs(path)) await removeTree(path);
  await rm(record, { force: true });
}

/** Removes the temporary directories of leases that did not come to their end. @param worktrees the parent of worktrees */
export async function removeLeftoverTemporaries(worktrees: string, log: (line: string) => void): Promise<void> {
  for (const name of (await readdir(worktrees).catch(() => [])).filter(isTemporaryRecord)) {
    await removeTemporary(join(worktrees, name.slice(0, -TEMPORARY_SUFFIX.length))).catch((error: Error) =>
      log(`a leftover temporary directory cannot be removed: ${error.message}`),
    );
  }
}

/** Whether a file beside worktrees names a temporary directory. */
export function isTemporaryRecord(name: string): boolean {
  return name.endsWith(TEMPORARY_SUFFIX);
}

/** A tool can have changed the record, or have put a link in the directory's place. */
async function isOurs(path: string): Promise<boolean> {
  if (!NAME.test(basename(path))) return false;
  const found = await lstat(path).catch(() => null);
  return found?.isDirectory() === true && found.uid === (process.getuid?.() ?? found.uid);
}
