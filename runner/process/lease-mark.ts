import { realpathSync } from 'node:fs';

/**
 * The commands of tools, and git while it takes a checkpoint, have the path of their worktree in this variable. So all
 * processes of one lease can be found, in whatever session or group they run.
 */
export const WORKTREE_VARIABLE = 'OIO_WORKTREE';

/** The value of `WORKTREE_VARIABLE` for an existing worktree. */
export function worktreeMark(path: string): string {
  return realpathSync(path);
}
