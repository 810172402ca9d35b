import type { PerformanceTier, ResultStatus } from '../../protocol/common/enums.ts';
import type { CheckEvidence } from '../../protocol/session/checks.ts';

/** A finished assignment. */
export interface Result {
  status: ResultStatus;
  /** From 0 to 1, see `qualityOfWork`; null if nothing says how good the work is. */
  quality: number | null;
}

/** An estimate of the share of assignments that an agent completes. */
export interface Success {
  /** Between 0 and 1. */
  estimate: number;
  /** The bounds of the 95 % interval. */
  low: number;
  high: number;
  results: number;
}

const CREDIT: Readonly<Record<ResultStatus, number>> = { completed: 1, partial: 0.5, failed: 0 };

/** The weight of a result relative to the next newer one. A result counts half after 23 newer ones. */
const DECAY = 0.97;

/**
 * What is believed of an agent without results: that it is competent, with the weight of four results. Thus one result
 * says little, and an agent with none needs no rule of its own.
 */
const PRIOR = { estimate: 0.775, weight: 4 } as const;

/** With fewer results, an agent stays competent. */
export const MIN_RESULTS = 5;
/** The lowest quality of an elite agent. */
const ELITE_QUALITY = 0.9;

/** The lowest estimate of each tier, from the best tier to the last. */
const TIER_FROM: readonly (readonly [PerformanceTier, number])[] = [
  ['elite', 0.95],
  ['advanced', 0.85],
  ['competent', 0.7],
  ['trainee', 0.5],
  ['degraded', 0],
];

/** The 97.5th percentile of the normal distribution. */
const Z = 1.96;

/**
 * Estimates an agent's success from its results. Recent ones count more.
 *
 * The estimate is the mean of a beta distribution: the results' weighted credits, and those of the prior as
 * pseudo-results (A. Gelman et al., Bayesian Data Analysis, §2.4). The interval is the score interval of E. B. Wilson
 * (1927), which holds for few results and near 0 and 1, around the estimate and with the effective number of results
 * (L. Kish, Survey Sampling, 1965: (Σw)² / Σw²).
 * @param results the newest first
 */
export function successOf(results: readonly Pick<Result, 'status'>[]): Success {
  let weights = 0;
  let squares = 0;
  let credits = 0;
  results.forEach(({ status }, age) => {
    const weight = DECAY ** age;
    weights += weight;
    squares += weight ** 2;
    credits += weight * CREDIT[status];
  });
  const estimate = (credits + PRIOR.weight * PRIOR.estimate) / (weights + PRIOR.weight);
  const n = PRIOR.weight + (squares === 0 ? 0 : weights ** 2 / squares);
  const centre = estimate + Z ** 2 / (2 * n);
  const margin = Z * Math.sqrt((estimate * (1 - estimate)) / n + Z ** 2 / (4 * n ** 2));
  const scale = 1 + Z ** 2 / n;
  return { estimate, low: (centre - margin) / scale, high: (centre + margin) / scale, results: results.length };
}

/**
 * How good a piece of work is, from 0 to 1: as a person has rated it, or else by its checks. Work whose checks passed
 * when the agent first thought it done counts 1, and half for each time that the agent got them back. Work whose checks
 * fail counts 0. Null if it was neither rated nor checked.
 *
 * @example qualityOfWork({ checks: { passed: true, rounds: 1 } }) // 0.5
 */
export function qualityOfWork({ rating, checks }: { rating?: Rated | undefined; checks?: CheckEvidence | undefined }) {
  if (rating) return rating.quality;
  if (!checks) return null;
  return checks.passed ? KEPT_BY_A_ROUND ** checks.rounds : 0;
}

interface Rated {
  quality: number;
}

const KEPT_BY_A_ROUND = 0.5;

/** The mean quality of the results that have one; recent ones count more. Null without one. @param results newest first */
export function qualityOf(results: readonly Pick<Result, 'quality'>[]): number | null {
  let weights = 0;
  let sum = 0;
  results.forEach(({ quality }, age) => {
    if (quality === null) return;
    weights += DECAY ** age;
    sum += DECAY ** age * quality;
  });
  return weights === 0 ? null : sum / weights;
}

/** A tier, and why it is not a better one. */
export interface Judgement {
  tier: PerformanceTier;
  reason: string;
}

/** Judges an agent by its estimated success and its quality. */
export function judgePerformance({ estimate, results }: Success, quality: number | null): Judgement {
  if (results < MIN_RESULTS) {
    const some = results === 1 ? '1 result is' : `${results} results are`;
    return { tier: 'competent', reason: `${some} too few to judge; ${MIN_RESULTS} are needed.` };
  }
  const [bySuccess] = TIER_FROM.find(([, lowest]) => estimate >= lowest)!;
  const share = `${Math.round(estimate * 100)} % estimated success`;
  if (bySuccess !== 'elite' || (quality !== null && quality >= ELITE_QUALITY)) {
    return { tier: bySuccess, reason: `${share} over the last ${results} results.` };
  }
  const why = quality === null ? 'no result was rated or checked' : `the quality is ${quality.toFixed(2)}`;
  return { tier: 'advanced', reason: `${share}, but ${why}; elite needs a quality of ${ELITE_QUALITY}.` };
}
