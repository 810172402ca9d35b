import { vi } from 'vitest';

/** Polls until `check` no longer throws. The time limit allows for a busy machine. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 15_000, interval: 10 });
}
