/**
 * A path as git lists it, one character a byte, because a path need not be UTF-8. Git takes it back with `listOf`, and
 * the file system with `placeOf`. People read it with `pathText`.
 */
export type BytePath = string & { readonly encoding: 'bytes' };

/** The paths, or lines that end in a path, of git's `-z` output. */
export function splitNul(output: Buffer): BytePath[] {
  return output.toString('latin1').split('\0').slice(0, -1) as BytePath[];
}

/** Paths for git to read with `-z`, `--stdin` or `--pathspec-file-nul`. */
export function listOf(paths: readonly string[]): Buffer {
  return Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1');
}

/** The path inside a directory, for the functions of `node:fs`. */
export function placeOf(directory: string, path: BytePath): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(path, 'latin1')]);
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A path as text, or null if it is not UTF-8. */
export function utf8Path(path: BytePath): string | null {
  try {
    return strict.decode(Buffer.from(path, 'latin1'));
  } catch {
    return null;
  }
}

/**
 * A path to show. Bytes of a path that is not UTF-8 are shown as git quotes them (`\351`), so that two paths never look
 * the same.
 */
export function pathText(path: BytePath): string {
  const quoted = () => path.replaceAll(/[\x80-\xff]/g, (byte) => `\\${byte.charCodeAt(0).toString(8)}`);
  return utf8Path(path) ?? quoted();
}
