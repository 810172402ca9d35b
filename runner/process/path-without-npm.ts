import { realpathSync } from 'node:fs';
import { delimiter, dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';
const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Removes what npm puts in front of `PATH` for a script of this package. Otherwise, tools and git's filters would run
 * this package's versions of `node`, `tsc` and other programs instead of the user's.
 */
export function pathWithoutNpm(path: string | undefined): string {
  const isOurs = (directory: string) =>
    /[\\/]node-gyp-bin[\\/]?$/.test(directory) ||
    (/[\\/]node_modules[\\/]\.bin[\\/]?$/.test(directory) && holdsPackage(dirname(dirname(resolve(directory)))));
  const rest = (path ?? '').split(delimiter).filter((directory) => !isOurs(directory));
  return rest.join(delimiter) || DEFAULT_PATH;
}

/** Whether this package is the directory, or is below it. npm adds a directory for each of them. */
function holdsPackage(directory: string): boolean {
  return PACKAGE.startsWith(join(realPath(directory), sep)) || PACKAGE.startsWith(join(directory, sep));
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
