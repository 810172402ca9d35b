/** Time and chance for a lease's connection: those of this process, unless a simulation holds the clock. */
export interface Clock {
  /** A monotonic clock's milliseconds. */
  now(): number;
  /** 0 ≤ x < 1 */
  random(): number;
  /** Calls `run` once, after `ms`. @returns a function that cancels the call */
  after(ms: number, run: () => void): () => void;
  /** Calls `run` every `ms`. @returns a function that ends the calls */
  every(ms: number, run: () => void): () => void;
}

export const processClock: Clock = {
  now: () => performance.now(),
  random: () => Math.random(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  every: (ms, run) => {
    const timer = setInterval(run, ms);
    return () => clearInterval(timer);
  },
};
