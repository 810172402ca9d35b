import { describe, expect, it } from 'vitest';
import { againstFloor } from '../../bench/report.ts';
import { percentile, Recorder, ratiosTo, summarize } from '../../bench/statistics.ts';

describe('percentile', () => {
  it('is the smallest value that at least the given share of all values does not exceed', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([0.01, 0.5, 0.99, 1].map((share) => percentile(hundred, share))).toEqual([1, 50, 99, 100]);
    expect(percentile([10, 9, 2], 0.5)).toBe(9);
    expect(percentile([7], 0.99)).toBe(7);
  });

  it('rejects an empty list of values', () => {
    expect(() => percentile([], 0.5)).toThrow(RangeError);
    expect(() => percentile([1], 0)).toThrow(RangeError);
  });
});

describe('the report’s arithmetic', () => {
  const floor = { count: 4, p50_ms: 0.5, p99_ms: 2, per_second: 2_000 };

  it('divides times and rates by those of the floor', () => {
    const measured = { count: 9, p50_ms: 1.25, p99_ms: 2, per_second: 500 };
    expect(ratiosTo(floor, measured)).toEqual({ p50_ms: 2.5, p99_ms: 1, per_second: 0.25 });
    expect(againstFloor(1.25, 0.5, 2.5)).toBe('1.25 / 0.50 = **2.50×**');
    expect(againstFloor(9.34, 279, 0.03348)).toBe('9.34 / 279 = **0.033×**');
    expect(againstFloor(1_234.5, 12.34, 100.04)).toBe('1,235 / 12.3 = **100×**');
  });

  it('computes the rate from the elapsed time, not from latencies, which overlap', () => {
    const summary = summarize({ latenciesMs: [10, 30, 20, 40], elapsedMs: 50 });
    expect(summary).toEqual({ count: 4, p50_ms: 20, p99_ms: 40, per_second: 80 });
  });

  it('combines all rounds of an operation, separately for each concurrency', () => {
    const recorder = new Recorder();
    recorder.add('create', 1, { latenciesMs: [1, 2], elapsedMs: 10 });
    recorder.add('create', 1, { latenciesMs: [3], elapsedMs: 20 });
    recorder.add('create', 16, { latenciesMs: [9], elapsedMs: 1 });
    expect(recorder.summary('create', 1)).toEqual({ count: 3, p50_ms: 2, p99_ms: 3, per_second: 100 });
    expect(() => recorder.summary('create', 2)).toThrow('nothing was measured');
  });
});
