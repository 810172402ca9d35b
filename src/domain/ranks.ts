import type { SessionPriority, SessionStatus } from '../protocol/common/enums.ts';

/** The place of each value of an enumeration in sorted lists. */
export type Ranks<Value extends string = string> = Readonly<Record<Value, number>>;

/**
 * How lists and queues sort. Ranks are used at query time and are never stored, so a new value may take any place and
 * the others may be renumbered.
 */
export const PRIORITY_RANK: Ranks<SessionPriority> = { critical: 1, high: 2, medium: 3, low: 4, deferred: 5 };

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
