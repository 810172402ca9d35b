import { expect, it } from 'vitest';
import { countWrites } from '../../bench/context/rows.ts';

it('a change of a context writes one row with few statements, and a retired one is brought back in the same transaction', async () => {
  const steps = await countWrites();
  const step = (name: string) => steps.find((one) => one.step.startsWith(name))!;
  expect(step('the next change').writes).toEqual({ rows: 1, statements: 1, transactions: 1, alarms: 0 });
  expect(step('the next change')).toMatchObject({ redis: 1, postgres: 0 });
  // Those of the outcome that a repeat gets.
  expect(step('change, with an idempotency key').writes.rows).toBeLessThanOrEqual(3);
  // With the fold: at most one row for each version, and for each version that is folded.
  expect(step('400 changes').writes.rows).toBeLessThanOrEqual(620);
  expect(step('read').writes).toMatchObject({ rows: 0, transactions: 0, alarms: 0 });
  expect(step('read of a retired').writes).toMatchObject({ rows: 0, transactions: 0 });
  expect(step('change of a retired').writes.transactions).toBe(1);
});
