import type { MatchConfig } from '../../src/domain/dispatch/match.ts';
import type { OfferConfig } from '../../src/domain/dispatch/slot.ts';

const DECLINED_FIRST_MS = 5_000;

/** The times that decide who is offered what. */
export const DISPATCH: MatchConfig & OfferConfig = {
  quiet_ms: 60_000,
  quiet_retry_ms: 30_000,
  skipped_retry_ms: DECLINED_FIRST_MS,
  declined_first_ms: DECLINED_FIRST_MS,
  declined_longest_ms: 60_000,
};

/** An offer that is not accepted by then goes back to the queue. */
export const OFFER_MS = 20_000;
/** A second instance of an agent is refused while the first has been heard within this time. */
export const INSTANCE_FRESH_MS = 45_000;
/** An agent that has been away for longer is forgotten. */
export const AGENT_KEPT_MS = 86_400_000;
/** Tombstones are kept for at least this long: longer than any delivery can be late. */
export const TOMBSTONES_KEPT_MS = 86_400_000;
/**
 * How often agents and tombstones are reviewed. `last_seen_at` may lag behind by as much when a socket ends with no
 * close event, and what is to be forgotten stays for as much longer.
 */
export const REVIEW_MS = 21_600_000;

/** Names of the registry's deadlines. */
export const DEADLINE = {
  /** The first of the offers that stand lapses. */
  offers: 'offers',
  /** The queue is to be matched again. */
  queue: 'queue',
  /** Agents and tombstones are reviewed. */
  review: 'review',
} as const;
