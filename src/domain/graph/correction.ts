import { type MeasuredTimes, NOTHING_MEASURED, withResult } from '../measured-times.ts';

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

/**
 * How to correct estimates of a kind, by what was measured of it.
 *
 * The mean of the logarithms of actual to estimated time shrinks to 0, an estimate that is right, by the credibility
 * n / (n + k) of n results (H. Bühlmann, Experience Rating and Credibility, 1967).
 */
export function correctionBy({ logarithms, results }: MeasuredTimes): Correction {
  const weight = results + PRIOR_RESULTS;
  return { factor: Math.exp(logarithms / weight), confidence: results / weight };
}

/**
 * How to correct later estimates of each kind that has results.
 * @param earlier what was measured of a kind before, which counts with the results
 * @example
 * correctionsOf([{ kind: 'testing', estimated: 1, actual: 2 }]).get('testing'); // { factor: 1.15, confidence: 0.2 }
 */
export function correctionsOf(
  results: Iterable<Measured>,
  earlier: (kind: string) => MeasuredTimes = () => NOTHING_MEASURED,
): Map<string, Correction> {
  const kinds = new Map<string, MeasuredTimes>();
  for (const { kind, ...times } of results) kinds.set(kind, withResult(kinds.get(kind) ?? earlier(kind), times));
  const measured = [...kinds].filter(([, { results: count }]) => count > 0);
  return new Map(measured.map(([kind, times]) => [kind, correctionBy(times)]));
}
