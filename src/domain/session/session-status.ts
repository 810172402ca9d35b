import type { SessionStatus, TaskStatus } from '../../protocol/common/enums.ts';
import { isWorking } from './session-machine.ts';

/**
 * What the session was last asked to do, by people or by its own bound on time. `none`: it was created and nothing was
 * asked yet. `pause` and `stop` are requests as long as an agent still works.
 */
export type Intent = 'none' | 'run' | 'pause' | 'stop' | 'cancel' | 'complete' | 'fail' | 'time_out';

/** Why an agent that holds a task makes its session degraded: it is silent, or its model has to be asked again. */
export type DegradedBy = 'quiet' | 'retry';
/** How the last attempt at a task came to nothing, while the task waits for the next one. */
export type Setback = 'lease_lost' | 'attempt_failed';

/** What the status of a session depends on in one of its tasks. */
export interface TaskFacts {
  status: TaskStatus;
  degraded_by: DegradedBy | null;
  setback: Setback | null;
  /** How much of a completed task was done; null while the task is not completed. */
  outcome: 'whole' | 'partial' | null;
}

/** The status of a session when somebody has decided that it ends, and no agent works on it any more. */
const DECIDED: Partial<Record<Intent, SessionStatus>> = {
  cancel: 'cancelled',
  complete: 'completed',
  fail: 'failed',
  time_out: 'timeout',
};

/** The status of a session that has unfinished tasks and must not run them. */
const HELD: Partial<Record<Intent, SessionStatus>> = { none: 'pending', pause: 'paused', stop: 'stopped' };

const UNFINISHED_UNDER: Partial<Record<Intent, TaskStatus>> = {
  pause: 'paused',
  stop: 'paused',
  cancel: 'cancelled',
  complete: 'completed',
  fail: 'failed',
  time_out: 'failed',
};

const FINAL: ReadonlySet<TaskStatus> = new Set(['completed', 'failed', 'cancelled', 'skipped']);

/** Nothing happens to the task any more, unless the session is retried. */
export function isFinal({ status }: Pick<TaskFacts, 'status'>): boolean {
  return FINAL.has(status);
}

/** Whether a run of the session works on the task: what is not done yet, and what failed before. */
export function isToDo(task: Pick<TaskFacts, 'status'>): boolean {
  return !isFinal(task) || task.status === 'failed';
}

/** What becomes of a task that is not finished when no agent holds it any more; null where it goes on by itself. */
export function taskStatusUnder(intent: Intent): TaskStatus | null {
  return UNFINISHED_UNDER[intent] ?? null;
}

/**
 * The status of a session. An agent at work comes first: no session is final, paused or stopped while a task runs.
 *
 * @example
 * sessionStatus([{ status: 'in_progress', degraded_by: null, setback: null, outcome: null }], 'pause'); // 'running'
 */
export function sessionStatus(tasks: readonly TaskFacts[], intent: Intent): SessionStatus {
  const working = tasks.filter(({ status }) => status === 'in_progress');
  if (working.some(({ degraded_by }) => degraded_by !== null)) return 'degraded';
  if (working.length > 0) return 'running';
  const decided = DECIDED[intent];
  if (decided) return decided;
  if (tasks.length > 0 && tasks.every(isFinal)) return outcomeOf(tasks);
  return HELD[intent] ?? waitingStatus(tasks);
}

/** A pause or stop that waits for the agents at work to let go. */
export function requestedAction(status: SessionStatus, intent: Intent): 'pause' | 'stop' | null {
  return isWorking(status) && (intent === 'pause' || intent === 'stop') ? intent : null;
}

/** How much of the work is done, 0 to 1. A task that was done in part counts half. */
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

/** Orphaned: all that is left to wait for is a task whose lease was lost. */
function waitingStatus(tasks: readonly TaskFacts[]): SessionStatus {
  const asksForAgent = tasks.some(({ status, setback }) => status === 'ready' || setback === 'attempt_failed');
  return !asksForAgent && tasks.some(({ setback }) => setback === 'lease_lost') ? 'orphaned' : 'queued';
}
