import type { Assignment } from '../../src/protocol/run/assignment.ts';
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

/** Restores a checkpoint's files in a new worktree. A patch that does not apply leaves nothing behind. */
export async function restoreFiles(
  worktree: Worktree,
  checkpoint: NonNullable<Assignment['checkpoint']>,
  patch: Uint8Array | null,
): Promise<Restoration> {
  const { number, local_only, lacks = [] } = checkpoint;
  const all = `all changes of files up to checkpoint ${number}`;
  const base = (reason: 'local_only' | 'does_not_apply', why: string): Restoration => ({
    type: 'base',
    reason,
    gone: bounded([`${all}, because ${why}`, ...lacks]),
  });
  if (local_only) return base('local_only', 'they were too large to leave the machine of the agent that made them');
  try {
    const missing = patch === null ? [] : await worktree.applyToNew(patch);
    const gone = [...lacks, ...missing];
    return gone.length === 0 ? { type: 'whole' } : { type: 'incomplete', gone: bounded(gone) };
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    return base('does_not_apply', `its patch does not apply here (${error.message})`);
  }
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
