import { describe, expect, it } from 'vitest';
import { afterResult, type Breaker, CLOSED, circuitOf, isOwnFault } from '../../../src/domain/fleet/breaker.ts';

const NOW = 1_000_000;
/** The breaker after failures in a row, each as soon as the agent gets work again. */
function failed(times: number, from: Breaker = CLOSED): Breaker {
  let breaker = from;
  for (let each = 0; each < times; each++) breaker = afterResult(breaker, 'own_fault', breaker.open_until ?? NOW);
  return breaker;
}

describe('a circuit breaker', () => {
  it('opens at the third failure in a row, half-opens after a minute, and closes at a success', () => {
    expect(circuitOf(failed(2), NOW)).toBe('closed');
    const open = failed(3);
    expect(circuitOf(open, NOW + 59_999)).toBe('open');
    expect(circuitOf(open, NOW + 60_000)).toBe('half_open');
    expect(afterResult(open, 'success', NOW)).toEqual(CLOSED);
  });

  it('counts no failure before a success', () => {
    expect(circuitOf(failed(2, afterResult(failed(2), 'success', NOW)), NOW)).toBe('closed');
  });

  it('opens for twice as long at each further failure, up to an hour', () => {
    const pauses = [3, 4, 5, 9, 10, 100].map(
      (times) => failed(times).open_until! - (failed(times - 1).open_until ?? NOW),
    );
    expect(pauses).toEqual([60_000, 120_000, 240_000, 3_600_000, 3_600_000, 3_600_000]);
  });

  it('is not changed by a failure that is not the agent’s own, unless that was a probe', () => {
    for (const breaker of [CLOSED, failed(2), failed(3)]) {
      expect(afterResult(breaker, 'other_failure', NOW)).toEqual(breaker);
    }
    expect(afterResult(failed(3), 'other_failure', NOW + 60_000)).toEqual(CLOSED);
  });

  it('counts the leases that one crash has ended once it is open', () => {
    let crashed = CLOSED;
    for (let lease = 0; lease < 10; lease++) crashed = afterResult(crashed, 'own_fault', NOW);
    expect(crashed).toEqual(failed(3));
  });

  it('tells the agent’s own faults from those of a prompt or a provider', () => {
    expect(['agent_silent', 'opencode_unavailable', 'stream_broken'].every(isOwnFault)).toBe(true);
    expect(['rate_limited', 'no_answer', 'max_turns', 'lease_granted'].some(isOwnFault)).toBe(false);
  });
});
