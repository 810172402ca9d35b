import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { CliError, exitCode } from '../command.ts';

const run = promisify(execFile);

/**
 * Makes sure that an agent can work in a directory, which takes a git repository with a commit: each session gets a
 * worktree of it.
 *
 * @returns the absolute path
 * @throws CliError that says how to mend it
 */
export async function checkRepository(directory: string): Promise<string> {
  const path = resolve(directory);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw environmentError(`There is no directory ${path}. Name your repository with --dir.`);
  }
  await git(path, ['--version']).catch(() => {
    throw environmentError('git is not installed, or not on PATH. Agents work in git worktrees: install git.');
  });
  await git(path, ['rev-parse', '--git-dir']).catch(() => {
    throw environmentError(
      `${path} is not a git repository. Name one with --dir, make this one with "git init", or leave the agent out with --no-agent.`,
    );
  });
  await git(path, ['rev-parse', '--verify', '--quiet', 'HEAD']).catch(() => {
    throw environmentError(`The git repository ${path} has no commit. Make one: git commit --allow-empty -m "Start".`);
  });
  return path;
}

/** Runs git in a directory, with the caller's own configuration; gives what it printed. */
export async function git(directory: string, args: string[]): Promise<string> {
  const { stdout } = await run('git', ['-C', directory, ...args]);
  return stdout.trim();
}

function environmentError(message: string): CliError {
  return new CliError(message, exitCode.environment);
}
