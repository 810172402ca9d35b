import { expect, test } from 'vitest';
import { addUsage, knownCost, NO_USAGE, readUsage, spellCost } from '../../../src/domain/session/usage.ts';

const { turns: _, unpriced_turns: __, ...NO_TOKENS } = NO_USAGE;
const priced = addUsage(NO_USAGE, { ...NO_TOKENS, cost_usd: 0.5 });
const unpriced = addUsage(NO_USAGE, { ...NO_TOKENS, unpriced: true });
const mixed = addUsage(priced, { ...NO_TOKENS, unpriced: true });
const dollars = (amount: number) => `$${amount}`;

test('a cost that nobody knows is not spelled as zero', () => {
  expect([NO_USAGE, priced, unpriced, mixed].map((usage) => spellCost(usage, dollars))).toEqual([
    '$0',
    '$0.5',
    'unpriced',
    '$0.5 and 1 unpriced turn',
  ]);
  expect([NO_USAGE, priced, unpriced, mixed].map(knownCost)).toEqual([0, 0.5, null, 0.5]);
});

test('a total that was stored before a counter existed is read and added to', () => {
  const { unpriced_turns: _, ...old } = priced;
  expect(readUsage(JSON.stringify(old))).toEqual(priced);
  expect(addUsage(old as typeof priced, { ...NO_TOKENS, unpriced: true })).toEqual(mixed);
});
