import type { TaskPriority } from '../../protocol/common/enums.ts';
import type { Ranks } from '../ranks.ts';

export const TASK_PRIORITY_RANK: Ranks<TaskPriority> = {
  blocker: 1,
  critical: 2,
  high: 3,
  normal: 4,
  low: 5,
  background: 6,
};

/** What decides which of several ready tasks goes first. */
export interface Candidate {
  number: number;
  priority: TaskPriority;
  /** The hours from its start to the end of the whole, on the longest path. */
  tail: number;
}

/**
 * Whether a task goes before another one: by priority, and then by slack. Two tasks that are ready now can both start
 * at once, so the one with the longer way ahead of it has less slack. That way does not change when other tasks end.
 */
export function goesBefore(a: Candidate, b: Candidate): boolean {
  const byPriority = TASK_PRIORITY_RANK[a.priority] - TASK_PRIORITY_RANK[b.priority];
  if (byPriority !== 0) return byPriority < 0;
  return a.tail === b.tail ? a.number < b.number : a.tail > b.tail;
}
