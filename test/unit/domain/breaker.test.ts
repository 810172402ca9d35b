import { describe, expect, it } from 'vitest';
import {
  afterResult,
  type Breaker,
  CLOSED,
  circuitOf,
  type Ended,
  isOwnFault,
} from '../../../src/domain/fleet/breaker.ts';

const NOW = 1_000_000;
/** The breaker after failures in a row, each as soon as the agent gets work again. */
function failed(times: number, from: Breaker = CLOSED): Breaker {
  let breaker = from;
  for (let each = 0; each < times; each++) {
    const at = breaker.open_until ?? NOW + each;
    breaker = ended(breaker, 'own_fault', at);
  }
  return breaker;
}

/** The breaker after an assignment that has begun and ended at a time. */
function ended(breaker: Breaker, kind: Ended['kind'], at: number): Breaker {
  return afterResult(breaker, { kind, started_at: at, ended_at: at }, at);
}

describe('a circuit breaker', () => {
  it('opens at the third failure in a row, half-opens after a minute, and closes at a success', () => {
    expect(circuitOf(failed(2), NOW)).toBe('closed');
    const open = failed(3);
    expect(circuitOf(open, open.open_until! - 1)).toBe('open');
    expect(open.open_until).toBe(NOW + 2 + 60_000);
    expect(circuitOf(open, open.open_until!)).toBe('half_open');
    expect(ended(open, 'success', NOW)).toEqual(CLOSED);
  });

  it('counts no failure before a success', () => {
    expect(circuitOf(failed(2, ended(failed(2), 'success', NOW)), NOW)).toBe('closed');
  });

  it('opens for twice as long at each further failure, up to an hour', () => {
    const pauses = [3, 4, 5, 9, 10, 100].map((times) => failed(times).open_until! - failed(times).failed_at!);
    expect(pauses).toEqual([60_000, 120_000, 240_000, 3_600_000, 3_600_000, 3_600_000]);
  });

  it('is not changed by a failure that is not the agent’s own, unless that was a probe', () => {
    for (const breaker of [CLOSED, failed(2), failed(3)]) {
      expect(ended(breaker, 'other_failure', NOW)).toEqual(breaker);
    }
    expect(ended(failed(3), 'other_failure', failed(3).open_until!)).toEqual(CLOSED);
  });

  it('counts the leases that one crash has ended once', () => {
    const crash = { kind: 'own_fault', started_at: NOW - 10, ended_at: NOW } as const;
    let crashed = CLOSED;
    for (let lease = 0; lease < 10; lease++) crashed = afterResult(crashed, { ...crash, ended_at: NOW + lease }, NOW);
    expect(crashed).toMatchObject({ failures: 1, open_until: null });
    expect(ended(crashed, 'own_fault', NOW + 20).failures).toBe(2);
  });

  it('tells the agent’s own faults from those of a prompt or a provider', () => {
    expect(['agent_silent', 'opencode_unavailable', 'stream_broken'].every(isOwnFault)).toBe(true);
    expect(['rate_limited', 'no_answer', 'max_turns', 'lease_granted'].some(isOwnFault)).toBe(false);
  });
});
