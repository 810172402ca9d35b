import { taskNumber } from '../../src/protocol/common/ids.ts';
import type { Work } from '../../src/protocol/run/start.ts';
import { MAX_LACK_CHARS, MAX_LACKS } from '../../src/protocol/session/checkpoint.ts';
import { GitError } from '../git/git.ts';
import type { Worktree } from '../git/worktree.ts';
import type { ModelFailure } from '../opencode/mapping/mapping.ts';

/** What a lease has of the work before it. `gone`: what it lacks, one phrase each. */
export type Restoration =
  | { type: 'whole' }
  /** The worktree has the checkpoint's patch, which did not hold everything. */
  | { type: 'incomplete'; gone: string[] }
  /** The worktree is the base commit: the checkpoint has no patch, or its patch does not apply. */
  | { type: 'base'; reason: 'local_only' | 'does_not_apply'; gone: string[] };

/**
 * Gives a new worktree the files of the task's own work. A patch that does not apply leaves nothing behind.
 * @param patch of the work; null if it has the files of the base
 * @returns also the tree that the worktree has then; null if it has that of its `HEAD`
 */
export async function restoreFiles(
  worktree: Pick<Worktree, 'applyToNew'>,
  { checkpoint, local_only, lacks = [] }: Work,
  patch: Uint8Array | null,
): Promise<Restoration & { tree: string | null }> {
  const all = `all changes of files up to checkpoint ${checkpoint}`;
  const base = (reason: 'local_only' | 'does_not_apply', why: string) => ({
    type: 'base' as const,
    reason,
    gone: bounded([`${all}, because ${why}`, ...lacks]),
    tree: null,
  });
  if (local_only) return base('local_only', 'they were too large to leave the machine of the agent that made them');
  try {
    const { tree, lacks: missing } = await worktree.applyToNew(patch ?? new Uint8Array());
    const gone = [...lacks, ...missing];
    return gone.length === 0 ? { type: 'whole', tree } : { type: 'incomplete', gone: bounded(gone), tree };
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    return base('does_not_apply', `its patch does not apply here (${error.message})`);
  }
}

/** What the works of other tasks lack. */
export function lacksOf(works: readonly Work[]): string[] {
  const all = works.flatMap(({ task_id, local_only, lacks = [] }) => [
    ...(local_only
      ? [`all changes of files of task ${taskNumber(task_id)}, which were too large to leave its agent`]
      : []),
    ...lacks,
  ]);
  return bounded([...new Set(all)]);
}

/** What the worktree lacks, for the checkpoints that are taken of it. */
export function goneOf(restoration: Restoration): string[] {
  return restoration.type === 'whole' ? [] : restoration.gone;
}

/** Tells the model what is gone; null when nothing is. */
export function lossNotice(restoration: Restoration): string | null {
  const gone = goneOf(restoration);
  if (gone.length === 0) return null;
  return [
    'This worktree does not hold all of the earlier work, although the conversation tells of it. This is gone:',
    ...gone.map((what) => `- ${what}`),
    'Look at the files before you rely on them. Do the missing work again, or say in your answer what is missing.',
  ].join('\n');
}

/** The error of an outcome whose work is not all there; null when all of it is. */
export function workLost(restoration: Restoration): ModelFailure | null {
  const gone = goneOf(restoration);
  if (gone.length === 0) return null;
  // Another agent may have kept the work or have the clone to which the patch applies.
  return { code: 'work_lost', message: `Earlier work is gone: ${gone.join('; ')}`, retryable: true };
}

/** Cuts what a checkpoint lacks to what a frame holds. The last phrase then says that there is more. */
export function bounded(lacks: readonly string[]): string[] {
  const isCut = lacks.length > MAX_LACKS;
  const named = isCut ? lacks.slice(0, MAX_LACKS - 1) : lacks;
  const rest = isCut ? [`${(lacks.length - named.length).toLocaleString('en')} more`] : [];
  return [...named, ...rest].map((what) => what.slice(0, MAX_LACK_CHARS));
}
