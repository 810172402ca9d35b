import type { SessionPriority, SessionStatus } from '../protocol/common/enums.ts';

/** The rank of each value of an enumeration in sorted lists. */
export type Ranks<Value extends string = string> = Readonly<Record<Value, number>>;

/**
 * The order of lists and queues. Ranks are used at query time and never stored, so a new value can get any rank and the
 * other values can be renumbered.
 */
export const PRIORITY_RANK: Ranks<SessionPriority> = { critical: 1, high: 2, medium: 3, low: 4, deferred: 5 };

/** The order of statuses, from a new session to an ended one. See `PRIORITY_RANK`. */
export const STATUS_RANK: Ranks<SessionStatus> = {
  pending: 1,
  queued: 2,
  running: 3,
  paused: 4,
  degraded: 5,
  orphaned: 6,
  completed: 7,
  partially_completed: 8,
  failed: 9,
  timeout: 10,
  stopped: 11,
  cancelled: 12,
};
