const firstMs = 250;
const longestMs = 15_000;

/** Pause before the next attempt after so many failures in a row: 0.25 s, doubled each time, up to 15 s. */
export function backoffMs(failures: number): number {
  return Math.min(longestMs, firstMs * 2 ** Math.max(0, failures - 1));
}
