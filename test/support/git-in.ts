import { execFileSync } from 'node:child_process';

const SETTINGS = {
  'user.name': 'T',
  'user.email': 't@example.org',
  'protocol.file.allow': 'always',
  // Maintenance is one more process for each commit.
  'maintenance.auto': 'false',
};

/**
 * Runs git in a directory as a person with a name, who may clone from paths. Returns what it prints.
 * @example gitIn(clone, 'commit', '-qm', 'first')
 */
export function gitIn(directory: string, ...args: string[]): string {
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return execFileSync('git', ['-C', directory, ...settings, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();
}
