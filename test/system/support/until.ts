import { setTimeout as delay } from 'node:timers/promises';

/** Long enough for a process to start on a busy machine. */
const LIMIT_MS = 90_000;
const INTERVAL_MS = 50;

/**
 * Repeats `check` until it no longer throws, and returns its value. It works where Vitest's `waitFor` cannot run: in a
 * global set-up, whose process runs no tests.
 *
 * @throws the last error of `check` after a minute and a half
 */
export async function until<T>(check: () => T | Promise<T>): Promise<T> {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
      await delay(INTERVAL_MS);
    }
  }
}
