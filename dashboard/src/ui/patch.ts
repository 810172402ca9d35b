/** Parses git's patches (the extended unified format of git-diff(1)). */

export interface FilePatch {
  path: string;
  /** The lines from the first hunk on. If there are no hunks, git's description of the change. */
  lines: string[];
}

export type LineKind = 'add' | 'remove' | 'hunk' | 'meta' | 'same';

/** Splits a patch by file, in the patch's order. */
export function splitPatch(patch: string): FilePatch[] {
  return patch
    .split(/^(?=diff --git )/m)
    .filter((part) => part.startsWith('diff --git '))
    .map(readFile);
}

export function kindOf(line: string): LineKind {
  if (line.startsWith('@@')) return 'hunk';
  if (line.startsWith('\\')) return 'meta';
  if (line.startsWith('+')) return 'add';
  return line.startsWith('-') ? 'remove' : 'same';
}

function readFile(part: string): FilePatch {
  const lines = part.replace(/\n$/, '').split('\n');
  const body = lines.findIndex((line) => line.startsWith('@@') || line.startsWith('GIT binary patch'));
  const header = body < 0 ? lines : lines.slice(0, body);
  const binary = body >= 0 && lines[body]!.startsWith('GIT');
  const shown = body < 0 ? header.slice(1) : binary ? ['Binary file'] : lines.slice(body);
  return { path: pathOf(header), lines: shown };
}

/** The file's name after the change; for a deleted file, its name before. */
function pathOf(header: string[]): string {
  for (const prefix of ['+++ b/', 'rename to ', '--- a/']) {
    const line = header.find((line) => line.startsWith(prefix));
    if (line) return line.slice(prefix.length).replace(/\t$/, '');
  }
  // If only the mode has changed, or the file is binary or empty, only `diff --git a/x b/x` has the name, twice.
  const names = header[0]!.slice('diff --git '.length);
  return names.slice(names.length - (names.length - 1) / 2).replace(/^b\//, '');
}
