const UNITS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/**
 * Formats a duration for people, in its two largest units. Rounds up to a whole second.
 *
 * @example spellDuration(5_400_000) // '1 h 30 min'
 */
export function spellDuration(ms: number): string {
  let rest = Math.ceil(ms / 1_000);
  const parts = UNITS.flatMap(([seconds, unit]) => {
    const count = Math.floor(rest / seconds);
    rest %= seconds;
    return count > 0 ? [`${count} ${unit}`] : [];
  });
  return parts.slice(0, 2).join(' ') || '0 s';
}
