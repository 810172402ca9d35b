import { join } from 'node:path';

/** Where the worktree of a lease is. */
export function worktreePath(worktreesDirectory: string, lease: { task_id: string; epoch: number }): string {
  return join(worktreesDirectory, `${lease.task_id}-${lease.epoch}`);
}
