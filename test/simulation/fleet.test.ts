import { describe, expect, it } from 'vitest';
import { seeds } from '../support/seeds.ts';
import { FleetSimulation } from './support/fleet/fleet-simulation.ts';

/** What must happen in a run, so that the laws are checked where they may break. */
const MEASURED = [
  ...['call lost', 'call answer lost', 'call late', 'call twice', 'threw'],
  ...['drain', 'resume', 'remove', 'removed', 'resize', 'more than the capacity', 'rebalance', 'deleted'],
  ...['moved offered', 'moved accepted', 'ended by rebalanced', 'ended by agent_drained'],
  ...['passed on', 'heard of the next task later'],
  ...['overtook', 'agreed', 'stale', 'handed out'],
  ...['granted', 'over: ended', 'over: lease_lost', 'over: gone', 'act pause', 'act resume', 'act retry', 'act cancel'],
];

describe('a fleet whose calls, sockets, processes, hosts and statements fail', () => {
  const runs: FleetSimulation[] = [];

  it.each(seeds(12))('obeys every law of fleets (seed %i)', async (seed) => {
    runs.push(await new FleetSimulation(seed).run());
  });

  it('reaches every situation that the laws cover', () => {
    const total: Record<string, number> = {};
    for (const { happened } of runs) {
      for (const [what, times] of Object.entries(happened)) total[what] = (total[what] ?? 0) + times;
    }
    expect(MEASURED.filter((what) => !total[what])).toEqual([]);
  });
});
