import { describe, expect, it } from 'vitest';
import { seeds } from '../support/seeds.ts';
import { LeaseSimulation, type Outcome } from './support/lease-simulation.ts';

const MEASURED = ['granted', 'lost', 'taken over', 'delivered later', 'quiet', 'extended', 'refused'] as const;

describe('agents and their session, while networks break and processes and hosts die', () => {
  const outcomes: Outcome[] = [];

  it.each(seeds(14))('obey every law of leases (seed %i)', async (seed) => {
    const outcome = await new LeaseSimulation(seed).run();
    expect(outcome.status).toMatch(/^(completed|failed)$/);
    outcomes.push(outcome);
  });

  it('reach every situation that the laws cover', () => {
    const total = Object.fromEntries(MEASURED.map((what) => [what, 0]));
    for (const { happened } of outcomes) for (const what of MEASURED) total[what]! += happened[what] ?? 0;
    expect(Object.entries(total).filter(([, times]) => times === 0)).toEqual([]);
  });
});
