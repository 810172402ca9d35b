import type { SessionStatus } from '../../protocol/common/enums.ts';

/** What a session's health is computed from. */
export interface HealthInput {
  status: SessionStatus;
  /** How much of the work is done, 0 to 1. */
  share_done: number;
  /** Active time up to `active_since`, in ms. */
  active_ms: number;
  /** Since when it has been active without a break (ms since the epoch); null while it is not. */
  active_since: number | null;
  max_duration_seconds: number;
}

/**
 * A session's health, 0 (ended badly) to 1 (completed). It falls as a running session uses up its time, so it is
 * computed whenever it is read.
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
