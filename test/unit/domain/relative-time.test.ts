import { expect, it } from 'vitest';
import { age, ago, until } from '../../../src/domain/relative-time.ts';

const NOW = Date.parse('2026-11-22T15:00:00Z');
const at = (ms: number) => new Date(NOW + ms).toISOString();
const DAY_MS = 86_400_000;

it('a time is told in its largest unit, before and after now', () => {
  expect([0, -59_000, -61_000, -2 * 3_600_000, -3.5 * DAY_MS].map((ms) => ago(at(ms), NOW))).toEqual([
    '0s ago',
    '59s ago',
    '1m ago',
    '2h ago',
    '3d ago',
  ]);
  expect([-59_000, -61_000, -2 * 3_600_000, -3.5 * DAY_MS].map((ms) => age(at(ms), NOW))).toEqual([
    '59s',
    '1m',
    '2h',
    '3d',
  ]);
  expect([30_000, 30 * DAY_MS].map((ms) => until(at(ms), NOW))).toEqual(['in 30s', 'in 30d']);
});

it('a time on the wrong side of now is now, because two clocks can differ', () => {
  expect([ago(at(5_000), NOW), age(at(5_000), NOW), until(at(-5_000), NOW)]).toEqual(['0s ago', '0s', '0s ago']);
});
