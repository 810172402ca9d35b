import { afterAll, inject } from 'vitest';
import { type FleetMember, joinFleet } from '../../system/support/fleet.ts';

/**
 * The fleet that all journeys share. A journey gives its sessions and agents unique names, and ends only what it
 * started. The agents that it creates end with its file.
 */
export function sharedFleet(): FleetMember {
  const fleet = joinFleet(inject('fleet'));
  afterAll(() => fleet.removeAgents());
  return fleet;
}
