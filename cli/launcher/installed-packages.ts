import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

type Packages = Record<string, { version?: string; optional?: boolean }>;

/**
 * Packages whose installed version is another than that of the lock file, such as after a pull without `npm ci`. npm
 * lists what it has installed in `node_modules/.package-lock.json`.
 *
 * @param project the directory with `package-lock.json`
 * @returns their names, such as `zod`; nothing if npm has left no list
 */
export function outdatedPackages(project: string): string[] {
  const list = join(project, 'node_modules/.package-lock.json');
  if (!existsSync(list)) return [];
  const [wanted, installed] = [packagesIn(join(project, 'package-lock.json')), packagesIn(list)];
  return (
    Object.entries(wanted)
      .filter(([path, { version }]) => path !== '' && installed[path]?.version !== version)
      // npm does not install optional packages of other platforms.
      .filter(([path, { optional }]) => installed[path] !== undefined || !optional)
      .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
  );
}

/** What to do about a failure, if old packages are its likely cause; otherwise empty. */
export function adviceOnPackages(project: string): string {
  const [first, ...more] = outdatedPackages(project);
  if (first === undefined) return '';
  const which = more.length === 0 ? first : `${first} and ${more.length} more`;
  return `The installed packages differ from package-lock.json: ${which}. Run npm ci, and try again.`;
}

function packagesIn(path: string): Packages {
  return (JSON.parse(readFileSync(path, 'utf8')) as { packages: Packages }).packages;
}
