import fc from 'fast-check';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** The first seed of this run: the same in each `npm test`, a new one in each round of `npm run test:soak`. */
    seed: number;
    /** The number of seeds, as a multiple of those of `npm test`. */
    seed_factor: number;
  }
}

/** Seeds for a simulation: `count` of them in `npm test`, more and others in `npm run test:soak`. */
export function seeds(count: number): number[] {
  return Array.from({ length: count * inject('seed_factor') }, (_, index) => inject('seed') + index);
}

/**
 * Parameters of a property that `fc.assert` checks `count` times in `npm test`, and more often from another seed in
 * `npm run test:soak`. When it fails, fast-check prints the seed and the path to the counterexample.
 */
export function runs(count = 100): { seed: number; numRuns: number } {
  return { seed: inject('seed'), numRuns: count * inject('seed_factor') };
}

/** Set-up of each test file: a property without parameters of its own also gets the run's seed. */
fc.configureGlobal(runs());
