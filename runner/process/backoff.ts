const FIRST_MS = 250;
const LONGEST_MS = 15_000;

/** The pause before a process is restarted after so many exits in a row: 0.25 s, doubled each time, up to 15 s. */
export function backoffMs(failures: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1));
}
