/**
 * Liveness of a lease. A closed socket says nothing: agents reconnect. What counts is when the agent was last seen, by
 * a stored frame or by a ping that the runtime answered.
 */
export interface LeaseSigns {
  now: number;
  ttl_ms: number;
  last_seen_at: number;
  /** A socket of the lease is open now. */
  connected: boolean;
  /** Its socket's close reached us since the agent was last seen. */
  close_seen: boolean;
  /** The lease was extended since the agent was last seen. */
  extended: boolean;
}

type LeaseVerdict =
  | { verdict: 'alive'; quiet: boolean; check_at: number }
  /** We were away, not the agent: it gets one full term to come back, and no retry is counted. */
  | { verdict: 'extend'; check_at: number }
  | { verdict: 'lost' };

/** A silence is judged when it is as long as the lease; later than this, the object was not running when it was. */
const LATE_MS = 2_000;

/**
 * Judges a lease when its deadline is due.
 *
 * A judgement that comes late, or a socket that is gone with no close event, shows that *we* were away (a restart, a
 * deploy): an overdue alarm fires before the first agent can possibly have reconnected.
 */
export function judgeLease(signs: LeaseSigns): LeaseVerdict {
  const { now, ttl_ms, last_seen_at, connected, close_seen, extended } = signs;
  const silence = now - last_seen_at;
  if (silence < ttl_ms) {
    const quiet = silence >= ttl_ms / 2;
    return { verdict: 'alive', quiet, check_at: last_seen_at + (quiet ? ttl_ms : ttl_ms / 2) };
  }
  const wereAway = silence - ttl_ms > LATE_MS || (!connected && !close_seen);
  if (wereAway && !extended) return { verdict: 'extend', check_at: now + ttl_ms };
  return { verdict: 'lost' };
}

const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 60_000;

/** How long a session waits for its next lease after `attempts` lost or failed ones. */
export function retryBackoffMs(attempts: number): number {
  return Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.max(0, attempts - 1));
}
