import fc from 'fast-check';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where this run's seeds begin: the same in each `npm test`, a new one in each round of `npm run test:soak`. */
    seed: number;
    /** How many times as many seeds as `npm test` takes. */
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

/** Set-up of each test file: a property that names no parameters of its own has the run's seed, too. */
fc.configureGlobal(runs());
