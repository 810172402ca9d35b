import type { TaskStatus } from '../protocol/common/enums.ts';

/** Why the status of a task changes. */
export type TaskTrigger =
  /** The graph lets it start, and no approval is missing. */
  | 'may_start'
  /** It may start, but a person must approve it first. */
  | 'needs_approval'
  /** The graph has changed, so that it must wait again. */
  | 'put_back'
  /** An agent has taken its lease. */
  | 'taken'
  /** The agent has reported something of its work. */
  | 'begun'
  /** The works from which it starts, or its own with that of another task, do not fit together. */
  | 'conflict'
  /** What it was blocked by is gone. */
  | 'unblocked'
  /** The agent has failed, was lost, or has let it go. */
  | 'attempt_ended'
  /** The session was paused or stopped. */
  | 'held'
  | 'resumed'
  | 'retried'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'skipped';

const ENDINGS = {
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
  skipped: 'skipped',
} as const satisfies Partial<Record<TaskTrigger, TaskStatus>>;

const AT_WORK = { ...ENDINGS, conflict: 'blocked', attempt_ended: 'pending', held: 'paused' } as const;
const ENDED = { retried: 'pending' } as const;

/**
 * The legal transitions of a task that is worked on, with a diagram in docs/architecture.md. Any other transition is a
 * bug. The status of a task with subtasks follows from theirs, so it has no transitions of its own.
 */
export const TASK_TRANSITIONS: Readonly<Record<TaskStatus, Partial<Record<TaskTrigger, TaskStatus>>>> = {
  pending: { ...ENDINGS, may_start: 'ready', needs_approval: 'blocked', held: 'paused' },
  ready: { ...ENDINGS, put_back: 'pending', taken: 'assigned', held: 'paused' },
  assigned: { ...AT_WORK, begun: 'in_progress' },
  in_progress: AT_WORK,
  blocked: { ...ENDINGS, unblocked: 'pending' },
  paused: { ...ENDINGS, resumed: 'pending' },
  completed: ENDED,
  failed: ENDED,
  cancelled: ENDED,
  skipped: ENDED,
};

/** Whether any trigger leads from one status to the other. */
export function canTaskMove(from: TaskStatus, to: TaskStatus): boolean {
  return from === to || Object.values(TASK_TRANSITIONS[from]).includes(to);
}
