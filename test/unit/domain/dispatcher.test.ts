import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FleetAgent } from '../../../src/domain/dispatch/agent-index.ts';
import { Dispatcher } from '../../../src/domain/dispatch/dispatcher.ts';
import type { ConnectedAgent } from '../../../src/domain/dispatch/match.ts';
import type { QueuedRequest } from '../../../src/domain/dispatch/queue-index.ts';
import { median } from '../../../src/domain/percentile.ts';
import { DISPATCH_CONFIG as CONFIG } from '../../support/dispatcher-of.ts';
import { plainMatch } from '../../support/plain-match.ts';
import { ANY } from '../../support/requirements.ts';
import { runs } from '../../support/seeds.ts';

const START = 1_000_000_000;
const AGENTS = ['a', 'b', 'c', 'd', 'e', 'f'];
const LABELS = ['gpu=true', 'memory_gb=16', 'memory_gb=64', 'os=linux'];

/** The fleet and the queue as plain values, beside the dispatcher that follows them. */
class World {
  now = START;
  readonly agents = new Map<string, FleetAgent>();
  readonly heard = new Map<string, number>();
  readonly silenced = new Set<string>();
  readonly requests = new Map<number, QueuedRequest>();
  readonly offered: { request: QueuedRequest; agent_id: string }[] = [];
  readonly dispatcher = new Dispatcher(CONFIG, (id) => this.heard.get(id) ?? null);
  #arrivals = 0;

  advance(ms: number): void {
    this.now += ms;
    for (const id of this.agents.keys()) if (!this.silenced.has(id)) this.heard.set(id, this.now);
  }

  /** Changes an agent as the registry does: the row is stored, and the index gets what was read again. */
  change(id: string, changes: Partial<FleetAgent>): void {
    const agent = { ...this.agents.get(id)!, ...changes };
    this.agents.set(id, agent);
    this.#follow(id);
  }

  add(id: string, agent: FleetAgent): void {
    this.silenced.delete(id);
    this.heard.set(id, this.now);
    this.agents.set(id, agent);
    this.#follow(id);
  }

  #follow(id: string): void {
    const agent = this.agents.get(id)!;
    const connection = agent.connection && { ...agent.connection, seen_at: this.heard.get(id)! };
    this.dispatcher.agents.put({ ...agent, connection }, this.now);
  }

  put(request: QueuedRequest): void {
    this.requests.set(request.arrival, { ...request });
    this.dispatcher.queue.put({ ...request }, this.now);
  }

  come({ session, ...request }: Pick<QueuedRequest, 'requirements' | 'lag'> & { session: number }): void {
    const arrival = this.#arrivals++;
    const standing = { declined: {}, queued_at: this.now, joined_at: 0, session_id: `session ${session}` };
    this.put({ ...request, ...standing, task_id: `task ${arrival}`, epoch: 1, proof_key: '', arrival });
  }

  plain(now: number, skip: string | null) {
    const agents = [...this.agents.values()].flatMap(
      ({ connection, draining, name: _, limited: __, ...agent }): ConnectedAgent[] =>
        connection === null || draining ? [] : [{ ...agent, ...connection, seen_at: this.heard.get(agent.id)! }],
    );
    const queue = [...this.requests.values()];
    const peers_ms = median([...this.agents.values()].flatMap(({ duration_ms }) => duration_ms ?? []));
    return plainMatch({ queue, agents, skip, peers_ms, now }, CONFIG);
  }

  /** Compares a match with the plain rule, and applies it. */
  match(skip: string | null): void {
    const expected = this.plain(this.now, skip).map(({ slot, agent_id }) => `${slot.arrival} → ${agent_id}`);
    const { offers, joined, look_again_at } = this.dispatcher.match(skip, this.now);
    expect(offers.map(({ request, agent_id }) => `${request.arrival} → ${agent_id}`)).toEqual(expected);
    for (const { request, agent_id } of offers) {
      this.requests.delete(request.arrival);
      this.offered.push({ request, agent_id });
      const agent = this.agents.get(agent_id)!;
      this.change(agent_id, { slots_used: agent.slots_used + 1 });
    }
    for (const { arrival, joined_at } of joined) this.requests.get(arrival)!.joined_at = joined_at;
    // Nothing is possible before the next look, except by a ping.
    const before = Math.min(look_again_at ?? Number.POSITIVE_INFINITY, this.now + 59_999) - 1;
    if (skip === null) expect(this.plain(before, null)).toEqual([]);
  }
}

const SAME = {
  capabilities: [],
  labels: LABELS,
  repository: null,
  remotes: [],
  preferred_technologies: [],
  agent_type: 'implementer' as const,
  tier: 'competent' as const,
};
const anyRequirements = fc.record({
  required_capabilities: fc.subarray(['testing', 'debugging'] as const).map((list) => [...list]),
  required_labels: fc.subarray(['gpu=true', 'gpu!=true', 'memory_gb>=32', 'os=linux', 'os=none']),
  repository: fc.constantFrom(null, null, 'first', 'second'),
  repository_key: fc.constantFrom(null, null, 'example.com/a'),
  avoid_agents: fc.oneof(fc.constant<string[]>([]), fc.subarray(AGENTS)),
  session_type: fc.constantFrom('execution' as const, 'review' as const),
  worktree_at: fc.constantFrom(...AGENTS),
  preferred_agent_ids: fc.subarray(AGENTS),
  preferred_labels: fc.dictionary(fc.constantFrom('gpu=true', 'memory_gb<32'), fc.constantFrom(0.1, 0.5, 1)),
  technologies: fc.subarray(['TypeScript', 'rust']),
  min_performance_tier: fc.constantFrom(null, 'competent' as const),
  refusing_instances: fc.oneof(fc.constant<string[]>([]), fc.subarray(AGENTS.map((id) => `${id}-1`))),
});
const anyAbilities = fc.record({
  capabilities: fc.subarray(['testing', 'debugging', 'scaling'] as const).map((list) => [...list]),
  labels: fc.subarray(LABELS),
  repository: fc.constantFrom(null, 'first', 'second'),
  remotes: fc.subarray(['example.com/a', 'example.com/b']),
  preferred_technologies: fc.subarray(['typescript', 'Rust', 'go']),
  agent_type: fc.constantFrom('implementer' as const, 'reviewer' as const),
  tier: fc.constantFrom('competent' as const, 'trainee' as const),
  capacity: fc.integer({ min: 1, max: 3 }),
});
/** Agents that only their load and their speed tell apart. */
const alike = anyAbilities.map(({ capacity }) => ({ ...SAME, capacity }));
const anyAgent = fc.constantFrom(...AGENTS);
const anyDuration = fc.constantFrom(null, 0, 50_000, 60_000, 60_001, 80_000_000, 80_000_001);

/** A step: what happens before a match. It returns the agent that the match skips. */
type Step = (world: World) => string | null;
const step = <T>(arbitrary: fc.Arbitrary<T>, run: (world: World, value: T) => unknown) =>
  arbitrary.map((value) => {
    const act: Step = (world) => {
      const skip = run(world, value);
      return typeof skip === 'string' ? skip : null;
    };
    return Object.assign(act, { toString: () => fc.stringify([run.toString().slice(0, 60), value]) });
  });
const toAgent = (changes: fc.Arbitrary<Partial<FleetAgent>>) =>
  step(fc.tuple(anyAgent, changes), (world, [id, change]) => {
    if (world.agents.has(id)) world.change(id, change);
  });
const nth = <T>(items: readonly T[], index: number): T | undefined => items[index % Math.max(1, items.length)];

const stepWith = (abilitiesOf: typeof anyAbilities) =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: step(fc.tuple(anyAgent, abilitiesOf, anyDuration), (world, [id, abilities, duration_ms]) => {
        const slots_used = world.agents.get(id)?.slots_used ?? 0;
        const state = {
          draining: false,
          limited: false,
          open_until: null,
          idle_since: world.now,
          preferred_technologies: [],
          duration_ms,
        };
        const connection = { instance_id: `${id}-1`, seen_at: world.now };
        world.add(id, { id, name: id, ...abilities, ...state, slots_used, connection });
      }),
    },
    {
      weight: 8,
      arbitrary: step(fc.tuple(anyRequirements, fc.nat(2), fc.nat(90_000)), (world, [requirements, session, lag]) => {
        world.come({ requirements, session, lag });
      }),
    },
    {
      weight: 8,
      arbitrary: step(fc.tuple(fc.nat(2), fc.nat(90_000)), (world, [session, lag]) =>
        world.come({ requirements: ANY, session, lag }),
      ),
    },
    {
      weight: 6,
      arbitrary: step(anyAgent, (world, id) => {
        const agent = world.agents.get(id);
        if (agent && agent.slots_used > 0) {
          world.change(id, { slots_used: agent.slots_used - 1, idle_since: world.now });
        }
      }),
    },
    {
      weight: 2,
      arbitrary: step(fc.nat(), (world, index) => {
        const request = nth([...world.requests.values()], index);
        if (!request) return;
        world.requests.delete(request.arrival);
        world.dispatcher.queue.remove(request);
      }),
    },
    {
      weight: 4,
      arbitrary: step(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 60_000 })), (world, [index, pause]) => {
        const offer = nth(world.offered, index);
        if (!offer || world.requests.has(offer.request.arrival)) return null;
        const { request, agent_id } = offer;
        const until = world.now + pause;
        const agent = world.agents.get(agent_id)!;
        if (agent.slots_used > 0) world.change(agent_id, { slots_used: agent.slots_used - 1 });
        world.put({ ...request, declined: { ...request.declined, [agent_id]: { count: 1, until } } });
        return agent_id;
      }),
    },
    toAgent(anyDuration.map((duration_ms) => ({ duration_ms }))),
    toAgent(fc.boolean().map((draining) => ({ draining }))),
    toAgent(fc.constantFrom(null, START + 1_000, START + 100_000).map((open_until) => ({ open_until }))),
    toAgent(fc.integer({ min: 1, max: 3 }).map((capacity) => ({ capacity }))),
    toAgent(fc.constant({ connection: null })),
    step(anyAgent, (world, id) => {
      const agent = world.agents.get(id);
      if (agent?.connection) world.change(id, { connection: { ...agent.connection, instance_id: `${id}-2` } });
    }),
    step(anyAgent, (world, id) => {
      if (world.agents.get(id)?.connection) world.silenced.add(id);
      world.advance(CONFIG.quiet_ms + 1);
    }),
    step(anyAgent, (world, id) => {
      world.silenced.delete(id);
      world.advance(CONFIG.quiet_retry_ms);
    }),
    { weight: 2, arbitrary: step(fc.integer({ min: 0, max: 50_000 }), (world, ms) => world.advance(ms)) },
  );

describe('the dispatcher', () => {
  it.each([
    ['any', stepWith(anyAbilities)],
    ['like', stepWith(alike)],
  ])(
    'with %s agents, makes the offers that a look at all requests and agents would make, after any change',
    async (_, anyStep) => {
      await fc.assert(
        fc.property(fc.array(anyStep, { minLength: 5, maxLength: 60, size: 'max' }), (steps) => {
          const world = new World();
          for (const act of steps) world.match(act(world));
        }),
        runs(300),
      );
    },
  );
});
