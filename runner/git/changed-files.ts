import type { DiffFile } from '../../src/protocol/session/checkpoint.ts';
import { type BytePath, pathText, splitNul } from './byte-path.ts';

const MAX_FILES = 1_000;
const MAX_FILES_CHARS = 131_072;

const STATUS: Readonly<Record<string, DiffFile['status']>> = { A: 'added', C: 'added', D: 'deleted', R: 'renamed' };

/**
 * Joins `--name-status -z` and `--numstat -z`, which list the same files in the same order. Returns the first files, up to
 * what fits into a frame.
 */
export function parseFiles(statuses: Buffer, counts: Buffer): DiffFile[] {
  const words = splitNul(statuses);
  const numbers = splitNul(counts);
  const files: DiffFile[] = [];
  while (words.length > 0) {
    const letter = (words.shift() as string).charAt(0);
    const isPair = letter === 'R' || letter === 'C';
    const [added = '', deleted = ''] = (numbers.shift() as string).split('\t');
    if (isPair) {
      words.shift();
      numbers.splice(0, 2);
    }
    const path = pathText(words.shift() as BytePath);
    // A binary file's counts are dashes.
    const [additions, deletions] = [Number(added) || 0, Number(deleted) || 0];
    files.push({ path, status: STATUS[letter] ?? 'modified', additions, deletions });
  }
  return bounded(files);
}

function bounded(files: DiffFile[]): DiffFile[] {
  let chars = 0;
  const end = files.findIndex((file) => {
    chars += JSON.stringify(file).length + 1;
    return chars > MAX_FILES_CHARS;
  });
  return files.slice(0, Math.min(end === -1 ? files.length : end, MAX_FILES));
}
