import { Rejected } from '../ports/rejected.ts';

const FAILURES_MIN = 3;
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 15_000;

/**
 * A circuit breaker. After several failures in a row, it rejects calls at once, so that thousands of callers do not
 * each wait for a timeout. After a pause, it lets one call through.
 */
export class Breaker {
  readonly #now: () => number;
  #failures = 0;
  #refusesUntil = 0;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Runs a call. `Rejected` counts as success: the system responded. @throws Error while the breaker is open */
  async run<T>(call: () => Promise<T>): Promise<T> {
    const isOpen = this.#failures >= FAILURES_MIN;
    if (isOpen && this.#now() < this.#refusesUntil)
      throw new Error('The call was skipped, because the last calls failed. It will be tried again later.');
    // Extended before the call, so that other callers are rejected meanwhile.
    if (isOpen) this.#pause();
    try {
      const value = await call();
      this.#failures = 0;
      return value;
    } catch (error) {
      if (error instanceof Rejected) this.#failures = 0;
      else {
        this.#failures++;
        this.#pause();
      }
      throw error;
    }
  }

  #pause(): void {
    const pause = FIRST_PAUSE_MS * 2 ** Math.max(0, this.#failures - FAILURES_MIN);
    this.#refusesUntil = this.#now() + Math.min(LONGEST_PAUSE_MS, pause);
  }
}
