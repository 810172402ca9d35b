import { describe, expect, it } from 'vitest';
import { measureMakespans } from '../../../bench/graph/makespan.ts';

describe('eight agents that work on a hundred random graphs, each in the order of slack', () => {
  const { all, by_density } = measureMakespans(100, 8);

  it('take at most a tenth longer than they must, in the mean of wide and of narrow graphs', () => {
    expect(all.to_bound).toBeLessThanOrEqual(1.1);
    expect(all.surprised_to_bound, 'whatever the estimates').toBeLessThanOrEqual(1.1);
    for (const { makespans } of by_density) expect(makespans.to_bound).toBeLessThanOrEqual(1.1);
  });

  it('never take less than the longest path and the work of each allow', () => {
    for (const { makespans } of by_density) expect(makespans.best_to_bound).toBeGreaterThan(1 - 1e-9);
  });

  it('take less than in the order in which the tasks get ready', () => {
    for (const { makespans } of by_density) expect(makespans.to_bound).toBeLessThan(makespans.fifo_to_bound);
  });

  it('finish within a fifth of what was shown at the start, if the estimates are off by two fifths', () => {
    expect(all.prediction_error).toBeLessThan(0.2);
  });
});
