/** Long enough for a process to start on a machine that is busy with others. */
const LIMIT_MS = 90_000;
const INTERVAL_MS = 25;

/**
 * Asks again until `check` no longer throws, and returns its value. Every test that needs what another process, socket
 * or object does uses it: one look at a moment says only how busy the machine is. It also runs in a global set-up.
 *
 * @throws the last error of `check` when the limit has passed
 */
export async function eventually<T>(check: () => T | Promise<T>, limitMs = LIMIT_MS): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  }
}
