import { realpathSync } from 'node:fs';
import { endAll, findByEnvironment, findStripped } from './processes.ts';

/**
 * The commands of tools, and git while it takes a checkpoint, have the path of their worktree in this variable. So all
 * processes of one lease can be found, in whatever session or group they run.
 */
export const WORKTREE_VARIABLE = 'OIO_WORKTREE';

/** The value of `WORKTREE_VARIABLE` for an existing worktree. */
export function worktreeMark(path: string): string {
  return realpathSync(path);
}

/** The environment that marks the processes of a worktree. */
export function markedBy(path: string): Record<string, string> {
  return { [WORKTREE_VARIABLE]: worktreeMark(path) };
}

/**
 * The processes of a worktree's lease: those with its mark, and those that have lost their environment and work in the
 * worktree.
 *
 * @param mark see `worktreeMark`
 */
export function findOfWorktree(mark: string): number[] {
  return [...findByEnvironment(WORKTREE_VARIABLE, mark), ...findStripped(mark)];
}

/** Ends the processes of a worktree's lease, and those that they start meanwhile. Resolves with their number. */
export function endOfWorktree(mark: string): Promise<number> {
  return endAll(() => findOfWorktree(mark));
}
