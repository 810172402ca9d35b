import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { git } from '../../runner/git/git.ts';

/** Settings for commits in this repository, so that git does not use the user's name and signing keys. */
const settings = [
  ...['-c', 'user.name=Demo'],
  ...['-c', 'user.email=demo@localhost'],
  ...['-c', 'commit.gpgsign=false'],
];

/** Creates the git repository of the demo's agent, with one commit, if it is missing. @returns its path */
export async function prepareScratchRepository(directory: string): Promise<string> {
  if (existsSync(join(directory, '.git'))) return directory;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'README.md'), '# Scratch\n\nThe demo’s agent works in worktrees of this repository.\n');
  await git(directory, ['init', '--quiet', '--initial-branch=main']);
  await git(directory, ['add', '--all']);
  await git(directory, [...settings, 'commit', '--quiet', '--message', 'Start the demo repository']);
  return directory;
}
