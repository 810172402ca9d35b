import { existsSync, renameSync } from 'node:fs';

/**
 * Renames a file that cannot be used, so that it can be made anew and a person can still look at it.
 *
 * @returns the new path: `<path>.unusable`, or with a number if that exists
 */
export function moveAside(path: string): string {
  let target = `${path}.unusable`;
  for (let n = 2; existsSync(target); n++) target = `${path}.unusable-${n}`;
  renameSync(path, target);
  return target;
}
