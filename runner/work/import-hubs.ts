import { open } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { splitNul, utf8Path } from '../git/byte-path.ts';
import { git } from '../git/git.ts';
import { findImports, isSource } from './imports.ts';

/** A file that many others import. */
export interface Hub {
  /** Relative to the repository; a folder with a slash at its end where a language imports folders. */
  path: string;
  importers: number;
}

const MAX_FILES = 5_000;
const MAX_LISTING_BYTES = 16 * 1_048_576;
/** Imports stand at the beginning of a file. */
const READ_BYTES = 32_768;
const AT_A_TIME = 16;
const MAX_MS = 5_000;
const MIN_IMPORTERS = 3;
const MAX_HUBS = 15;

/**
 * The files of a worktree that most others import, the most imported first. It looks for the import statements of common
 * languages with patterns, in the first files that git tracks and for a few seconds at most. So it may miss some, and
 * says nothing of a repository in which it finds none.
 */
export async function importHubs(worktree: string, now: () => number = Date.now): Promise<Hub[]> {
  const listing = await git(worktree, ['ls-files', '-z'], { maxBytes: MAX_LISTING_BYTES });
  const files = splitNul(listing).flatMap((path) => utf8Path(path) ?? []);
  const sources = files.filter(isSource).slice(0, MAX_FILES);
  const find = findImports(files);
  const importers = new Map<string, number>();
  const until = now() + MAX_MS;
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < sources.length && now() < until) {
      const path = sources[next++]!;
      const text = await beginningOf(join(worktree, path));
      for (const imported of new Set(find(path, text))) {
        if (imported !== path) importers.set(imported, (importers.get(imported) ?? 0) + 1);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return [...importers]
    .map(([path, count]) => ({ path, importers: count }))
    .filter((hub) => hub.importers >= MIN_IMPORTERS)
    .sort((a, b) => b.importers - a.importers || (a.path < b.path ? -1 : 1))
    .slice(0, MAX_HUBS);
}

/** Tells a planner's model which files are hubs; null if there are none. */
export function hubsNotice(hubs: readonly Hub[]): string | null {
  if (hubs.length === 0) return null;
  const list = hubs
    .map(({ path, importers }) => `- ${posix.normalize(path)} (imported by ${importers} files)`)
    .join('\n');
  return `Many other files import these, as far as a quick scan shows. Put the changes of each of them into one task, before the tasks that need them:\n${list}`;
}

async function beginningOf(path: string): Promise<string> {
  const file = await open(path).catch(() => null);
  if (file === null) return '';
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, 0);
    return buffer.subarray(0, bytesRead).toString();
  } catch {
    // A link to a folder, for example.
    return '';
  } finally {
    await file.close();
  }
}
