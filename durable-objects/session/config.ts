import { APPROVAL_KINDS, type ApprovalKindTable } from '../../src/protocol/session/approval-kinds.ts';

/** What a session's object is configured with; times in ms. */
export interface SessionConfig {
  lease_ttl_ms: number;
  /** A deleted session keeps its rows so long; then only its tombstone stays. */
  deleted_retention_ms: number;
  /** A final session keeps its events so long; then only the folded state, checkpoints and artifacts stay. */
  final_retention_ms: number;
  /** Events above the base; beyond that the older half is folded into it. */
  max_log_events: number;
  /** The rules of each kind of approval. */
  approval_kinds: ApprovalKindTable;
}

const DAY_MS = 86_400_000;

export const DEFAULT_SESSION_CONFIG: SessionConfig = {
  lease_ttl_ms: 60_000,
  deleted_retention_ms: 7 * DAY_MS,
  final_retention_ms: 30 * DAY_MS,
  max_log_events: 20_000,
  approval_kinds: APPROVAL_KINDS,
};

/** An agent that was asked to pause or stop ends its turn at a step boundary within this time, else aborts it. */
export const BOUNDARY_MS = 30_000;
/** After this, since it was last heard of, a pause or stop happens without the agent. */
export const REQUEST_MS = 45_000;
/** After this it happens in any case. */
export const LONGEST_REQUEST_MS = 300_000;
/** A queued session asks the registry again this often: `reserve` is idempotent, and answers if it was forgotten. */
export const RESERVE_AGAIN_MS = 60_000;
/** Summaries of a busy session go out at most this often. */
export const SUMMARY_MS = 1_000;

/** Names of the session's deadlines; those of a task end with its number. */
export const DEADLINE = {
  lease: 'lease:',
  reserve: 'reserve:',
  requeue: 'requeue:',
  approval: 'approval:',
  request: 'request',
  max_duration: 'max_duration',
  summary: 'summary',
  trim: 'trim',
  retire: 'retire',
  purge: 'purge',
} as const;

export const DESTINATION = { registry: 'registry', directory: 'directory', history: 'history' } as const;
