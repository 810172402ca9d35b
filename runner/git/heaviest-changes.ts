import { type BytePath, splitNul } from './byte-path.ts';
import { git } from './git.ts';

/** A changed file, and the size of its old and its new content together. */
export interface ChangedFile {
  path: BytePath;
  bytes: number;
}

const MAX_LISTING_BYTES = 64 * 1_048_576;
const GITLINK = '160000';
/** The most that a byte takes: an empty line has a sign before it. Binary content takes less. */
const IN_PATCH = 2;
/** The header of a file has its path up to six times, beside words, modes and hashes. */
const IN_HEADER = { paths: 6, words: 400 };

/**
 * The changed files that make the patch of an index too long: the heaviest ones, until the rest is sure to fit. A file
 * counts with its old and its new content, because without a patch nobody knows what of it has changed.
 */
export async function heaviestChanges(
  directory: string,
  environment: Record<string, string>,
  base: string,
  maxBytes: number,
): Promise<ChangedFile[]> {
  const files = await changedFiles(directory, environment, base);
  files.sort((a, b) => b.bytes - a.bytes);
  let rest = files.reduce((sum, file) => sum + inPatch(file), 0);
  return files.filter((file) => {
    const isTooMuch = rest > maxBytes;
    rest -= inPatch(file);
    return isTooMuch;
  });
}

function inPatch({ path, bytes }: ChangedFile): number {
  return bytes * IN_PATCH + path.length * IN_HEADER.paths + IN_HEADER.words;
}

async function changedFiles(
  directory: string,
  environment: Record<string, string>,
  base: string,
): Promise<ChangedFile[]> {
  const run = (args: string[], input?: Buffer) =>
    git(directory, args, { environment, maxBytes: MAX_LISTING_BYTES, ...(input && { input }) });
  // Each change is `:<mode> <mode> <id> <id> <letter>`, then the path.
  const words = splitNul(await run(['diff', '--cached', '--raw', '--no-abbrev', '--no-renames', '-z', base]));
  const changes: { path: BytePath; ids: string[] }[] = [];
  for (let i = 0; i + 1 < words.length; i += 2) {
    const [oldMode, mode, oldId = '', id = ''] = (words[i] as string).split(' ');
    if (oldMode !== `:${GITLINK}` && mode !== GITLINK)
      changes.push({ path: words[i + 1] as BytePath, ids: [oldId, id] });
  }
  // An id of zeros, which a new or deleted file has on one side, is answered with `missing`.
  const input = Buffer.from(changes.flatMap(({ ids }) => ids.map((id) => `${id}\n`)).join(''));
  const answers = (await run(['cat-file', '--batch-check=%(objectsize)'], input)).toString('latin1').split('\n');
  const sizeAt = (line: number) => Number.parseInt(/^\d+$/.exec(answers[line] ?? '')?.[0] ?? '0', 10);
  return changes.map(({ path }, i) => ({ path, bytes: sizeAt(2 * i) + sizeAt(2 * i + 1) }));
}
