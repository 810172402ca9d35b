import { afterAll, inject } from 'vitest';
import { type FleetMember, joinFleet } from '../../system/support/fleet.ts';

/**
 * The fleet that all journeys share. A journey names its sessions and agents uniquely, and ends nothing that it has not
 * started; the agents that it makes end with its file.
 */
export function sharedFleet(): FleetMember {
  const fleet = joinFleet(inject('fleet'));
  afterAll(() => fleet.removeAgents());
  return fleet;
}
