import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utilisation } from '../../../src/domain/dispatch/load.ts';
import {
  type BalancedAgent,
  type HeldSlot,
  isSource,
  MOVED_AGAIN_MS,
  planMoves,
} from '../../../src/domain/dispatch/rebalance.ts';
import { meets } from '../../../src/domain/dispatch/routing.ts';
import { ANY } from '../../support/requirements.ts';

const NOW = 1_000_000_000;
const QUIET_MS = 60_000;

interface Slot extends HeldSlot {
  name: string;
}

function agent(id: string, changes: Partial<BalancedAgent> = {}): BalancedAgent {
  return {
    ...{ id, name: `AGENT-${id}`, agent_type: 'implementer', tier: 'competent', capacity: 5, slots_used: 0 },
    ...{ capabilities: [], labels: [], preferred_technologies: [], repository: null, remotes: [], duration_ms: null },
    ...{ idle_since: 0, heard_at: NOW, instance_id: `${id}-1`, drain: null, circuit: 'closed' },
    ...changes,
  };
}

function slot(name: string, agent_id: string, changes: Partial<Slot> = {}): Slot {
  const requirements = { ...ANY, allow_rebalance: true };
  return { name, session_id: name, agent_id, state: 'accepted', requirements, declined: {}, moved: null, ...changes };
}

function plan(agents: BalancedAgent[], held: Slot[], { max = 10, moved = [] as string[], now = NOW } = {}) {
  const situation = { agents, held, moved: new Set(moved), now, quiet_ms: QUIET_MS, peers_ms: null };
  const { moves, stays } = planMoves(situation, max);
  return {
    moves: moves.map((move) => `${move.slot.name} → ${move.to.id}`),
    stays: stays.map((stay) => `${stay.slot.name}: ${stay.reason}`),
    reasons: moves.map(({ reason }) => reason),
  };
}

const full = (id: string) => agent(id, { slots_used: 5 });
const five = (id: string) => [1, 2, 3, 4, 5].map((each) => slot(`${id}${each}`, id));

describe('a rebalance', () => {
  it('moves work from a full agent to an idle one, until the first is no longer critical', () => {
    const { moves, stays, reasons } = plan([full('a'), agent('b')], five('a'));
    expect(moves).toEqual(['a1 → b']);
    expect(stays).toEqual([]);
    expect(reasons).toEqual(['The load of AGENT-a is critical: 5 of 5 slots are in use.']);
  });

  it('moves more from an agent whose capacity was lowered below what it has', () => {
    const { moves, reasons } = plan([agent('a', { capacity: 2, slots_used: 4 }), agent('b')], five('a').slice(0, 4));
    expect(moves).toEqual(['a1 → b', 'a2 → b']);
    expect(reasons[0]).toBe('The load of AGENT-a is overloaded: 4 of 2 slots are in use.');
  });

  it('leaves work where the session does not allow it, and says so', () => {
    const forbidden = slot('x', 'a', { requirements: ANY });
    expect(plan([full('a'), agent('b')], [forbidden])).toMatchObject({
      moves: [],
      stays: ['x: Its session does not allow it (allow_rebalance).'],
    });
  });

  it('moves an offer without being allowed to, from a full agent and from a silent one', () => {
    const offer = slot('x', 'a', { state: 'offered', requirements: ANY });
    expect(plan([full('a'), agent('b')], [offer]).moves).toEqual(['x → b']);
    const silent = agent('a', { slots_used: 1, heard_at: NOW - QUIET_MS - 1 });
    const busy = agent('b', { slots_used: 3 });
    expect(plan([silent, busy], [offer])).toMatchObject({
      moves: ['x → b'],
      reasons: ['AGENT-a has the offer and is silent.'],
    });
    expect(plan([silent], [offer]).stays).toEqual(['x: No other agent can take it.']);
  });

  it.each<[string, BalancedAgent]>([
    ['has something to do', agent('b', { slots_used: 2 })],
    ['would be as loaded as the first', agent('b', { capacity: 1 })],
    ['drains', agent('b', { drain: { reason: null } })],
    ['is silent', agent('b', { heard_at: NOW - QUIET_MS - 1 })],
    ['is not connected', agent('b', { heard_at: null })],
    ['has failed several times', agent('b', { circuit: 'open' })],
    ['works on a probe', agent('b', { circuit: 'half_open' })],
  ])('moves nothing to an agent that %s', (_, other) => {
    expect(plan([full('a'), other], five('a').slice(0, 1))).toMatchObject({
      moves: [],
      stays: ['a1: No idle agent can take it.'],
    });
  });

  it('moves nothing to an agent that lacks something, has refused it or has just declined it', () => {
    const agents = [full('a'), agent('b')];
    const stays = (changes: Partial<Slot>) => plan(agents, [slot('x', 'a', changes)]).stays;
    const requirements = { ...ANY, allow_rebalance: true };
    const nobody = ['x: No idle agent can take it.'];
    expect(stays({ requirements: { ...requirements, required_labels: ['gpu=true'] } })).toEqual(nobody);
    expect(stays({ requirements: { ...requirements, avoid_agents: ['b'] } })).toEqual(nobody);
    expect(stays({ requirements: { ...requirements, refusing_instances: ['b-1'] } })).toEqual(nobody);
    expect(stays({ declined: { b: { count: 1, until: NOW + 1 } } })).toEqual(nobody);
    expect(stays({})).toEqual([]);
  });

  it('leaves a session alone that was moved, and counts what is on its way as gone', () => {
    const agents = [full('a'), agent('b')];
    expect(plan(agents, five('a').slice(0, 1), { moved: ['a1'] }).stays).toEqual([
      'a1: Its session was moved less than ten minutes ago.',
    ]);
    const leaving = slot('x', 'a', { moved: { at: NOW - 1, from: 'a', to: 'b' } });
    expect(plan(agents, [leaving, ...five('a').slice(1)])).toMatchObject({ moves: [], stays: [] });
    const later = { moved: [], now: NOW + MOVED_AGAIN_MS };
    const heard = agents.map((one) => ({ ...one, heard_at: later.now }));
    expect(plan(heard, [leaving, ...five('a').slice(1)], later).moves).toEqual(['x → b']);
  });

  it('plans at most max_moves', () => {
    const agents = [agent('a', { capacity: 1, slots_used: 5 }), agent('b', { capacity: 10 })];
    expect(plan(agents, five('a'), { max: 2 })).toMatchObject({
      moves: ['a1 → b', 'a2 → b'],
      stays: ['a3', 'a4', 'a5'].map((name) => `${name}: There are more moves than max_moves.`),
    });
  });
});

describe('any rebalance', () => {
  const ids = ['a', 'b', 'c', 'd'];
  const fleet = fc
    .record({
      agents: fc.tuple(
        ...ids.map((id) =>
          fc.record({
            id: fc.constant(id),
            capacity: fc.integer({ min: 1, max: 8 }),
            labels: fc.subarray(['gpu=true', 'os=mac']),
            heard_at: fc.constantFrom(NOW, NOW, NOW, NOW - QUIET_MS - 1, null),
            circuit: fc.constantFrom('closed', 'closed', 'half_open', 'open'),
            drain: fc.constantFrom(null, null, null, { reason: null }),
          }),
        ),
      ),
      held: fc.array(
        fc.record({
          session_id: fc.constantFrom('s1', 's2', 's3', 's4', 's5', 's6', 's7', 's8'),
          agent_id: fc.constantFrom('a', 'a', 'b', 'c', 'd'),
          state: fc.constantFrom('offered', 'accepted'),
          requirements: fc.record({
            allow: fc.boolean(),
            required_labels: fc.subarray(['gpu=true']),
            avoid_agents: fc.subarray(ids),
          }),
        }),
        { maxLength: 20 },
      ),
      max: fc.integer({ min: 1, max: 10 }),
    })
    .map(({ agents, held, max }) => ({
      max,
      held: held.map(({ requirements: { allow, ...asked }, ...changes }, index) => ({
        ...slot(`slot ${index}`, changes.agent_id, changes as Partial<Slot>),
        requirements: { ...ANY, ...asked, ...(allow && { allow_rebalance: true }) },
      })),
      agents: agents.map((changes) =>
        agent(changes.id, {
          ...(changes as Partial<BalancedAgent>),
          slots_used: held.filter(({ agent_id }) => agent_id === changes.id).length,
        }),
      ),
    }));

  it('fills no agent above its capacity, keeps to what sessions allow and require, and makes each target better off', async () => {
    await fc.assert(
      fc.property(fleet, fc.subarray(['s1', 's2', 's3']), ({ agents, held, max }, moved) => {
        const before = structuredClone({ agents, held });
        const situation = { agents, held, moved: new Set(moved), now: NOW, quiet_ms: QUIET_MS, peers_ms: null };
        const { moves, stays } = planMoves(situation, max);
        expect({ agents, held }).toEqual(before);
        expect(moves.length).toBeLessThanOrEqual(max);
        expect(new Set([...moves, ...stays].map(({ slot }) => slot.name)).size).toBe(moves.length + stays.length);
        const used = new Map(agents.map(({ id, slots_used }) => [id, slots_used]));
        const at = (id: string) => agents.find((one) => one.id === id)!;
        for (const { slot, to } of moves) {
          const source = at(slot.agent_id);
          const load = (id: string, more = 0) => utilisation({ ...at(id), slots_used: used.get(id)! + more });
          expect(isSource(source, NOW, QUIET_MS)).toBe(true);
          expect(slot.state === 'offered' || slot.requirements.allow_rebalance).toBe(true);
          expect(moved).not.toContain(slot.session_id);
          expect(meets(to, slot.requirements)).toBe(true);
          expect(slot.requirements.avoid_agents).not.toContain(to.id);
          const isSilent = source.heard_at !== NOW;
          expect(isSilent || load(to.id, 1) < load(source.id)).toBe(true);
          used.set(source.id, used.get(source.id)! - 1);
          used.set(to.id, used.get(to.id)! + 1);
          expect(load(to.id)).toBeLessThanOrEqual(1);
        }
        expect(new Set(moves.map(({ slot }) => slot.session_id)).size).toBe(moves.length);
      }),
    );
  });

  it('comes to rest when it is repeated, even if sessions could be moved again at once', async () => {
    await fc.assert(
      fc.property(fleet, ({ agents, held, max }) => {
        const fewest = agents.length * held.length ** 2 + 1;
        for (let round = 0; ; round++) {
          const used = (id: string) => held.filter(({ agent_id }) => agent_id === id).length;
          const counted = agents.map((one) => ({ ...one, slots_used: used(one.id) }));
          const situation = { agents: counted, held, moved: new Set<string>(), now: NOW, quiet_ms: QUIET_MS };
          const { moves } = planMoves({ ...situation, peers_ms: null }, max);
          if (moves.length === 0) return;
          expect(round).toBeLessThan(fewest);
          for (const { slot, to } of moves) slot.agent_id = to.id;
        }
      }),
    );
  });
});
