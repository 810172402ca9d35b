import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FleetAgent } from '../../../src/domain/dispatch/agent-index.ts';
import type { Waiting } from '../../../src/domain/dispatch/match.ts';
import { meets } from '../../../src/domain/dispatch/routing.ts';
import { DISPATCH_CONFIG as CONFIG, dispatcherOf, fleetAgent } from '../../support/dispatcher-of.ts';
import { ANY } from '../../support/requirements.ts';

const NOW = 1_000_000;

interface Request extends Waiting {
  name: string;
}

function request(name: string, changes: Partial<Waiting> = {}): Request {
  return { name, requirements: ANY, declined: {}, ...changes };
}

type Changes = Partial<FleetAgent> & { seen_at?: number; instance_id?: string };

function agent(id: string, { seen_at = NOW, instance_id = `${id}-1`, ...changes }: Changes = {}): FleetAgent {
  return fleetAgent(id, { connection: { instance_id, seen_at }, ...changes });
}

interface State {
  queue: readonly Request[];
  agents: readonly FleetAgent[];
  skip: string | null;
  now: number;
}

/** The offers of one match as `request → agent`, and the time of the next look from now. */
function pass({ queue = [], agents = [], skip = null, now = NOW }: Partial<State>) {
  const match = dispatcherOf(agents, queue, now).dispatcher.match(skip, now);
  return {
    offers: match.offers.map(({ request: { session_id }, agent_id }) => `${session_id} → ${agent_id}`),
    lookAgainIn: match.look_again_at === null ? null : match.look_again_at - now,
  };
}

describe('a match', () => {
  it('offers nothing to an agent whose circuit is open, and looks again when it half-opens', () => {
    const queue = [request('first')];
    const agents = [agent('broken', { capacity: 5, open_until: NOW + 7_000 })];
    expect(pass({ queue, agents })).toEqual({ offers: [], lookAgainIn: 7_000 });
    expect(pass({ queue, agents: [...agents, agent('sound')] }).offers).toEqual(['first → sound']);
  });

  it('offers an agent whose circuit is half open one request as a probe, and no other until that has ended', () => {
    const queue = [request('first'), request('second')];
    const halfOpen = { capacity: 5, open_until: NOW };
    expect(pass({ queue, agents: [agent('a', halfOpen)] }).offers).toEqual(['first → a']);
    expect(pass({ queue, agents: [agent('a', { ...halfOpen, slots_used: 1 })] }).offers).toEqual([]);
  });

  it('offers the queue in order until the agents have no room', () => {
    const queue = ['first', 'second', 'third'].map((name) => request(name));
    const agents = [agent('a'), agent('b')];
    expect(pass({ queue, agents })).toEqual({ offers: ['first → a', 'second → b'], lookAgainIn: null });
  });

  it('skips a request that no agent can take', () => {
    const queue = [request('gpu', { requirements: { ...ANY, required_labels: ['gpu=true'] } }), request('any')];
    expect(pass({ queue, agents: [agent('a')] }).offers).toEqual(['any → a']);
  });

  it('offers nothing to a quiet agent, and looks again while the agent has room and a request waits', () => {
    const agents = [agent('quiet', { seen_at: NOW - 60_001 })];
    expect(pass({ queue: [request('one')], agents })).toEqual({ offers: [], lookAgainIn: 30_000 });
    expect(pass({ agents })).toEqual({ offers: [], lookAgainIn: null });
    const full = [agent('full', { slots_used: 1, seen_at: 0 })];
    expect(pass({ queue: [request('one')], agents: full })).toEqual({ offers: [], lookAgainIn: null });
  });

  it('skips an agent that has just declined for the whole pass, and schedules another pass', () => {
    const queue = [request('one'), request('two')];
    expect(pass({ queue, agents: [agent('a')], skip: 'a' })).toEqual({ offers: [], lookAgainIn: 5_000 });
    expect(pass({ queue, agents: [agent('a'), agent('b')], skip: 'a' })).toEqual({
      offers: ['one → b'],
      lookAgainIn: 5_000,
    });
  });

  it('offers a declined request to the same agent again only after the pause', () => {
    const queue = [request('one', { declined: { a: { count: 1, until: NOW + 7_000 } } }), request('two')];
    const agents = [agent('a', { capacity: 2 })];
    expect(pass({ queue, agents })).toEqual({ offers: ['two → a'], lookAgainIn: 7_000 });
    // Else it looks again when the agent has room.
    expect(pass({ queue, agents: [agent('a')] })).toEqual({ offers: ['two → a'], lookAgainIn: null });
    expect(pass({ queue, agents: [agent('a')], now: NOW + 7_000 }).offers).toEqual(['one → a']);
  });

  it('offers a request to an avoided agent only when no other agent fits', () => {
    const queue = [request('one', { requirements: { ...ANY, avoid_agents: ['a'] } })];
    expect(pass({ queue, agents: [agent('a'), agent('b', { capacity: 2, slots_used: 1 })] }).offers).toEqual([
      'one → b',
    ]);
    expect(pass({ queue, agents: [agent('a')] }).offers).toEqual(['one → a']);
  });
});

describe('a process of an agent that has refused a request', () => {
  const refused = { requirements: { ...ANY, refusing_instances: ['a-1'] } };

  it('is not offered it again, even when no other agent fits, and does not hold up the queue', () => {
    expect(pass({ queue: [request('one', refused), request('two')], agents: [agent('a')] })).toEqual({
      offers: ['two → a'],
      lookAgainIn: null,
    });
  });

  it('is offered it again after another start', () => {
    expect(pass({ queue: [request('one', refused)], agents: [agent('a', { instance_id: 'a-2' })] }).offers).toEqual([
      'one → a',
    ]);
  });
});

describe('a match, for any queue and any agents', () => {
  const ids = ['a', 'b', 'c', 'd'];
  const labels = ['os=linux', 'gpu=true'];
  const anyAgents = fc.uniqueArray(
    fc.record({
      id: fc.constantFrom(...ids),
      capacity: fc.integer({ min: 1, max: 3 }),
      slots_used: fc.integer({ min: 0, max: 3 }),
      labels: fc.subarray(labels),
      idle_since: fc.integer({ min: 0, max: 2 }),
      seen_at: fc.constantFrom(NOW, NOW - 59_000, NOW - 61_000),
    }),
    { selector: ({ id }) => id },
  );
  const anyRequest = fc.record({
    required_labels: fc.subarray(labels),
    avoid_agents: fc.subarray(ids),
    refusing_instances: fc.subarray(ids.map((id) => `${id}-1`)),
    declined: fc.dictionary(
      fc.constantFrom(...ids),
      fc.record({ count: fc.constant(1), until: fc.constantFrom(NOW - 1, NOW + 1) }),
    ),
  });
  const anyState = fc
    .record({
      agents: anyAgents,
      queue: fc.array(anyRequest, { maxLength: 10 }),
      skip: fc.option(fc.constantFrom(...ids)),
    })
    .map(({ agents, queue, skip }) => ({
      agents: agents.map(({ id, ...changes }) => agent(id, changes)),
      queue: queue.map(({ declined, ...asked }, index) =>
        request(`r${index}`, { requirements: { ...ANY, ...asked }, declined }),
      ),
      skip,
      now: NOW,
    }));
  /** The agents that a request may go to after the earlier offers. */
  function takers(state: State, slot: Request, used: Map<string, number>): FleetAgent[] {
    return state.agents.filter(
      (one) =>
        (used.get(one.id) ?? one.slots_used) < one.capacity &&
        NOW - one.connection!.seen_at <= CONFIG.quiet_ms &&
        one.id !== state.skip &&
        (slot.declined[one.id]?.until ?? 0) <= NOW &&
        !slot.requirements.refusing_instances?.includes(one.connection!.instance_id) &&
        meets(one, slot.requirements),
    );
  }

  it('gives each request in turn an agent that may take it, and an avoided agent only as a last resort', async () => {
    await fc.assert(
      fc.property(anyState, (state) => {
        const { offers: made } = dispatcherOf(state.agents, state.queue, NOW).dispatcher.match(state.skip, NOW);
        const offers = new Map(made.map(({ request: { session_id }, agent_id }) => [session_id, agent_id]));
        const used = new Map(state.agents.map(({ id, slots_used }) => [id, slots_used]));
        for (const slot of state.queue) {
          const possible = takers(state, slot, used).map(({ id }) => id);
          const chosen = offers.get(slot.name);
          if (chosen === undefined) expect(possible).toEqual([]);
          else {
            expect(possible).toContain(chosen);
            if (slot.requirements.avoid_agents.includes(chosen)) {
              expect(slot.requirements.avoid_agents).toEqual(expect.arrayContaining(possible));
            }
            used.set(chosen, used.get(chosen)! + 1);
          }
        }
        for (const { id, capacity, slots_used } of state.agents) {
          expect(used.get(id)).toBeLessThanOrEqual(Math.max(capacity, slots_used));
        }
      }),
    );
  });

  it('finds the same match for every order of the agents', async () => {
    await fc.assert(
      fc.property(anyState, (state) => {
        expect(pass({ ...state, agents: state.agents.toReversed() })).toEqual(pass(state));
      }),
    );
  });
});
