import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top directory of this package. */
export const PACKAGE = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');

/**
 * The absolute form of a path that the user gave. A relative path starts where the user called the command: npm runs a
 * script in this package's directory, and names the user's in INIT_CWD.
 */
export function givenPath(path: string): string {
  const { npm_command, npm_lifecycle_event, INIT_CWD } = process.env;
  const isOfNpm = Boolean(npm_command || npm_lifecycle_event) && process.cwd() === PACKAGE;
  return resolve(isOfNpm ? (INIT_CWD ?? '') : '', path);
}
