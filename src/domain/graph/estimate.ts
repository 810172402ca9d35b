import type { ComplexityLevel } from '../../protocol/common/enums.ts';

/** A three-point estimate of the time that a task takes, in hours. */
export interface ThreePointEstimate {
  optimistic_hours: number;
  likely_hours: number;
  pessimistic_hours: number;
}

export interface PertEstimate {
  hours: number;
  deviation_hours: number;
}

/** What a task without an estimate counts as in predictions. */
export const UNESTIMATED_HOURS = 1;

/**
 * The expected time and its standard deviation, (O + 4M + P) / 6 and (P − O) / 6: the approximation of a beta
 * distribution that PERT uses (Malcolm, Roseboom, Clark and Fazar, 1959).
 *
 * @example
 * pertEstimate({ optimistic_hours: 1, likely_hours: 2, pessimistic_hours: 9 }); // { hours: 3, deviation_hours: 1.33… }
 */
export function pertEstimate({ optimistic_hours, likely_hours, pessimistic_hours }: ThreePointEstimate): PertEstimate {
  return {
    hours: (optimistic_hours + 4 * likely_hours + pessimistic_hours) / 6,
    deviation_hours: (pessimistic_hours - optimistic_hours) / 6,
  };
}

/** The level of a task that is expected to take so many hours. */
export function complexityOf(hours: number): ComplexityLevel {
  if (hours < 0.25) return 'trivial';
  if (hours < 1) return 'simple';
  if (hours < 4) return 'moderate';
  return hours < 8 ? 'complex' : 'expert';
}
