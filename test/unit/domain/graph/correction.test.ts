import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { correctionsOf, type Measured } from '../../../../src/domain/graph/correction.ts';
import { runs } from '../../../support/seeds.ts';

const times = (count: number, actual: number, kind = 'testing'): Measured[] =>
  Array.from({ length: count }, () => ({ kind, estimated: 1, actual }));
const correctionOf = (results: Measured[]) => correctionsOf(results).get('testing')!;

describe('the correction of estimates', () => {
  it('says little after one result, and nearly what was measured after many', () => {
    const once = correctionOf(times(1, 2));
    expect(once.factor).toBeCloseTo(2 ** (1 / 5));
    expect(once.confidence).toBeCloseTo(1 / 5);
    const often = correctionOf(times(100, 2));
    expect(often.factor).toBeGreaterThan(1.9);
    expect(often.factor).toBeLessThan(2);
    expect(often.confidence).toBeGreaterThan(0.95);
  });

  it('is of one kind alone, and absent without a result', () => {
    const corrections = correctionsOf([...times(9, 3), ...times(9, 1 / 3, 'deployment')]);
    expect(corrections.get('testing')!.factor).toBeGreaterThan(1);
    expect(corrections.get('deployment')!.factor).toBeLessThan(1);
    expect(corrections.get('code_review')).toBeUndefined();
  });

  it('is none if half of the results were as much too short as the others were too long', () => {
    expect(correctionOf([...times(5, 4), ...times(5, 1 / 4)]).factor).toBeCloseTo(1);
  });

  it('lies between no correction and what was measured, whatever that was', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 0.001, max: 1_000, noNaN: true }),
        (count, actual) => {
          const { factor, confidence } = correctionOf(times(count, actual));
          const bounded = Math.min(10, Math.max(0.1, actual));
          expect(factor).toBeGreaterThanOrEqual(Math.min(1, bounded) - 1e-9);
          expect(factor).toBeLessThanOrEqual(Math.max(1, bounded) + 1e-9);
          expect(confidence).toBeGreaterThan(0);
          expect(confidence).toBeLessThan(1);
        },
      ),
      runs(300),
    );
  });

  it('ignores times that say nothing', () => {
    expect(
      correctionsOf([
        { kind: 'testing', estimated: 0, actual: 1 },
        { kind: 'testing', estimated: 1, actual: 0 },
      ]).size,
    ).toBe(0);
  });
});
