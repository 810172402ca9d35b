import type { TestProject } from 'vitest/node';
import { type FleetAddress, NO_POSTGRES, startFleet } from '../../system/support/fleet.ts';

declare module 'vitest' {
  interface ProvidedContext {
    fleet: FleetAddress;
  }
}

/** Starts the fleet that all journeys share: a control plane and two agents, each with its own OpenCode server and clone. */
export default async function ({ provide }: TestProject): Promise<() => Promise<void>> {
  // Vitest runs no tear-down if the set-up fails.
  await using parts = new AsyncDisposableStack();
  const fleet = await startFleet({ ...NO_POSTGRES, OIO_LEASE_TTL_SECONDS: '15' });
  parts.defer(fleet.stop);
  await Promise.all([fleet.agent('AGENT-A').start(), fleet.agent('AGENT-B').start()]);
  provide('fleet', fleet.address);
  const started = parts.move();
  return () => started.disposeAsync();
}
