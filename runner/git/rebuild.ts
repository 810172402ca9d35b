import { stagePatch, writtenTree } from './apply-patch.ts';
import { git } from './git.ts';
import { writeCommit } from './merge.ts';
import { unpackPatch } from './patch.ts';
import type { Plumbing } from './plumbing.ts';
import { workMessage } from './task-commit.ts';

/** The work of a task, as a checkpoint has it. */
export interface SavedWork {
  taskId: string;
  /** Cumulative from the base, packed or not; null if no file differs from the base. */
  patch: Uint8Array | null;
  /** The commits of the tasks before it, or the base. */
  parents: readonly string[];
}

/**
 * Makes the commit of a task's work from its patch. The object is the same in every clone.
 * @param seconds see {@link committedAt}
 * @returns its hash
 * @throws GitError when the patch does not apply
 */
export async function rebuildCommit(
  plumbing: Plumbing,
  base: string,
  { taskId, patch, parents }: SavedWork,
  seconds: number,
): Promise<string> {
  const tree = await treeOf(plumbing, base, patch);
  return writeCommit(plumbing, { tree, parents, seconds, message: workMessage(taskId) });
}

/** The tree that a patch, packed or not, makes of the base, written into the clone. @throws GitError when it does not apply */
export async function treeOf(
  { directory, environment }: Plumbing,
  base: string,
  patch: Uint8Array | null,
): Promise<string> {
  const bytes = patch === null ? new Uint8Array() : await unpackPatch(patch);
  await stagePatch(directory, base, environment, bytes);
  return writtenTree(environment);
}

/** When a commit was made, in seconds since the epoch. The commits of a session have the time of their base. */
export async function committedAt(directory: string, commit: string): Promise<number> {
  const environment = { GIT_NO_REPLACE_OBJECTS: '1' };
  const text = (await git(directory, ['cat-file', 'commit', commit], { environment })).toString('latin1');
  // A time before 1970 is possible, but not in a new commit.
  return Math.max(0, Number(/^committer .*> (-?\d+) /m.exec(text)?.[1] ?? 0));
}

/** Which of the commits the clone does not have. */
export async function missingCommits({ run }: Plumbing, commits: readonly string[]): Promise<Set<string>> {
  const input = Buffer.from(commits.map((commit) => `${commit}\n`).join(''));
  const answers = (await run(['cat-file', '--batch-check'], { input })).toString('latin1').split('\n');
  return new Set(commits.filter((_, index) => !answers[index]?.includes(' commit ')));
}
