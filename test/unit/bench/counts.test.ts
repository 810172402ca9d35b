import { expect, it } from 'vitest';
import { type Counts, countOneSession } from '../../bench/counts.ts';
import { countWaiting } from '../../bench/waiting.ts';

/** The table rows of a step in all objects. */
const rowsOf = (writes: Counts['whole']): number => Object.values(writes).reduce((sum, { rows }) => sum + rows, 0);

it('a session of 100 deltas with a checkpoint writes at most 60 rows, its creation 7, ten deltas 2', async () => {
  const { steps, whole } = await countOneSession();
  const step = (name: string) => steps.find((one) => one.step.startsWith(name))!.writes;
  expect(step('create').session.rows).toBeLessThanOrEqual(7);
  expect(rowsOf(step('batch of 10 deltas'))).toBeLessThanOrEqual(2);
  expect(rowsOf(whole)).toBeLessThanOrEqual(60);
});

it('waiting costs at most a few wakes an hour on the first day, and two an hour later', async () => {
  for (const { what, first, eighth } of await countWaiting()) {
    expect(first.wakes, what).toBeLessThanOrEqual(80);
    expect(eighth.wakes, what).toBeLessThanOrEqual(48);
    expect(eighth.calls, what).toBeLessThanOrEqual(24);
  }
});
