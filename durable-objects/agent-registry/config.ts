import type { MatchConfig } from '../../src/domain/dispatch/match.ts';
import type { OfferConfig } from '../../src/domain/dispatch/slot.ts';
import type { EvictionReason } from '../../src/ports/sessions.ts';
import { refuse } from '../../src/protocol/common/errors.ts';
import type { TaskId } from '../../src/protocol/common/ids.ts';
import { MAX_AGENTS } from '../../src/protocol/common/limits.ts';

const DECLINED_FIRST_MS = 5_000;

/** The times that the rules of dispatch use. */
export const DISPATCH: MatchConfig & OfferConfig = {
  quiet_ms: 60_000,
  quiet_retry_ms: 30_000,
  skipped_retry_ms: DECLINED_FIRST_MS,
  declined_first_ms: DECLINED_FIRST_MS,
  declined_longest_ms: 60_000,
};

/** An offer that is not accepted within this time lapses, and its request returns to the queue. */
export const OFFER_MS = 20_000;
/** A second instance of an agent is rejected if the first one was heard within this time. */
export const INSTANCE_FRESH_MS = 45_000;
/**
 * How old the stored time becomes at which an agent without sockets was last heard. The registry of a few such agents
 * leaves memory between their heartbeats, so their times are stored. Many keep it in memory.
 */
export const POLLED_STORED_MS = { few: 30_000, many: 3_600_000 } as const;
export const FEW_AGENTS = 200;
/** An agent that was not heard for this time is deleted. */
export const AGENT_KEPT_MS = 86_400_000;
/** The same for an agent that has a token of its own, or drains. */
export const REGISTERED_KEPT_MS = 30 * 86_400_000;
/** The minimum age at which a tombstone is deleted. No delivery is as late as this. */
export const TOMBSTONES_KEPT_MS = 86_400_000;
/**
 * The interval at which old agents and tombstones are deleted. They can stay for this much longer. If a socket ends
 * without a close event, the stored `last_seen_at` can be this much too old.
 */
export const REVIEW_MS = 21_600_000;

export const NO_SUCH_AGENT = refuse('not_found', 'There is no such agent.');

/** The outbox destination of the sessions whose leases the registry ends. Each session is a place at it. */
export const SESSIONS = 'sessions';
/** The outbox destination of the database. */
export const HISTORY = 'history';
/** The longest pause between two attempts to record an agent. */
export const HISTORY_RETRY_MS_MAX = 6 * 3_600_000;
/** The most agents that wait for the database: all that a workspace can have, and half as many that were removed. */
export const HISTORY_ENTRIES_MAX = 1.5 * MAX_AGENTS;
/** The most agents that a review records because none of their changes was. */
export const RECORDED_AT_A_TIME = 500;

/** The payload for a session: a lease is to leave its agent. */
export interface Eviction {
  task_id: TaskId;
  epoch: number;
  reason: EvictionReason;
}

/** The names of the registry's deadlines. */
export const DEADLINE = {
  /** The earliest open offer lapses. */
  offers: 'offers',
  /** The queue is matched again. */
  queue: 'queue',
  /** The earliest drain of an agent that still has leases is over. */
  drains: 'drains',
  /** Old agents and tombstones are deleted. */
  review: 'review',
  /** A lock or a wait for one ends. */
  locks: 'locks',
  /** The review left tombstones for another transaction. */
  purge: 'purge',
} as const;
export type DeadlineName = (typeof DEADLINE)[keyof typeof DEADLINE];
