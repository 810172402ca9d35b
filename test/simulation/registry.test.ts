import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { SlotState } from '../../src/ports/agent-registry.ts';
import { SessionPriority } from '../../src/protocol/common/enums.ts';
import type { FakeClient } from '../support/fake-socket.ts';
import { NodePlatform } from '../support/node-platform.ts';
import { RegistryInProcess } from '../support/registry-in-process.ts';
import { runs } from '../support/seeds.ts';
import { hello, slotRequest } from '../unit/ports/agent-registry.fixture.ts';

const AGENTS = ['a', 'b', 'c'].map((letter) => `${letter.repeat(8)}-8a52-4f0c-9d0b-0d6f3a1b2c3d`);
const CAPACITIES = [1, 2, 3];
const TASKS = 8;

type Step =
  | { do: 'reserve' | 'cancel' | 'release' | 'accept' | 'decline' | 'end'; task: number; agent: number }
  | { do: 'join' | 'leave' | 'vanish' | 'ping'; agent: number }
  | { do: 'wait'; ms: number }
  | { do: 'evict' };

const agent = fc.integer({ min: 0, max: AGENTS.length - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('reserve', 'cancel', 'release', 'accept', 'decline', 'end'),
      task: fc.integer({ min: 1, max: TASKS }),
      agent,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('join', 'leave', 'vanish', 'ping'), agent }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 40_000 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'evict' as const }) },
);

/** A registry under random events, and the state that its callers and agents know. */
class Fleet {
  readonly platform = new NodePlatform();
  registry = new RegistryInProcess({ platform: this.platform });
  readonly #links = new Map<number, FakeClient>();
  /** The slots that each agent works on. */
  readonly #leases = AGENTS.map(() => new Set<number>());
  readonly reserved = new Set<number>();
  readonly ended = new Set<number>();

  state(task: number): SlotState {
    return this.registry.runtime.reserve(this.#request(task));
  }

  async run(one: Step): Promise<void> {
    if (one.do === 'wait') await this.registry.advance(one.ms);
    else if (one.do === 'evict') this.registry = new RegistryInProcess({ platform: this.platform });
    else if ('task' in one) this.#actOnTask(one.do, one.task, one.agent);
    else this.#actOnAgent(one.do, one.agent);
  }

  join(agent: number): void {
    this.#links.get(agent)?.vanish();
    const link = this.registry.connect(AGENTS[agent]!);
    this.#links.set(agent, link);
    const leases = [...this.#leases[agent]!].map((task) => ({ task_id: this.#request(task).task_id, epoch: 1 }));
    link.send(hello({ capacity: CAPACITIES[agent]!, leases }));
  }

  /** Every agent accepts all its offers. */
  acceptOffers(): void {
    for (const [agent, link] of this.#links) {
      for (const frame of link.take()) {
        if (frame.type === 'offer')
          this.#actOnTask('accept', Number.parseInt(String(frame.task_id).slice(-8), 16), agent);
      }
    }
  }

  #actOnAgent(what: 'join' | 'leave' | 'vanish' | 'ping', agent: number): void {
    if (what === 'join') return void this.join(agent);
    if (what === 'ping') return void this.#links.get(agent)?.ping();
    if (what === 'leave') this.#links.get(agent)?.close();
    else this.#links.get(agent)?.vanish();
    this.#links.delete(agent);
  }

  #actOnTask(what: Exclude<Step, { do: 'wait' | 'evict' }>['do'], task: number, agent: number): void {
    const key = { task_id: this.#request(task).task_id, epoch: 1 };
    const link = this.#links.get(agent);
    if (what === 'reserve') {
      this.reserved.add(task);
      this.state(task);
    } else if (what === 'cancel' || what === 'release') {
      this.ended.add(task);
      this.registry.runtime[what](key);
    } else if (what === 'accept') {
      // The session grants a lease to only one agent, which must have got an offer.
      const state = this.reserved.has(task) ? this.state(task) : null;
      if (!link || state?.state !== 'offered' || state.agent_id !== AGENTS[agent]) return;
      this.#leases[agent]!.add(task);
      link.send({ type: 'accepted', ...key });
    } else if (what === 'decline') link?.send({ type: 'declined', ...key, reason: 'not now' });
    else if (this.#leases[agent]!.delete(task)) {
      this.ended.add(task);
      link?.send({ type: 'ended', ...key });
    }
  }

  #request(task: number) {
    return slotRequest(task, { priority: SessionPriority().options[task % SessionPriority().options.length]! });
  }
}

function slotsOf(fleet: Fleet): { agent_id: string | null; state: string; task_id: string }[] {
  const slots = (fleet.platform.dump().slots ?? []) as ReturnType<typeof slotsOf>;
  return slots.filter(({ state }) => state !== 'ended');
}

it('the registry never exceeds a capacity, and never loses or duplicates a request, under random events', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const fleet = new Fleet();
      for (const one of steps) {
        await fleet.run(one);
        const slots = slotsOf(fleet);
        AGENTS.forEach((id, index) => {
          const held = slots.filter(({ agent_id }) => agent_id === id);
          expect(held.length).toBeLessThanOrEqual(CAPACITIES[index]!);
        });
        for (const slot of slots) expect(slot.agent_id === null).toBe(slot.state === 'queued');
      }
      // All agents return and accept offers, so every open request gets an agent while there is room.
      for (let round = 0; round < 6; round++) {
        for (let agent = 0; agent < AGENTS.length; agent++) fleet.join(agent);
        fleet.acceptOffers();
        await fleet.registry.advance(60_000);
        fleet.acceptOffers();
      }
      const open = [...fleet.reserved].filter((task) => !fleet.ended.has(task) && fleet.state(task).state !== 'ended');
      const accepted = open.filter((task) => fleet.state(task).state === 'accepted');
      const room = CAPACITIES.reduce((sum, capacity) => sum + capacity, 0);
      expect(accepted.length).toBe(Math.min(open.length, room));
      for (const task of fleet.ended) expect(fleet.state(task)).toEqual({ state: 'ended' });
    }),
    runs(150),
  );
});

it('reserve, cancel and release of one epoch lead to the same slot in any order', async () => {
  const call = fc.constantFrom('reserve', 'cancel', 'release');
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 6 }), async (calls) => {
      const registry = new RegistryInProcess();
      registry.connect(AGENTS[0]!).send(hello());
      const request = slotRequest(1);
      for (const name of calls) {
        if (name === 'reserve') registry.runtime.reserve(request);
        else registry.runtime[name](request);
      }
      const over = calls.some((name) => name !== 'reserve');
      expect(registry.runtime.reserve(request)).toMatchObject({ state: over ? 'ended' : 'offered' });
      expect(registry.platform.dump().slots, 'one row in any state').toHaveLength(1);
    }),
  );
});
