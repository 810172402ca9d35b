/** The value below which a share of the values lies (nearest rank). Null without values. @param share 0 to 1 */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

/** The median of the values, the lower one of two. Null without values. */
export function median(values: readonly number[]): number | null {
  return percentile(values, 0.5);
}
