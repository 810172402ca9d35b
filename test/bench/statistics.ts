/** The latencies of one operation, and the elapsed time of all its calls. */
export interface Samples {
  latenciesMs: number[];
  elapsedMs: number;
}

export interface Summary {
  count: number;
  p50_ms: number;
  p99_ms: number;
  per_second: number;
}

/** A summary divided by its floor's, member by member. Above 1 is slower for times, faster for rates. */
export type Ratios = Omit<Summary, 'count'>;

/**
 * The value that a share of the values does not exceed, by nearest rank. It is always a measured value.
 * @param share 0 < share ≤ 1
 */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('nothing was measured');
  if (!(share > 0 && share <= 1)) throw new RangeError(`no share of a whole: ${share}`);
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1]!;
}

export function summarize({ latenciesMs, elapsedMs }: Samples): Summary {
  return {
    count: latenciesMs.length,
    p50_ms: percentile(latenciesMs, 0.5),
    p99_ms: percentile(latenciesMs, 0.99),
    per_second: (latenciesMs.length / elapsedMs) * 1_000,
  };
}

export function ratiosTo(floor: Summary, measured: Summary): Ratios {
  return {
    p50_ms: measured.p50_ms / floor.p50_ms,
    p99_ms: measured.p99_ms / floor.p99_ms,
    per_second: measured.per_second / floor.per_second,
  };
}

/** Samples of operations, gathered over rounds: all rounds of one operation, at one concurrency, count as one run. */
export class Recorder {
  readonly #samples = new Map<string, Samples>();

  add(operation: string, atOnce: number, { latenciesMs, elapsedMs }: Samples): void {
    const name = nameOf(operation, atOnce);
    const kept = this.#samples.get(name) ?? { latenciesMs: [], elapsedMs: 0 };
    this.#samples.set(name, {
      latenciesMs: kept.latenciesMs.concat(latenciesMs),
      elapsedMs: kept.elapsedMs + elapsedMs,
    });
  }

  /** @throws when nothing was recorded for a row of the report */
  summary(operation: string, atOnce: number): Summary {
    const samples = this.#samples.get(nameOf(operation, atOnce));
    if (!samples) throw new Error(`nothing was measured as ${nameOf(operation, atOnce)}`);
    return summarize(samples);
  }
}

function nameOf(operation: string, atOnce: number): string {
  return `${operation}, ${atOnce} at once`;
}
