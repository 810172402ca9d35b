const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'narrow' });
const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/**
 * How long ago an instant was, in one unit. An instant in the future counts as now, because two clocks can differ.
 *
 * @param now ms since the epoch
 * @example ago('2026-11-22T15:00:00Z', Date.parse('2026-11-22T15:03:20Z')) // '3m ago'
 */
export function ago(instant: string, now: number): string {
  return relative(Math.min(0, Date.parse(instant) - now));
}

/**
 * How old something is, in one unit, for the column of a table.
 *
 * @param now ms since the epoch
 * @example age('2026-11-22T15:00:00Z', Date.parse('2026-11-22T15:03:20Z')) // '3m'
 */
export function age(instant: string, now: number): string {
  return duration(Math.max(0, now - Date.parse(instant)) / 1_000);
}

/**
 * A duration, in one unit.
 *
 * @example duration(750) // '12m'
 */
export function duration(seconds: number): string {
  const { count, unit } = inOneUnit(seconds * 1_000);
  return `${count}${unit[0]}`;
}

/**
 * How far away a future instant is, in one unit. An instant in the past counts as now.
 *
 * @param now ms since the epoch
 * @example until('2026-12-22T15:00:00Z', Date.parse('2026-11-22T15:00:00Z')) // 'in 30d'
 */
export function until(instant: string, now: number): string {
  return relative(Math.max(0, Date.parse(instant) - now));
}

function relative(ms: number): string {
  const { count, unit } = inOneUnit(Math.abs(ms));
  return RELATIVE.format(ms > 0 ? count : -count, unit);
}

function inOneUnit(ms: number): { count: number; unit: (typeof UNITS)[number][0] } {
  const seconds = Math.round(ms / 1_000);
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? UNITS[3];
  return { count: Math.floor(seconds / size), unit };
}
