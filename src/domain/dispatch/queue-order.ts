import type { SessionPriority } from '../../protocol/common/enums.ts';

const MINUTE_MS = 60_000;

/**
 * The lag of each priority, in ms. The queue is sorted by arrival time plus lag. A request therefore overtakes requests
 * of lower priority that arrived shortly before it. No request is overtaken by one that arrives more than its own lag
 * after it, so none starves. Lags are applied when the queue is read and never stored.
 */
export const PRIORITY_LAG_MS: Lags<SessionPriority> = {
  critical: 0,
  high: 10 * MINUTE_MS,
  medium: 30 * MINUTE_MS,
  low: 120 * MINUTE_MS,
  deferred: 480 * MINUTE_MS,
};

/** The lag of each priority, in ms. */
export type Lags<Priority extends string = string> = Readonly<Record<Priority, number>>;

/**
 * The time at which a request stands in the queue, in ms since the epoch. A request with an unknown priority, which a
 * newer release has stored before it was rolled back, comes after those with the lowest one.
 */
export function turnOf({ queued_at, priority }: { queued_at: number; priority: string }, lags: Lags): number {
  return queued_at + (lags[priority] ?? Math.max(...Object.values(lags)) + 1);
}
