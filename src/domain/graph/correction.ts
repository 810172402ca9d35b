/** A finished task with an estimate, in any unit of time. */
export interface Measured {
  /** Tasks of one kind are alike: those for which the same is required of an agent, for example. */
  kind: string;
  estimated: number;
  actual: number;
}

/** What measured times say of estimates of one kind. */
export interface Correction {
  /** Multiply an estimate by this. */
  factor: number;
  /** How much of the correction was measured, from 0 to 1: with many results it is near 1. */
  confidence: number;
}

export const NO_CORRECTION: Correction = { factor: 1, confidence: 0 };

/** That estimates are right is believed as firmly as if so many results had shown it. */
const PRIOR_RESULTS = 4;
/** A result counts as at most so many times its estimate, and at least the inverse. */
const MOST = 10;

/**
 * How to correct later estimates of each kind. Kinds without a result are absent.
 *
 * The times of work are spread by factors and not by sums, so the mean is that of the logarithms of actual to estimated
 * time. It shrinks to 0, an estimate that is right, by the credibility n / (n + k) of n results (H. Bühlmann, Experience
 * Rating and Credibility, 1967).
 *
 * @example
 * correctionsOf([{ kind: 'testing', estimated: 1, actual: 2 }]).get('testing'); // { factor: 1.15, confidence: 0.2 }
 */
export function correctionsOf(results: Iterable<Measured>): Map<string, Correction> {
  const sums = new Map<string, { results: number; logarithms: number }>();
  for (const { kind, estimated, actual } of results) {
    if (estimated <= 0 || actual <= 0) continue;
    const sum = sums.get(kind) ?? { results: 0, logarithms: 0 };
    const ratio = Math.min(MOST, Math.max(1 / MOST, actual / estimated));
    sums.set(kind, { results: sum.results + 1, logarithms: sum.logarithms + Math.log(ratio) });
  }
  return new Map(
    [...sums].map(([kind, { results: count, logarithms }]) => {
      const weight = count + PRIOR_RESULTS;
      return [kind, { factor: Math.exp(logarithms / weight), confidence: count / weight }];
    }),
  );
}
