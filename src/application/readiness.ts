import type { Probe } from '../ports/probe.ts';
import type { DependencyState, Readiness } from '../protocol/system/readiness.ts';

const PROBE_MS = 2_000;

/** A dependency with its probe. The probe is null if the dependency is not configured. */
export interface Dependency {
  name: Probe['name'];
  probe: Probe | null;
}

/** Probes all dependencies in parallel, each for at most two seconds. */
export async function readReadiness(dependencies: readonly Dependency[]): Promise<Readiness> {
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
