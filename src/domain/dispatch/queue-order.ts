import type { SessionPriority } from '../../protocol/common/enums.ts';

const MINUTE_MS = 60_000;

/**
 * How much later than it came a request stands in the queue (ms), by its priority. The queue is in the order of arrival
 * plus lag. So a request goes before those that come up to this much earlier and have less priority, and nothing that
 * comes later than its own lag is ever offered before it. That is the bound on how long a request can be overtaken.
 * Lags are used at query time and never stored.
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
