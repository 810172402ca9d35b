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

/** If a deadline is handled later than this, the object was down when it fell due. */
const LATE_MS = 2_000;

/**
 * Whether a deadline that is handled `late_ms` too late fell due while the object was down (a restart or a deploy).
 * During the downtime, the person or agent that the deadline waits for could not act.
 */
export function wasDownAt(late_ms: number): boolean {
  return late_ms > LATE_MS;
}

/**
 * Whether the object itself was down (a restart or a deploy): its deadline is handled `late_ms` too late, or the socket
 * is gone without a close event. After a downtime, the overdue alarm fires before any agent can reconnect.
 */
export function wasObjectDown(late_ms: number, { connected, close_seen }: SocketSigns): boolean {
  return wasDownAt(late_ms) || (!connected && !close_seen);
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

/** The inputs for judging an agent that was asked to finish. Times are in ms. */
export interface FinishSigns extends SocketSigns {
  now: number;
  asked_at: number;
  /** When the agent last sent a frame or resumed the lease. A ping does not count. */
  seen_at: number;
  /** When the lease was last extended; null if it never was. */
  extended_at: number | null;
  /** The agent is late after this much silence. */
  silence_ms: number;
  /** The agent is late after this much time in any case. */
  longest_ms: number;
}

type FinishVerdict =
  | { verdict: 'in_time'; check_at: number }
  /** The object was down. The agent gets `silence_ms` again, at most once until it is next seen. */
  | { verdict: 'extend'; check_at: number }
  | { verdict: 'late' };

/** When an agent that was asked to finish is late. An extension restarts both time limits. */
export function finishDueAt(signs: Omit<FinishSigns, 'now' | keyof SocketSigns>): number {
  const { asked_at, seen_at, silence_ms, longest_ms } = signs;
  const from = Math.max(asked_at, signs.extended_at ?? 0);
  return Math.min(Math.max(seen_at, from) + silence_ms, from + longest_ms);
}

/** Judges whether an agent that was asked to finish is late. */
export function judgeFinish(signs: FinishSigns): FinishVerdict {
  const { now, asked_at, seen_at, silence_ms } = signs;
  const extended_at = signs.extended_at ?? 0;
  const dueAt = finishDueAt(signs);
  if (now < dueAt) return { verdict: 'in_time', check_at: dueAt };
  const isExtended = extended_at >= Math.max(asked_at, seen_at);
  if (!isExtended && wasObjectDown(now - dueAt, signs)) return { verdict: 'extend', check_at: now + silence_ms };
  return { verdict: 'late' };
}

const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 60_000;

/** The pause before the next lease after `attempts` lost or failed leases: 1 s, doubled each time, up to 60 s. */
export function retryBackoffMs(attempts: number): number {
  return Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.max(0, attempts - 1));
}

/**
 * Counts how many times in a row agents handed a lease back soon after its grant, and computes the pause before the
 * next lease. A hand-back costs no attempt, so only the pause limits how often it is repeated. The first hand-back
 * causes no pause, because agents hand their work back when they are updated.
 *
 * @param before the count before this hand-back
 * @param held_ms how long the agent held the lease
 */
export function handedBack(before: number, held_ms: number): { in_a_row: number; pause_ms: number } {
  const in_a_row = held_ms < LONGEST_BACKOFF_MS ? before + 1 : 0;
  return { in_a_row, pause_ms: in_a_row < 2 ? 0 : retryBackoffMs(in_a_row - 1) };
}
