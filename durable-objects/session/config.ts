import { MAX_LOG_CHARS } from '../../src/protocol/common/limits.ts';
import { APPROVAL_KINDS, type ApprovalKindTable } from '../../src/protocol/session/approval-kinds.ts';

/** The configuration of a session's object. Times are in ms. */
export interface SessionConfig {
  lease_ttl_ms: number;
  /** How long a deleted session keeps its rows. After that, only its tombstone remains. */
  deleted_retention_ms: number;
  /**
   * How long an ended session keeps its events. After that, only the folded state, checkpoints and artifacts remain.
   */
  final_retention_ms: number;
  /** The most events above the base. When the log exceeds it, its older half is folded into the base. */
  max_log_events: number;
  /** The length of the events above the base at which the same is done, in UTF-16 code units. */
  max_log_chars: number;
  /** The rules of each kind of approval. */
  approval_kinds: ApprovalKindTable;
}

const DAY_MS = 86_400_000;

export const DEFAULT_SESSION_CONFIG: SessionConfig = {
  lease_ttl_ms: 60_000,
  deleted_retention_ms: 7 * DAY_MS,
  final_retention_ms: 30 * DAY_MS,
  max_log_events: 20_000,
  max_log_chars: MAX_LOG_CHARS,
  approval_kinds: APPROVAL_KINDS,
};

/** The time in which an agent must finish its step after a pause or stop. After that, the agent aborts the step. */
export const BOUNDARY_MS = 30_000;
/** After this much silence, a pause or stop takes effect without the agent. */
export const REQUEST_MS = 45_000;
/** After this time, a pause or stop takes effect in any case. */
export const LONGEST_REQUEST_MS = 300_000;
/** If the object was down when an approval expired, people have at most this time again. */
export const APPROVAL_AGAIN_MS = 900_000;
/**
 * If the object was down when the time limit was reached, agents have this time to return with what they did before. A
 * returning agent tries again at least every 20 s.
 */
export const RETURN_MS = 30_000;
/**
 * A queued session repeats `reserve`, which is idempotent, in case that the registry lost it or that an agent accepted
 * it and never came. The first repeat is after this time, and each pause is half as long as the wait until then.
 */
export const RESERVE_AGAIN_MS = 60_000;
export const RESERVE_AGAIN_MS_MAX = 3_600_000;
/** The longest pause between two attempts to record a finished run. */
export const HISTORY_RETRY_MS_MAX = 6 * 3_600_000;
/** The minimum interval between the summaries of a busy session. */
export const SUMMARY_MS = 1_000;

/** The names of the session's deadlines. Those of a task end with its number. */
export const DEADLINE = {
  lease: 'lease:',
  reserve: 'reserve:',
  requeue: 'requeue:',
  approval: 'approval:',
  request: 'request',
  max_duration: 'max_duration',
  timeout: 'timeout:',
  summary: 'summary',
  trim: 'trim',
  retire: 'retire',
  purge: 'purge',
} as const;
export type DeadlineName = (typeof DEADLINE)[keyof typeof DEADLINE];

export const DESTINATION = { registry: 'registry', directory: 'directory', history: 'history' } as const;
