/** Formats values for display. Pure functions: the current time is an argument. */

export { ago } from '../../../src/domain/relative-time.ts';

// A formatter takes much longer to make than to use, and a transcript has many times.
const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const DATE_AND_TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** `15:04:05`, in the viewer's time zone. */
export function clockTime(instant: string): string {
  return CLOCK.format(new Date(instant));
}

/** Date and time, in the viewer's time zone. */
export function fullTime(instant: string): string {
  return DATE_AND_TIME.format(new Date(instant));
}

/** `1h 02m`, `4m 05s`, `12s`. */
export function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  const two = (n: number) => String(n).padStart(2, '0');
  if (whole >= 3_600) return `${Math.floor(whole / 3_600)}h ${two(Math.floor((whole % 3_600) / 60))}m`;
  return whole >= 60 ? `${Math.floor(whole / 60)}m ${two(whole % 60)}s` : `${whole}s`;
}

/** `12,345`. */
export function count(n: number): string {
  return n.toLocaleString('en');
}

/** `$1.25`; amounts below a cent get four decimals. */
export function usd(amount: number): string {
  const digits = amount !== 0 && amount < 0.01 ? 4 : 2;
  return `$${amount.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

/** `512 B`, `1.5 KiB`, `2.0 MiB`. */
export function bytes(n: number): string {
  if (n < 1_024) return `${n} B`;
  return n < 1_048_576 ? `${(n / 1_024).toFixed(1)} KiB` : `${(n / 1_048_576).toFixed(1)} MiB`;
}

/** `35%`. @param share from 0 to 1 */
export function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
