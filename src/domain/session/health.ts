import type { SessionStatus } from '../../protocol/common/enums.ts';

/** The inputs of a session's health. */
export interface HealthInput {
  status: SessionStatus;
  /** The share of the work that is done, from 0 to 1. */
  share_done: number;
  /** The active time before `active_since`, in ms. */
  active_ms: number;
  /** The start of the current active period (ms since the epoch); null while the session is not active. */
  active_since: number | null;
  max_duration_seconds: number;
}

/**
 * A session's health, from 0 (ended without success) to 1 (completed). The score of a running session falls as its time
 * runs out, so the score is computed at each read.
 * @param now ms since the epoch
 */
export function healthScore(session: HealthInput, now: number): number {
  switch (session.status) {
    case 'completed':
      return 1;
    case 'failed':
    case 'timeout':
    case 'cancelled':
    case 'stopped':
      return 0;
    case 'partially_completed':
      return Math.min(1, Math.max(0, session.share_done));
    case 'degraded':
    case 'orphaned':
      return 0.5;
    case 'running':
      return runningScore(shareOfTimeUsed(session, now));
    case 'pending':
    case 'queued':
    case 'paused':
      return 0.8;
  }
}

function shareOfTimeUsed({ active_ms, active_since, max_duration_seconds }: HealthInput, now: number): number {
  const current = active_since === null ? 0 : Math.max(0, now - active_since);
  return (active_ms + current) / (max_duration_seconds * 1_000);
}

function runningScore(timeUsed: number): number {
  if (timeUsed > 0.9) return 0.3;
  return timeUsed > 0.7 ? 0.7 : 0.9;
}
