import type { SessionStatus, TaskStatus } from '../../protocol/common/enums.ts';
import { isFinal } from '../task-status.ts';
import { isWorking } from './session-machine.ts';
import type { TaskCounts } from './task-counts.ts';

/**
 * The last intent for the session, set by people or by its time limit. `none`: the session was created and nothing else
 * was requested. `pause` and `stop` are only requests while an agent is working.
 */
export type Intent = 'none' | 'run' | 'pause' | 'stop' | 'cancel' | 'complete' | 'fail' | 'time_out';

/** Why a working agent makes its session degraded: the agent is silent, or its model has to be retried. */
export type DegradedBy = 'quiet' | 'retry';
/** How the last attempt failed, while the task waits for the next one. */
export type Setback = 'lease_lost' | 'attempt_failed';

/** The members of a task on which its session's status depends. */
export interface TaskFacts {
  status: TaskStatus;
  degraded_by: DegradedBy | null;
  setback: Setback | null;
  /** Whether the work was done as a whole or in part; null before. */
  outcome: 'whole' | 'partial' | null;
  /** The number of the task because of which this one was skipped; null if it was not, or if a person skipped it. */
  cause: number | null;
}

/** The status for an intent that ends the session, when no agent is working any more. */
const ENDED_UNDER: Partial<Record<Intent, SessionStatus>> = {
  cancel: 'cancelled',
  complete: 'completed',
  fail: 'failed',
  time_out: 'timeout',
};

/** The status for an intent under which unfinished tasks do not run. */
const IDLE_UNDER: Partial<Record<Intent, SessionStatus>> = { none: 'pending', pause: 'paused', stop: 'stopped' };

const TASK_UNDER: Partial<Record<Intent, TaskStatus>> = {
  pause: 'paused',
  stop: 'paused',
  cancel: 'cancelled',
  complete: 'completed',
  fail: 'failed',
  time_out: 'failed',
};

/** Whether a run of the session must do the task: it is unfinished, it failed before, or another one kept it from it. */
export function isToDo(task: Pick<TaskFacts, 'status' | 'cause'>): boolean {
  return !isFinal(task) || task.status === 'failed' || task.cause !== null;
}

/** Whether the work of an unfinished task is done. Then it waits for other tasks, without an agent. */
export function isHeld({ status, outcome }: Pick<TaskFacts, 'status' | 'outcome'>): boolean {
  return status === 'in_progress' && outcome !== null;
}

/** Whether an agent has the task: it has taken it, or is working on it. */
export function isWorkedOn(task: Pick<TaskFacts, 'status' | 'outcome'>): boolean {
  return task.status === 'assigned' || (task.status === 'in_progress' && !isHeld(task));
}

/** The status of an unfinished task without an agent, under an intent; null if the task continues by itself. */
export function taskStatusUnder(intent: Intent): TaskStatus | null {
  return TASK_UNDER[intent] ?? null;
}

/**
 * Computes the status of a session from its tasks, without those that have subtasks. A working agent comes first: no
 * session is ended, paused or stopped while a task runs. One that has stopped stays so until a retry sets another intent,
 * even if a person ends the last of its tasks.
 *
 * @param from the session's present status
 * @example
 * const working = { status: 'in_progress', degraded_by: null, setback: null, outcome: null, cause: null };
 * sessionStatus(TaskCounts.of([working]), 'pause', 'running'); // 'running'
 */
export function sessionStatus(tasks: TaskCounts, intent: Intent, from: SessionStatus): SessionStatus {
  if (tasks.has('degraded')) return 'degraded';
  if (tasks.has('working')) return 'running';
  const decided = ENDED_UNDER[intent];
  if (decided) return decided;
  if (intent === 'stop' && from === 'stopped') return from;
  if (intent !== 'none' && tasks.has('all') && tasks.are('ended')) return outcomeOf(tasks);
  return IDLE_UNDER[intent] ?? waitingStatus(tasks);
}

/** Whether a session in this status wants an agent and has none. */
export function waitsForAgent(status: SessionStatus): boolean {
  return status === 'queued' || status === 'orphaned';
}

/** The pause or stop that waits for the working agents; null when there is none. */
export function requestedAction(status: SessionStatus, intent: Intent): 'pause' | 'stop' | null {
  return isWorking(status) && (intent === 'pause' || intent === 'stop') ? intent : null;
}

/** The share of the work that is done, from 0 to 1. A task that was done in part counts half. */
export function shareDone(tasks: readonly TaskFacts[]): number {
  const done = tasks.map(({ status, outcome }) => (status !== 'completed' ? 0 : outcome === 'partial' ? 0.5 : 1));
  return done.reduce<number>((sum, share) => sum + share, 0) / Math.max(1, tasks.length);
}

/**
 * The outcome of a session whose tasks have all ended. One failed task fails it, so that a retry can do the task again.
 * It is completed only if every task was done as a whole, or skipped by a person.
 */
function outcomeOf(tasks: TaskCounts): SessionStatus {
  if (tasks.has('failed')) return 'failed';
  if (tasks.are('not_reached')) return 'cancelled';
  return tasks.are('whole') ? 'completed' : 'partially_completed';
}

/** `orphaned` if only tasks with a lost lease are waiting, or else `queued`. */
function waitingStatus(tasks: TaskCounts): SessionStatus {
  return !tasks.has('asking') && tasks.has('lost') ? 'orphaned' : 'queued';
}
