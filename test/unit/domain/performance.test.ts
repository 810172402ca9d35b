import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  judgePerformance,
  MIN_RESULTS,
  qualityOf,
  qualityOfWork,
  successOf,
} from '../../../src/domain/fleet/performance.ts';
import { percentile } from '../../../src/domain/percentile.ts';
import type { ResultStatus } from '../../../src/protocol/common/enums.ts';

const results = (...counts: [ResultStatus, number][]) =>
  counts.flatMap(([status, count]) => Array.from({ length: count }, () => ({ status })));
const statuses = fc.array(fc.constantFrom<ResultStatus>('completed', 'partial', 'failed'), { maxLength: 200 });
const of = (list: ResultStatus[]) => successOf(list.map((status) => ({ status })));

describe('an agent’s success', () => {
  it.each([
    // By hand: the prior's 3.1 of 4, and the newest result first with weights 1, 0.97, 0.9409, …
    ['no result', results(), 3.1 / 4],
    ['one failure', results(['failed', 1]), 3.1 / 5],
    ['one success', results(['completed', 1]), 4.1 / 5],
    ['a partial success', results(['partial', 1]), 3.6 / 5],
    ['a success after a failure', results(['completed', 1], ['failed', 1]), 4.1 / 5.97],
    ['a failure after a success', results(['failed', 1], ['completed', 1]), (3.1 + 0.97) / 5.97],
    ['two partial successes', results(['partial', 2]), (3.1 + 0.5 * 1.97) / 5.97],
  ])('is estimated from %s', (_, list, estimate) => {
    expect(successOf(list).estimate).toBeCloseTo(estimate, 10);
  });

  it('has an interval that contains the estimate, within 0 and 1', () => {
    fc.assert(
      fc.property(statuses, (list) => {
        const { estimate, low, high } = of(list);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(low).toBeLessThan(estimate);
        expect(high).toBeGreaterThan(estimate);
        expect(high).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('has a narrower interval with more results of one kind', () => {
    const width = (count: number) => {
      const { low, high } = successOf(results(['completed', count]));
      return high - low;
    };
    expect(width(5)).toBeLessThan(width(1));
    expect(width(30)).toBeLessThan(width(5));
  });

  it('never falls by a success in place of a failure', () => {
    fc.assert(
      fc.property(statuses, fc.nat(), (list, at) => {
        fc.pre(list.length > 0);
        const better = list.with(at % list.length, 'completed');
        expect(of(better).estimate).toBeGreaterThanOrEqual(of(list).estimate);
      }),
    );
  });

  it('counts a recent failure more than an old one', () => {
    const recent = successOf(results(['failed', 1], ['completed', 20]));
    const old = successOf(results(['completed', 20], ['failed', 1]));
    expect(recent.estimate).toBeLessThan(old.estimate);
  });
});

describe('an agent’s tier', () => {
  const success = (estimate: number, count = MIN_RESULTS) => ({ estimate, low: 0, high: 1, results: count });

  it.each([
    [0.95, 0.9, 'elite'],
    [0.95, 0.899, 'advanced'],
    [0.95, null, 'advanced'],
    [0.949, 1, 'advanced'],
    [0.85, null, 'advanced'],
    [0.849, 1, 'competent'],
    [0.7, null, 'competent'],
    [0.699, null, 'trainee'],
    [0.5, null, 'trainee'],
    [0.499, 1, 'degraded'],
    [0, null, 'degraded'],
  ])('with an estimate of %d and a quality of %s is %s', (estimate, quality, tier) => {
    expect(judgePerformance(success(estimate), quality).tier).toBe(tier);
  });

  it('is competent until there are enough results, whatever they are', () => {
    for (const status of ['completed', 'failed'] as const) {
      expect(judgePerformance(successOf(results([status, MIN_RESULTS - 1])), 1)).toEqual({
        tier: 'competent',
        reason: '4 results are too few to judge; 5 are needed.',
      });
    }
  });

  it('says why it is not better', () => {
    expect(judgePerformance(success(0.96, 30), null).reason).toBe(
      '96 % estimated success, but no result was rated or checked; elite needs a quality of 0.9.',
    );
    expect(judgePerformance(success(0.6, 30), null).reason).toBe('60 % estimated success over the last 30 results.');
  });

  it('reaches the best and the worst by results alone, and a degraded agent recovers', () => {
    const tier = (...counts: [ResultStatus, number][]) => judgePerformance(successOf(results(...counts)), 1).tier;
    expect(tier(['completed', 20])).toBe('elite');
    expect(tier(['failed', 5])).toBe('degraded');
    expect(tier(['completed', 20], ['failed', 5])).toBe('competent');
  });
});

it('an agent’s quality is the mean of its ratings, in which recent ones count more', () => {
  expect(qualityOf([{ quality: null }])).toBeNull();
  expect(qualityOf([{ quality: 1 }, { quality: null }, { quality: 0 }])).toBeCloseTo(1 / (1 + 0.97 ** 2), 10);
});

it.each([
  [[], 0.5, null],
  [[7], 0.95, 7],
  [[30, 10, 20, 40], 0.5, 20],
  [[1, 2, 3, 4, 5, 6, 7, 8, 9, 100], 0.95, 100],
  [[3, 1, 2], 0, 1],
])('of %j, the share %d lies at or below %s', (values, share, expected) => {
  expect(percentile(values, share)).toBe(expected);
});

it('work counts by its rating, or else by its checks: half for each time that its agent got them back', () => {
  const checks = (passed: boolean, rounds: number) => ({ checks: { passed, rounds } });
  expect(qualityOfWork({})).toBeNull();
  expect([0, 1, 2].map((rounds) => qualityOfWork(checks(true, rounds)))).toEqual([1, 0.5, 0.25]);
  expect(qualityOfWork(checks(false, 0))).toBe(0);
  expect(qualityOfWork({ ...checks(false, 2), rating: { quality: 0.9 } })).toBe(0.9);
});
