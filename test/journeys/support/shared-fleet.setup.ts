import type { TestProject } from 'vitest/node';
import { type FleetAddress, NO_POSTGRES, startFleet } from '../../system/support/fleet.ts';

declare module 'vitest' {
  interface ProvidedContext {
    fleet: FleetAddress;
  }
}

/** Starts the fleet that all journeys share: a control plane and two agents, each with its own OpenCode server and clone. */
export default async function ({ provide }: TestProject): Promise<() => Promise<void>> {
  const fleet = await startFleet({ ...NO_POSTGRES, OIO_LEASE_TTL_SECONDS: '15' });
  await Promise.all([fleet.agent('AGENT-A').start(), fleet.agent('AGENT-B').start()]);
  provide('fleet', fleet.address);
  return () => fleet.stop();
}
