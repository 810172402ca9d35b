import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MissingDependencyError } from '../process/missing-dependency.ts';

/** The OpenCode release that this runner was written for and tested with. */
export const OPENCODE_VERSION = '1.18.33';

const require = createRequire(import.meta.url);

/**
 * The path of the OpenCode binary that npm installed for this platform.
 *
 * @throws MissingDependencyError when npm did not install it
 */
export function resolveOpenCode(platform: string = process.platform, arch: string = process.arch): string {
  const name = `opencode-${platform === 'win32' ? 'windows' : platform}-${arch}`;
  const binary = findInPackage(name, join('bin', platform === 'win32' ? 'opencode.exe' : 'opencode'));
  if (binary !== null) return binary;
  throw new MissingDependencyError(
    `OpenCode for ${platform}-${arch} is not installed: run "npm install --no-save ${name}@${OPENCODE_VERSION}".`,
  );
}

/** The directory of the ripgrep that npm installed, or null. Without it, only OpenCode's search tools fail. */
export function resolveRipgrepDirectory(
  platform: string = process.platform,
  arch: string = process.arch,
): string | null {
  const name = `@vscode/ripgrep-${platform}-${arch}`;
  const binary = findInPackage(name, join('bin', platform === 'win32' ? 'rg.exe' : 'rg'));
  return binary === null ? null : dirname(binary);
}

function findInPackage(name: string, file: string): string | null {
  for (const root of require.resolve.paths(name) ?? []) {
    const path = join(root, name, file);
    if (existsSync(path)) return path;
  }
  return null;
}
