import { constants } from 'node:fs';
import { copyFile, lstat, mkdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BytePath, listOf, pathText, placeOf, splitNul } from './byte-path.ts';
import { git } from './git.ts';
import { isIn, type LeftOut, leaveOut, type NewFile } from './leave-out.ts';

/** Names the files that git does not track and that a worktree gets too, in the syntax of `.gitignore`. */
export const INCLUDE_FILE = '.worktreeinclude';

const LIMITS = { fileBytes: 268_435_456, totalBytes: 268_435_456, files: 10_000 };
const MAX_LISTING_BYTES = 64 * 1_048_576;
/** Beside git's own files of a worktree, so that it lasts as long as the worktree does. */
const RECORD = 'oio-included';
/** A file that is being copied, at the top of the worktree. A kill may leave it. */
const UNFINISHED = '.oio-unfinished' as BytePath;
/** The data directory of this project, which holds keys. */
const OWN = /^\.oio(-demo)?\//;

/** What a worktree has got of the files that `.worktreeinclude` names. */
export interface Included {
  /** The paths of copied files, to show. */
  copied: string[];
  /** Too many or too large files, and directories of them. */
  leftOut: LeftOut[];
  /** Files that could not be copied, such as unreadable ones, or ones whose directory is a link in the worktree. */
  skipped: string[];
}

/**
 * Copies files that git does not track from a clone into a worktree, if `.worktreeinclude` of the clone names them. A file
 * that the worktree has is never replaced. The files are recorded, because no snapshot may hold them.
 *
 * @param index the worktree's index, beside which the record is kept
 * @returns null when the clone has no `.worktreeinclude`
 */
export async function copyIncluded(clone: string, worktree: string, index: string): Promise<Included | null> {
  const patterns = join(clone, INCLUDE_FILE);
  if (!(await stat(patterns).catch(() => null))?.isFile()) return null;
  const list = ['ls-files', '-z', '--others', '--ignored', `--exclude-from=${patterns}`];
  const listed = splitNul(await git(clone, list, { maxBytes: MAX_LISTING_BYTES }));
  // A path that ends in a slash is a repository inside the clone.
  const files = listed.filter((path) => !path.endsWith('/') && !OWN.test(path));
  const found = await missing(clone, worktree, files);
  const leftOut = leaveOut(found, LIMITS);
  const wanted = found.filter(({ path }) => !leftOut.some((left) => isIn(path, left.path)));
  // First the record, so that no snapshot can hold a file that is copied and not recorded. It keeps the files of an
  // earlier copy that did not end.
  const recorded = new Set([UNFINISHED, ...(await includedPaths(index)), ...wanted.map(({ path }) => path)]);
  await writeFile(recordOf(index), listOf([...recorded]));
  const included: Included = {
    copied: [],
    leftOut: leftOut.map((left) => ({ ...left, path: pathText(left.path as BytePath) })),
    skipped: [],
  };
  await rm(placeOf(worktree, UNFINISHED), { force: true });
  for (const { path } of wanted) {
    const isCopied = await copyOne(clone, worktree, path);
    (isCopied ? included.copied : included.skipped).push(pathText(path));
  }
  return included;
}

/**
 * The paths that {@link copyIncluded} has recorded for a worktree.
 * @throws when the record exists and cannot be read, because a snapshot could then hold what was copied
 */
export async function includedPaths(index: string | null): Promise<BytePath[]> {
  if (index === null) return [];
  const record = await readFile(recordOf(index)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  return splitNul(record);
}

function recordOf(index: string): string {
  return join(dirname(index), RECORD);
}

/** The files of the clone that the worktree does not have. */
async function missing(clone: string, worktree: string, paths: BytePath[]): Promise<(NewFile & { path: BytePath })[]> {
  const statOf = (directory: string, path: BytePath) => lstat(placeOf(directory, path)).catch(() => null);
  const files = paths.map(async (path) => {
    const [found, present] = [await statOf(clone, path), await statOf(worktree, path)];
    return found === null || present !== null ? [] : [{ path, bytes: found.size }];
  });
  return (await Promise.all(files)).flat();
}

async function copyOne(clone: string, worktree: string, path: BytePath): Promise<boolean> {
  const [from, to] = [placeOf(clone, path), placeOf(worktree, path)];
  try {
    if (!(await makeParents(worktree, path))) return false;
    const found = await lstat(from);
    if (found.isSymbolicLink()) await symlink(await readlink(from, 'buffer'), to);
    else if (found.isFile()) {
      // A part of a file must not be taken for the file after a kill.
      await copyFile(from, placeOf(worktree, UNFINISHED), constants.COPYFILE_FICLONE);
      await rename(placeOf(worktree, UNFINISHED), to);
    } else return false;
    return true;
  } catch (error) {
    await rm(placeOf(worktree, UNFINISHED), { force: true });
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error;
    return false;
  }
}

/** Makes the directories of a path. A link among them could lead out of the worktree, so it is not followed. */
async function makeParents(worktree: string, path: BytePath): Promise<boolean> {
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    const directory = placeOf(worktree, path.slice(0, slash) as BytePath);
    const found = await lstat(directory).catch(() => null);
    if (found === null) await mkdir(directory);
    else if (!found.isDirectory()) return false;
  }
  return true;
}
