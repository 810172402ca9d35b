import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { git } from '../../runner/git/git.ts';

/** Settings of this repository alone: the person's own name and signing keys have no part in it. */
const settings = [
  ...['-c', 'user.name=Demo'],
  ...['-c', 'user.email=demo@localhost'],
  ...['-c', 'commit.gpgsign=false'],
];

/** Makes a git repository with one commit for the demo's agent to work in, unless it is there; gives its path. */
export async function prepareScratchRepository(directory: string): Promise<string> {
  if (existsSync(join(directory, '.git'))) return directory;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'README.md'), '# Scratch\n\nThe demo’s agent works in worktrees of this repository.\n');
  await git(directory, ['init', '--quiet', '--initial-branch=main']);
  await git(directory, ['add', '--all']);
  await git(directory, [...settings, 'commit', '--quiet', '--message', 'Start the demo repository']);
  return directory;
}
