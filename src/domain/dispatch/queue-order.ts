import type { SessionPriority, TaskPriority } from '../../protocol/common/enums.ts';

const MINUTE_MS = 60_000;

/** The lag of each priority, in ms. */
export type Lags<Priority extends string = string> = Readonly<Record<Priority, number>>;

/**
 * The lag of each priority of a session, in ms. A request stands in the queue at the time at which it came, plus this
 * lag and that of its task. It therefore overtakes what is less urgent and came shortly before it. No request is
 * overtaken by one that comes more than its own lags after it, so none starves. Lags are added when the queue is read,
 * and never stored.
 */
export const PRIORITY_LAG_MS: Lags<SessionPriority> = {
  critical: 0,
  high: 10 * MINUTE_MS,
  medium: 30 * MINUTE_MS,
  low: 120 * MINUTE_MS,
  deferred: 480 * MINUTE_MS,
};

/**
 * The same of each priority of a task. The whole range is less than a step between priorities of sessions. So of
 * requests that come together, the session's priority decides first.
 */
export const TASK_LAG_MS: Lags<TaskPriority> = {
  blocker: 0,
  critical: 1 * MINUTE_MS,
  high: 2 * MINUTE_MS,
  normal: 4 * MINUTE_MS,
  low: 6 * MINUTE_MS,
  background: 8 * MINUTE_MS,
};

/** What decides where a request stands in the queue. Times are in ms since the epoch. */
export interface Standing {
  queued_at: number;
  /** When it became the first one of its line because another one was given out; 0 if it never did. */
  joined_at: number;
  /** See `lagOf`. */
  lag: number;
}

/**
 * The place of a request in its line. The waiting requests of one session that the same agents can take are a *line*.
 * Only the first one of a line competes with other sessions. When it is given out, the next one joins the queue as if it
 * came at that moment. So a session with a thousand requests gets one agent at a time, in turn with the others, and all
 * agents that the others leave. This is fair queueing by rounds (J. Nagle, RFC 970, 1985), with sessions as sources.
 */
export function turnInLine({ queued_at, lag }: Standing): number {
  return queued_at + lag;
}

/** The place in the queue of the first request of a line. */
export function turnInQueue({ queued_at, joined_at, lag }: Standing): number {
  return Math.max(queued_at, joined_at) + lag;
}

/**
 * How much later a request stands. Unknown words, which a newer release has stored before a rollback, come after those
 * with the lowest priority.
 */
export function lagOf({ priority, task_priority }: { priority: string; task_priority: string }, lags: Lags): number {
  return lagIn(lags, priority) + lagIn(TASK_LAG_MS, task_priority);
}

function lagIn(lags: Lags, word: string): number {
  return lags[word] ?? Math.max(...Object.values(lags)) + 1;
}
