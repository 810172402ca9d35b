/**
 * The inputs for judging a lease. A closed socket proves nothing, because agents reconnect. The lease depends on when
 * the agent was last seen, by a stored frame or by a ping that the runtime answered.
 */
export interface LeaseSigns extends SocketSigns {
  now: number;
  ttl_ms: number;
  last_seen_at: number;
  /** The lease was extended since the agent was last seen. */
  extended: boolean;
}

interface SocketSigns {
  /** A socket of the lease is open now. */
  connected: boolean;
  /** The object received the close of the lease's socket since the agent was last seen. */
  close_seen: boolean;
}

type LeaseVerdict =
  | { verdict: 'alive'; quiet: boolean; check_at: number }
  /** The object was down, not the agent. The agent gets one full lifetime to return, and no attempt is counted. */
  | { verdict: 'extend'; check_at: number }
  | { verdict: 'lost' };

/**
 * A lease is judged when its lifetime has passed. If the judgement is later than this, the object was down meanwhile.
 */
const LATE_MS = 2_000;

/**
 * Whether the object itself was down (a restart or a deploy): its deadline runs `late_ms` too late, or the socket is
 * gone without a close event. After such a downtime, the overdue alarm fires before any agent can have reconnected.
 */
export function wasObjectDown(late_ms: number, { connected, close_seen }: SocketSigns): boolean {
  return late_ms > LATE_MS || (!connected && !close_seen);
}

/** Judges a lease at its deadline. */
export function judgeLease(signs: LeaseSigns): LeaseVerdict {
  const { now, ttl_ms, last_seen_at, extended } = signs;
  const silence = now - last_seen_at;
  if (silence < ttl_ms) {
    const quiet = silence >= ttl_ms / 2;
    return { verdict: 'alive', quiet, check_at: last_seen_at + (quiet ? ttl_ms : ttl_ms / 2) };
  }
  if (wasObjectDown(silence - ttl_ms, signs) && !extended) return { verdict: 'extend', check_at: now + ttl_ms };
  return { verdict: 'lost' };
}

const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 60_000;

/** The pause before the next lease after `attempts` lost or failed ones: 1 s, doubled each time, up to 60 s. */
export function retryBackoffMs(attempts: number): number {
  return Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.max(0, attempts - 1));
}

/**
 * The number of times in a row that a lease was handed back soon after its grant, and the pause before the next one.
 * Such a hand-back costs no attempt, so nothing but the pause bounds how often it is repeated. The first one has none:
 * agents hand their work back when they are updated.
 *
 * @param before the number before this hand-back
 * @param held_ms how long the agent held the lease
 */
export function handedBack(before: number, held_ms: number): { in_a_row: number; pause_ms: number } {
  const in_a_row = held_ms < LONGEST_BACKOFF_MS ? before + 1 : 0;
  return { in_a_row, pause_ms: in_a_row < 2 ? 0 : retryBackoffMs(in_a_row - 1) };
}
