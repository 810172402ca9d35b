import { rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { removeTree } from '../process/remove-tree.ts';
import { type BytePath, listOf, placeOf, splitNul } from './byte-path.ts';
import { EXACT_LINES, withoutFilters } from './filters.ts';
import { GitError, git } from './git.ts';
import { type SnapshotSource, withScratchIndex } from './snapshot.ts';
import { moveSubmodule } from './submodules.ts';

const MAX_LISTING_BYTES = 64 * 1_048_576;
const CHECKOUT_LIMIT_MS = 300_000;
/** No filter of the repository runs, so this is for the largest patches. */
const APPLY_LIMIT_MS = 60_000;
const GITLINK = '160000';

/** What a patch has made of a work tree. */
export interface Applied {
  tree: string;
  missing: BytePath[];
}

/** The files of a patch cannot be written. The work tree is not usable then. */
export class UnwritableError extends Error {
  override name = 'UnwritableError';
}

/**
 * Gives a work tree in which nobody has worked the files that a patch makes of the base commit. The patch is applied in an
 * index of its own first, so that one that does not apply changes nothing.
 *
 * @returns the tree, and the submodules that cannot have the commit that the patch gives them
 * @throws GitError when the patch does not apply; UnwritableError when its files cannot be written
 */
export async function applyPatch(source: SnapshotSource, patch: Uint8Array): Promise<Applied> {
  return withScratchIndex(source, async (environment) => {
    await stagePatch(source.path, source.base, environment, patch);
    const list = ['diff', '--cached', '--raw', '--no-abbrev', '--no-renames', '-z', source.head ?? source.base];
    const listed = await git(source.path, list, { environment, maxBytes: MAX_LISTING_BYTES });
    const { removed, written, links } = parseRaw(listed);
    try {
      for (const path of removed) await removePath(source.path, path);
      // The patch has the bytes of the work tree.
      const settings = [EXACT_LINES, ...(await withoutFilters(source.path, environment))];
      const checkOut = ['checkout-index', '--force', '--quiet', '-z', '--stdin'];
      await git(source.path, checkOut, { environment, settings, input: listOf(written), maxMs: CHECKOUT_LIMIT_MS });
    } catch (error) {
      const why = error instanceof GitError ? error.message : String(error);
      throw new UnwritableError(`The files of the checkpoint cannot be written: ${why}`);
    }
    const missing: BytePath[] = [];
    for (const [path, commit] of links) {
      if (!(await moveSubmodule(source.path, path, commit))) missing.push(path);
    }
    return { tree: await writtenTree(environment), missing };
  });
}

/**
 * Applies a patch to the base commit in an index of its own, as {@link applyPatch} begins. Changes no file.
 * @returns the tree
 * @throws GitError when the patch does not apply, or not within the time limit
 */
export function tryPatch(source: SnapshotSource, patch: Uint8Array): Promise<string> {
  return withScratchIndex(source, async (environment) => {
    await stagePatch(source.path, source.base, environment, patch);
    return writtenTree(environment);
  });
}

/**
 * Fills the index that the environment names with a commit and a patch, which is not packed.
 * @throws GitError when the patch does not apply, or not within the time limit
 */
export async function stagePatch(
  directory: string,
  base: string,
  environment: Record<string, string>,
  patch: Uint8Array,
): Promise<void> {
  await git(directory, ['read-tree', base], { environment });
  if (patch.byteLength === 0) return;
  const apply = ['apply', '--cached', '--binary', '--whitespace=nowarn'];
  await git(directory, apply, { environment, input: patch, maxMs: APPLY_LIMIT_MS });
}

/** The hash of the tree that the index of an environment holds. A partial clone need not have all of its files. */
export async function writtenTree(environment: { GIT_INDEX_FILE: string }): Promise<string> {
  // In a work tree, git would read recently changed files again, with the filters of the person.
  const elsewhere = dirname(environment.GIT_INDEX_FILE);
  return (await git(elsewhere, ['write-tree', '--missing-ok'], { environment })).toString('latin1').trim();
}

/** Parses `git diff --raw -z`. Each change is `:<mode> <mode> <id> <id> <letter>`, then the path. */
function parseRaw(listing: Buffer) {
  const words = splitNul(listing);
  const [removed, written]: [BytePath[], BytePath[]] = [[], []];
  const links = new Map<BytePath, string>();
  for (let i = 0; i + 1 < words.length; i += 2) {
    const path = words[i + 1] as BytePath;
    const [, mode, , id, letter] = (words[i] as string).split(' ');
    if (letter === 'D' || letter === 'T') removed.push(path);
    if (mode === GITLINK) links.set(path, id as string);
    else if (letter !== 'D') written.push(path);
  }
  return { removed, written, links };
}

/** Removes a file or a submodule, and the directories that are empty then, as git does. */
async function removePath(directory: string, path: BytePath): Promise<void> {
  await removeTree(placeOf(directory, path));
  const parents = path.split('/').slice(0, -1);
  for (let depth = parents.length; depth > 0; depth--) {
    const isRemoved = await rmdir(placeOf(directory, parents.slice(0, depth).join('/') as BytePath)).then(
      () => true,
      () => false,
    );
    if (!isRemoved) return;
  }
}
