import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeLease, type LeaseSigns, retryBackoffMs } from '../../../src/domain/lease/liveness.ts';

const TTL = 60_000;
const SEEN = 1_000_000;

function signs(changes: Partial<LeaseSigns>): LeaseSigns {
  return {
    now: SEEN,
    ttl_ms: TTL,
    last_seen_at: SEEN,
    connected: true,
    close_seen: false,
    extended: false,
    ...changes,
  };
}

describe('a lease', () => {
  it.each([
    { after: 0, quiet: false, next: TTL / 2 },
    { after: TTL / 2 - 1, quiet: false, next: TTL / 2 },
    { after: TTL / 2, quiet: true, next: TTL },
    { after: TTL - 1, quiet: true, next: TTL },
  ])('is alive $after ms after its agent was last seen, with quiet: $quiet', ({ after, quiet, next }) => {
    expect(judgeLease(signs({ now: SEEN + after }))).toEqual({ verdict: 'alive', quiet, check_at: SEEN + next });
  });

  it('is lost when its agent was silent until expiry, connected or not', () => {
    expect(judgeLease(signs({ now: SEEN + TTL }))).toEqual({ verdict: 'lost' });
    const closed = { now: SEEN + TTL, connected: false, close_seen: true };
    expect(judgeLease(signs(closed))).toEqual({ verdict: 'lost' });
  });

  it.each([
    { why: 'the judgement is more than 2 s late', changes: { now: SEEN + TTL + 2_001 } },
    { why: 'the socket is gone without a close event', changes: { now: SEEN + TTL, connected: false } },
  ])('is extended once by a full lifetime when $why', ({ changes }) => {
    const now = changes.now;
    expect(judgeLease(signs(changes))).toEqual({ verdict: 'extend', check_at: now + TTL });
    expect(judgeLease(signs({ ...changes, extended: true }))).toEqual({ verdict: 'lost' });
  });

  it('is not extended when the judgement is only slightly late', () => {
    expect(judgeLease(signs({ now: SEEN + TTL + 2_000 }))).toEqual({ verdict: 'lost' });
  });

  it('is never lost while its agent was seen within the lifetime, and is judged again by its end', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: TTL - 1 }),
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        (silence, connected, close_seen, extended) => {
          const verdict = judgeLease(signs({ now: SEEN + silence, connected, close_seen, extended }));
          expect(verdict.verdict).toBe('alive');
          if (verdict.verdict !== 'alive') return;
          expect(verdict.check_at).toBeGreaterThan(SEEN + silence);
          expect(verdict.check_at).toBeLessThanOrEqual(SEEN + TTL);
        },
      ),
    );
  });
});

it('the pause before the next attempt doubles from a second up to a minute', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 50].map(retryBackoffMs)).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000,
  ]);
});
