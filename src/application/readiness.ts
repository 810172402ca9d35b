import type { Probe } from '../ports/probe.ts';
import type { DependencyState, Readiness } from '../protocol/system/readiness.ts';

const PROBE_MS = 2_000;
/** For how long an answer is given again. */
const FRESH_MS = 2_000;

/** A dependency with its probe. The probe is null if the dependency is not configured. */
export interface Dependency {
  name: Probe['name'];
  probe: Probe | null;
}

/**
 * Reads the readiness, and gives a finished answer again for two seconds. The route is public, so the callers must not
 * decide how often the dependencies are asked.
 *
 * Only finished answers are shared, because on Workers a request cannot wait for the I/O of another one. While one
 * request probes, the others get the previous answer; until there is one, each probes.
 */
export class ReadinessReader {
  readonly #dependencies: readonly Dependency[];
  readonly #now: () => number;
  #last: Readiness | null = null;
  /** When the last probes were started (ms since the epoch). A request that is cut off never says that they ended. */
  #probedAt = Number.NEGATIVE_INFINITY;

  constructor(dependencies: readonly Dependency[], now: () => number) {
    this.#dependencies = dependencies;
    this.#now = now;
  }

  async read(): Promise<Readiness> {
    const now = this.#now();
    if (this.#last !== null && now - this.#probedAt < FRESH_MS) return this.#last;
    this.#probedAt = now;
    this.#last = await probeAll(this.#dependencies);
    return this.#last;
  }
}

/** Probes all dependencies in parallel, each for at most two seconds. */
async function probeAll(dependencies: readonly Dependency[]): Promise<Readiness> {
  const states = await Promise.all(dependencies.map(stateOf));
  const away = dependencies.filter((_, index) => states[index]?.status === 'unavailable');
  const status = away.some(({ probe }) => probe?.required) ? 'unavailable' : away.length > 0 ? 'degraded' : 'ready';
  return { status, dependencies: states };
}

async function stateOf({ name, probe }: Dependency): Promise<DependencyState> {
  if (!probe) return { name, status: 'not_configured' };
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<DependencyState>((resolve) => {
    timer = setTimeout(
      () => resolve({ name, status: 'unavailable', detail: `no answer within ${PROBE_MS} ms` }),
      PROBE_MS,
    );
  });
  const answered = probe.check().then(
    (): DependencyState => ({ name, status: 'ok' }),
    // A driver's message may contain addresses and user names, and this route is public.
    (): DependencyState => ({ name, status: 'unavailable', detail: 'the dependency failed or could not be reached' }),
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}
