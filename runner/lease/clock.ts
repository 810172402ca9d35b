/** The clock and the randomness of a lease's connection. Simulations replace them. */
export interface Clock {
  /** The time of a monotonic clock, in ms. */
  now(): number;
  /** A random number, uniform in [0, 1). */
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
