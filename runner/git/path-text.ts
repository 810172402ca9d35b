const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A path of git's `-z` output as text. Bytes of a path that is not UTF-8 are shown as git quotes them (`\351`), so that
 * two paths never look the same.
 */
export function pathText(path: Buffer): string {
  try {
    return strict.decode(path);
  } catch {
    return [...path].map((byte) => (byte < 128 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`)).join('');
  }
}
