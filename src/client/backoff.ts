/**
 * A pause with full jitter: a random time up to a bound that doubles with each attempt. Clients that were disconnected
 * together therefore do not reconnect together.
 *
 * @param attempt counts from 0
 * @param baseMs the bound of the first pause
 * @param capMs the highest bound
 * @param random 0 ≤ x < 1
 * @returns the pause in ms
 * @example fullJitterMs(3, 500, 15_000, Math.random()) // between 0 and 4,000
 */
export function fullJitterMs(attempt: number, baseMs: number, capMs: number, random: number): number {
  return Math.floor(random * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30)));
}

/** Waits for `ms` milliseconds, or until `signal` aborts. Never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
}
