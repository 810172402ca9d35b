import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fullJitterMs, pause } from '../../../src/client/backoff.ts';

it('a backoff pause exceeds neither the cap nor the base doubled for each attempt', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.nat(2_000), fc.integer({ min: 1, max: 1_000 }), random, (attempt, baseMs, x) => {
      const ms = fullJitterMs(attempt, baseMs, 15_000, x);
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(ms).toBeLessThanOrEqual(Math.min(15_000, baseMs * 2 ** attempt));
    }),
  );
});

it('a backoff pause can have any length up to its bound', () => {
  expect(fullJitterMs(3, 500, 15_000, 0)).toBe(0);
  expect(fullJitterMs(3, 500, 15_000, 0.5)).toBe(2_000);
  expect(fullJitterMs(20, 500, 15_000, 0.999_999)).toBe(14_999);
});

it('a pause ends when its signal aborts', async () => {
  const controller = new AbortController();
  const pausing = pause(1_000_000, controller.signal);
  controller.abort();
  await expect(pausing).resolves.toBeUndefined();
});
