import type { SessionStatus, TaskStatus } from '../../protocol/common/enums.ts';
import { isWorking } from './session-machine.ts';

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
  /** Whether a completed task was done as a whole or in part; null while the task is not completed. */
  outcome: 'whole' | 'partial' | null;
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

const FINAL: ReadonlySet<TaskStatus> = new Set(['completed', 'failed', 'cancelled', 'skipped']);

/** Whether the task has ended. Only a retry of the session changes it. */
export function isFinal({ status }: Pick<TaskFacts, 'status'>): boolean {
  return FINAL.has(status);
}

/** Whether a run of the session must do the task: it is unfinished, or it failed before. */
export function isToDo(task: Pick<TaskFacts, 'status'>): boolean {
  return !isFinal(task) || task.status === 'failed';
}

/** The status of an unfinished task without an agent, under an intent; null if the task continues by itself. */
export function taskStatusUnder(intent: Intent): TaskStatus | null {
  return TASK_UNDER[intent] ?? null;
}

/**
 * Computes the status of a session. A working agent comes first: no session is ended, paused or stopped while a task
 * runs.
 *
 * @example
 * sessionStatus([{ status: 'in_progress', degraded_by: null, setback: null, outcome: null }], 'pause'); // 'running'
 */
export function sessionStatus(tasks: readonly TaskFacts[], intent: Intent): SessionStatus {
  const working = tasks.filter(({ status }) => status === 'in_progress');
  if (working.some(({ degraded_by }) => degraded_by !== null)) return 'degraded';
  if (working.length > 0) return 'running';
  const decided = ENDED_UNDER[intent];
  if (decided) return decided;
  if (tasks.length > 0 && tasks.every(isFinal)) return outcomeOf(tasks);
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

/** A failed task fails its session, so that a retry can do the task again. */
function outcomeOf(tasks: readonly TaskFacts[]): SessionStatus {
  if (tasks.some(({ status }) => status === 'failed')) return 'failed';
  if (tasks.every(({ status }) => status === 'cancelled')) return 'cancelled';
  const isWhole = tasks.every(({ status, outcome }) => status === 'skipped' || outcome === 'whole');
  return isWhole ? 'completed' : 'partially_completed';
}

/** `orphaned` if only tasks with a lost lease are waiting, or else `queued`. */
function waitingStatus(tasks: readonly TaskFacts[]): SessionStatus {
  const asksForAgent = tasks.some(({ status, setback }) => status === 'ready' || setback === 'attempt_failed');
  return !asksForAgent && tasks.some(({ setback }) => setback === 'lease_lost') ? 'orphaned' : 'queued';
}
