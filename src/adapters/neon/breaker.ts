import { Rejected } from '../../ports/rejected.ts';

const FAILURES_MIN = 3;
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Refuses calls on a system that has failed several times in a row, so that thousands of callers do not each wait until
 * their call times out. After a pause, one call tries again.
 */
export class Breaker {
  readonly #now: () => number;
  #failures = 0;
  #refusesUntil = 0;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Runs a call. A `Rejected` error shows that the system is there. @throws Error while calls are refused */
  async run<T>(call: () => Promise<T>): Promise<T> {
    const isOpen = this.#failures >= FAILURES_MIN;
    if (isOpen && this.#now() < this.#refusesUntil) throw new Error('It was not asked, because the last calls failed.');
    // Set before the call, which is then the only one.
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
