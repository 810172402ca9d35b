import { vi } from 'vitest';

/** Polls until `check` throws no more: long enough for a busy machine, short enough to say what is missing. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 15_000, interval: 10 });
}
