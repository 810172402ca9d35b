import { expect, it } from 'vitest';
import { closedGateOf, type Gate } from '../../../../src/domain/graph/gates.ts';

/** Tasks by number: 1 has the part 2, which has the part 3. */
const chain = (...gates: Gate[]) => {
  const tasks = gates.map((gate, index) => ({ parent: index === 0 ? null : index, gate }));
  return closedGateOf(gates.length, (task) => tasks[task - 1]);
};

it.each<[Gate[], number | null]>([
  [[null], null],
  [['closed'], 1],
  [['open'], null],
  [['closed', null, null], 1],
  [['closed', null, 'closed'], 1],
  [['open', null, 'closed'], 3],
  [['open', null, 'open'], null],
])('a task in %j is kept by the outermost closed gate: %s', (gates, expected) => {
  expect(chain(...gates)).toBe(expected);
});
