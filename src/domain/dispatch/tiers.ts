import type { PerformanceTier } from '../../protocol/common/enums.ts';

const BEST_FIRST: readonly PerformanceTier[] = ['elite', 'advanced', 'competent', 'trainee', 'degraded'];

/** Whether a tier is a required one or better. Null requires none. */
export function reachesTier(tier: PerformanceTier, lowest: PerformanceTier | null | undefined): boolean {
  return lowest === null || lowest === undefined || BEST_FIRST.indexOf(tier) <= BEST_FIRST.indexOf(lowest);
}
