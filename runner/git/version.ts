import { git } from './git.ts';

/** The first version whose `git merge-tree` merges without a work tree, several commits at once. */
const NEEDED = [2, 39] as const;

/** Why the installed git cannot merge the work of tasks; null if it can. */
export async function whyNoMerges(directory: string): Promise<string | null> {
  return judgeVersion((await git(directory, ['version'])).toString('utf8'));
}

/**
 * @param printed what `git version` prints
 * @example judgeVersion('git version 2.34.1\n'); // 'This agent has git 2.34.1, …'
 */
export function judgeVersion(printed: string): string | null {
  const [version, major = 0, minor = 0] = /(\d+)\.(\d+)[\w.]*/.exec(printed) ?? [printed.trim()];
  const isNewer = Number(major) > NEEDED[0] || (Number(major) === NEEDED[0] && Number(minor) >= NEEDED[1]);
  if (isNewer) return null;
  return `This agent has git ${version}, which cannot merge the work of parallel tasks. It takes all other work. Install git ${NEEDED.join('.')} or newer.`;
}
