/**
 * The circuit breaker of an agent (M. Nygard, Release It!, 2nd ed., §5.2). It opens when the agent has failed several
 * times in a row by its own fault. After a pause it lets one task through, as a probe. A success closes it; another
 * failure opens it again, for longer.
 */
export interface Breaker {
  /** Failures of its own making in a row. */
  failures: number;
  /** Until when the agent gets no work, in ms since the epoch; null while the breaker is closed. */
  open_until: number | null;
  /** When the newest of these failures was, by the clock of its session (ms since the epoch). Absent without one. */
  failed_at?: number;
}

/** How an assignment has ended. Times are in ms since the epoch, by the clock of its session. */
export interface Ended {
  kind: 'success' | 'own_fault' | 'other_failure';
  started_at: number;
  ended_at: number;
}

export const CLOSED: Breaker = { failures: 0, open_until: null };

export type Circuit = 'closed' | 'open' | 'half_open';

/** The failures in a row that open the breaker. */
const OPENS_AT = 3;
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 3_600_000;

/**
 * The codes of failures that the agent has made itself: its process, its OpenCode, its disk or its connection. A prompt
 * that no agent can do, a ceiling and a provider's limit are not among them.
 */
const OWN_FAULTS: ReadonlySet<string> = new Set([
  'agent_lost',
  'agent_silent',
  'agent_did_not_stop_in_time',
  'stream_broken',
  'opencode_unavailable',
  'checkpoint_failed',
  'start_failed',
]);

export function isOwnFault(code: string): boolean {
  return OWN_FAULTS.has(code);
}

/** What the agent may get. @param now ms since the epoch */
export function circuitOf({ open_until }: Breaker, now: number): Circuit {
  if (open_until === null) return 'closed';
  return now < open_until ? 'open' : 'half_open';
}

/**
 * The breaker after an assignment has ended. A failure that is not the agent's own says nothing of it, except that a
 * probe has worked. Assignments that the agent had at the same time fail together and count once, because an agent that
 * crashes loses them all.
 */
export function afterResult(breaker: Breaker, { kind, started_at, ended_at }: Ended, now: number): Breaker {
  if (kind === 'success') return CLOSED;
  const circuit = circuitOf(breaker, now);
  if (kind === 'other_failure') return circuit === 'half_open' ? CLOSED : breaker;
  if (circuit === 'open' || started_at < (breaker.failed_at ?? started_at)) return breaker;
  const failures = breaker.failures + 1;
  const failed = { failures, failed_at: ended_at };
  if (failures < OPENS_AT) return { ...failed, open_until: null };
  const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - OPENS_AT, 20));
  return { ...failed, open_until: now + pause };
}
