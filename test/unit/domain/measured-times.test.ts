import fc from 'fast-check';
import { expect, it } from 'vitest';
import { correctionBy, correctionsOf } from '../../../src/domain/graph/correction.ts';
import {
  aged,
  type MeasuredTimes,
  meanOf,
  NOTHING_MEASURED,
  ofType,
  withResult,
} from '../../../src/domain/measured-times.ts';
import { runs } from '../../support/seeds.ts';

/** What is known after so many results, each of which took `actual` times its estimate. */
function after(count: number, actual: number, before: MeasuredTimes = NOTHING_MEASURED): MeasuredTimes {
  let times = before;
  for (let result = 0; result < count; result++) times = withResult(aged(times), { estimated: 1, actual });
  return times;
}

it('what was measured lately counts more than what was measured before', () => {
  const changed = after(25, 1, after(25, 3));
  expect(changed.results).toBeLessThan(34);
  expect(correctionBy(changed).factor, 'more than half of the weight is that of the last 25').toBeLessThan(3 ** 0.5);
  expect(correctionBy(after(200, 1, changed)).factor).toBeCloseTo(1, 2);
});

it('however much is remembered, the confidence stays below that of 34 results', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 400 }),
      fc.double({ min: 0.001, max: 1_000, noNaN: true }),
      (count, actual) => {
        const { factor, confidence } = correctionBy(after(count, actual));
        expect(confidence).toBeLessThan(34 / 38);
        const bounded = Math.min(10, Math.max(0.1, actual));
        expect(factor).toBeGreaterThanOrEqual(Math.min(1, bounded) - 1e-9);
        expect(factor).toBeLessThanOrEqual(Math.max(1, bounded) + 1e-9);
      },
    ),
    runs(200),
  );
});

it('other types of agents count as four results at most, so that the own ones prevail', () => {
  const [slow, fast] = [after(30, 4), after(30, 0.5)];
  expect(correctionBy(ofType(NOTHING_MEASURED, slow)).confidence).toBeCloseTo(4 / 8);
  expect(correctionBy(ofType(fast, slow)).factor).toBeLessThan(1);
  expect(ofType(fast, NOTHING_MEASURED)).toEqual(fast);
});

it('work that requires several capabilities takes the mean of theirs', () => {
  expect(correctionBy(meanOf([after(8, 2), after(8, 0.5)])).factor).toBeCloseTo(1);
  expect(meanOf([])).toEqual(NOTHING_MEASURED);
});

it('what was measured before counts with the results, and for kinds without one as well', () => {
  const earlier = () => after(30, 2);
  const [first] = correctionsOf([{ kind: 'testing', estimated: 1, actual: 2 }], earlier).values();
  expect(first!.confidence).toBeGreaterThan(correctionBy(earlier()).confidence);
  expect(first!.factor).toBeGreaterThan(1.7);
});
