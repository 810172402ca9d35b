/** How long work of one kind took, relative to its estimates. */
export interface MeasuredTimes {
  /** The sum of the logarithms of actual to estimated time. */
  logarithms: number;
  /** Of how many results. Older ones count less, so it need not be whole. */
  results: number;
}

export const NOTHING_MEASURED: MeasuredTimes = { logarithms: 0, results: 0 };

/** A result counts as at most so many times its estimate, and at least the inverse. */
const MOST = 10;
/** The weight of a result relative to the next newer one, in what the fleet remembers: half after 23 newer ones. */
const DECAY = 0.97;
/** The results of other types of agents count, together, as at most so many. */
const MOST_OF_OTHERS = 4;

/**
 * Adds a result. The times of work are spread by factors and not by sums, so it is the logarithm that is added.
 * @param estimated in the unit of `actual`; a time that is not positive says nothing
 */
export function withResult(
  { logarithms, results }: MeasuredTimes,
  { estimated, actual }: { estimated: number; actual: number },
): MeasuredTimes {
  if (estimated <= 0 || actual <= 0) return { logarithms, results };
  const ratio = Math.min(MOST, Math.max(1 / MOST, actual / estimated));
  return { logarithms: logarithms + Math.log(ratio), results: results + 1 };
}

/**
 * What earlier results count when a newer one comes: exponential smoothing (R. G. Brown, Smoothing, Forecasting and
 * Prediction of Discrete Time Series, 1963). A fleet and its models change, so that what was measured long ago says less.
 */
export function aged(times: MeasuredTimes): MeasuredTimes {
  return scaled(times, DECAY);
}

/** The results of all together. */
export function together(all: Iterable<MeasuredTimes>): MeasuredTimes {
  let [logarithms, results] = [0, 0];
  for (const times of all) {
    logarithms += times.logarithms;
    results += times.results;
  }
  return { logarithms, results };
}

/** One kind that has a share in several: the mean of their results. */
export function meanOf(all: readonly MeasuredTimes[]): MeasuredTimes {
  return all.length === 0 ? NOTHING_MEASURED : scaled(together(all), 1 / all.length);
}

/** What is known of one type of agents: its own results, and those of others with a bounded weight. */
export function ofType(own: MeasuredTimes, others: MeasuredTimes): MeasuredTimes {
  return together([own, scaled(others, Math.min(1, MOST_OF_OTHERS / Math.max(others.results, 1)))]);
}

function scaled({ logarithms, results }: MeasuredTimes, by: number): MeasuredTimes {
  return { logarithms: logarithms * by, results: results * by };
}
