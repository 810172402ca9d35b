import { readdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { git } from '../git/git.ts';

/** The hooks that git runs for what a tool may do (githooks(5)). */
const HOOKS = new Set([
  ...['pre-commit', 'prepare-commit-msg', 'commit-msg', 'post-commit', 'pre-merge-commit', 'post-merge'],
  ...['pre-push', 'pre-rebase', 'post-rewrite', 'post-checkout', 'applypatch-msg', 'pre-applypatch', 'post-applypatch'],
]);
const ANY_EXECUTE = 0o111;

/** Says why hooks of the repository do not run in a worktree; null if they do, or if there are none. */
export async function whyHooksDoNotRun(worktree: string): Promise<string | null> {
  const configured = await hooksPath(worktree);
  if (configured === null) return null;
  const directory = resolve(worktree, configured);
  const names = await readdir(directory).catch(() => null);
  if (names === null)
    return `Git's hooks do not run here: core.hooksPath is ${configured}, and the worktree has no such directory. Name it in .worktreeinclude, or let the set-up make it.`;
  const modes = names
    .filter((name) => HOOKS.has(name))
    .map(async (name) => ({ name, mode: (await stat(resolve(directory, name)).catch(() => null))?.mode ?? 0 }));
  const dead = (await Promise.all(modes)).filter(({ mode }) => (mode & ANY_EXECUTE) === 0).map(({ name }) => name);
  if (dead.length === 0) return null;
  return `These hooks of git do not run, because their files in ${configured} are not executable: ${dead.join(', ')}.`;
}

/** The directory of the hooks as configured, or git's own. */
async function hooksPath(worktree: string): Promise<string | null> {
  // The runner's own git commands have another value, in the scope of the command.
  const listed = await git(worktree, ['config', '--show-scope', '--type=path', '--get-all', 'core.hooksPath']);
  const values = listed
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('command\t'));
  const last = values.at(-1);
  return last === undefined ? null : last.slice(last.indexOf('\t') + 1);
}
