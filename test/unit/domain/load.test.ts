import { expect, it } from 'vitest';
import { loadLevel } from '../../../src/domain/dispatch/load.ts';
import type { LoadLevel } from '../../../src/protocol/common/enums.ts';

it.each<[number, number, LoadLevel]>([
  [0, 1, 'idle'],
  [1, 5, 'idle'],
  [11, 50, 'optimal'],
  [7, 10, 'optimal'],
  [36, 50, 'high'],
  [9, 10, 'high'],
  [46, 50, 'critical'],
  [1, 1, 'critical'],
  [50, 50, 'critical'],
  [2, 1, 'overloaded'],
  [50, 49, 'overloaded'],
])('an agent with %i of %i slots in use is %s', (slots_used, capacity, level) => {
  expect(loadLevel({ slots_used, capacity })).toBe(level);
});
