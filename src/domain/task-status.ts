import type { TaskStatus } from '../protocol/common/enums.ts';

const FINAL: ReadonlySet<TaskStatus> = new Set(['completed', 'failed', 'cancelled', 'skipped']);

/** Whether the task has ended. Only a retry changes it. */
export function isFinal({ status }: { status: TaskStatus }): boolean {
  return FINAL.has(status);
}
