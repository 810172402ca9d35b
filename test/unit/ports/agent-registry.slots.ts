import { describe, expect, it } from 'vitest';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { MAX_REMOTE_CHARS, MAX_REMOTES } from '../../../src/protocol/common/limits.ts';
import { eventually } from '../../support/eventually.ts';
import {
  AGENT_A,
  AGENT_B,
  accept,
  callFrom,
  INSTANCE_2,
  join,
  type MakeRegistry,
  offers,
  SESSION,
  type SlotRequestChanges,
  slotRequest,
  use,
  withAgent,
} from './agent-registry.fixture.ts';

/** The assignment of slots and their release. */
export function slotContract(make: MakeRegistry): void {
  describe('slots', () => {
    it('offers a request to an agent with room, and counts its slot as used until the release', async () => {
      const { registry, api, agent } = await withAgent(make);
      const request = slotRequest(1);
      expect(await api.reserve(request)).toEqual({ state: 'offered', agent_id: AGENT_A });
      await eventually(() => expect(offers(agent)).toEqual([request.task_id]));
      expect(agent.frames.at(-1)).toMatchObject({ epoch: 1, session_id: SESSION, expires_in_ms: 20_000 });
      await accept(registry, agent, request);
      expect(await use(registry)).toBe(1);
      await api.release(request.task_id, request.epoch);
      expect(await use(registry)).toBe(0);
      expect(await api.reserve(request)).toEqual({ state: 'ended' });
    });

    it('queues requests by priority and then by arrival while no agent is connected', async () => {
      const registry = await make();
      const { api } = registry;
      expect(await api.reserve(slotRequest(1))).toEqual({ state: 'queued', place: 1 });
      expect(await api.reserve(slotRequest(2))).toEqual({ state: 'queued', place: 2 });
      expect(await api.reserve(slotRequest(3, { priority: 'critical' }))).toEqual({
        state: 'queued',
        place: 1,
      });
      expect(await api.reserve(slotRequest(4, { priority: 'deferred' }))).toMatchObject({ place: 4 });
      expect(await api.reserve(slotRequest(2)), 'a repeated request keeps its place').toMatchObject({ place: 3 });

      const agent = await join(registry, { capacity: 3 });
      await eventually(() => expect(offers(agent)).toEqual([3, 1, 2].map((number) => taskIdOf(SESSION, number))));
      expect(await api.reserve(slotRequest(4, { priority: 'deferred' }))).toEqual({
        state: 'queued',
        place: 1,
      });
    });

    it('offers a slot to the next waiting request as soon as it is free', async () => {
      const { registry, api, agent } = await withAgent(make);
      const [first, second, third] = [slotRequest(1), slotRequest(2), slotRequest(3)];
      for (const request of [first, second, third]) await api.reserve(request);
      await accept(registry, agent, first);
      expect(offers(agent)).toEqual([first.task_id]);
      agent.send({ type: 'ended', task_id: first.task_id, epoch: 1 });
      await accept(registry, agent, second);
      await api.release(second.task_id, 1);
      await accept(registry, agent, third);
    });

    it('offers a request to the least loaded agent that meets its requirements', async () => {
      const registry = await make();
      const { api } = registry;
      await join(registry, { capacity: 2, labels: ['gpu=true'], repository: 'abcd' }, AGENT_A);
      await join(registry, { capacity: 2, capabilities: ['testing'] }, AGENT_B);
      const placed = async (task: number, changes: SlotRequestChanges) => {
        const state = await api.reserve(slotRequest(task, changes));
        return 'agent_id' in state ? state.agent_id : state.state;
      };
      expect(await placed(1, { requirements: { required_capabilities: ['testing'] } })).toBe(AGENT_B);
      expect(await placed(2, {})).toBe(AGENT_A);
      expect(await placed(3, { requirements: { required_labels: ['gpu=true'], repository: 'abcd' } })).toBe(AGENT_A);
      expect(await placed(4, { requirements: { repository: 'abcd' } }), 'the only agent that has it is full').toBe(
        'queued',
      );
      expect(await placed(5, {})).toBe(AGENT_B);
    });

    it('offers a request for a repository’s URL only to an agent whose clone has that remote', async () => {
      const registry = await make();
      const { api } = registry;
      await join(registry, { remotes: ['github.com/acme/api'] }, AGENT_A);
      const web = slotRequest(1, { requirements: { repository_key: 'github.com/acme/web' } });
      expect(await api.reserve(web)).toEqual({ state: 'queued', place: 1 });
      const other = await join(registry, { remotes: ['example.com/fork', 'github.com/acme/web'] }, AGENT_B);
      await accept(registry, other, web);
    });

    it('offers what a full clone has begun to a shallow clone only under the address of its remote', async () => {
      const registry = await make();
      const { api } = registry;
      const shallow = await join(registry, { remotes: ['github.com/acme/web'], repository: null }, AGENT_A);
      const nameless = slotRequest(1, { requirements: { repository: 'abcd' } });
      expect(await api.reserve(nameless)).toEqual({ state: 'queued', place: 1 });
      const elsewhere = slotRequest(2, { requirements: { repository: 'abcd', repository_key: 'github.com/acme/api' } });
      expect(await api.reserve(elsewhere)).toMatchObject({ state: 'queued' });
      const named = slotRequest(3, { requirements: { repository: 'abcd', repository_key: 'github.com/acme/web' } });
      expect(await api.reserve(named)).toMatchObject({ state: 'offered', agent_id: AGENT_A });
      await accept(registry, shallow, named);
    });

    it('finds an agent by the first of its remotes, and keeps of a hello that is full of them only 4 kB', async () => {
      const registry = await make();
      const { api, workspace } = registry;
      const full = Array.from({ length: MAX_REMOTES - 3 }, (_, n) => `${n}/`.padEnd(MAX_REMOTE_CHARS, '\u0000'));
      const remotes = ['github.com/acme/web', 'github.com/acme/web', ...full, 'example.com/last'];
      await join(registry, { remotes }, AGENT_A);
      expect(await api.agent(callFrom(workspace), AGENT_A)).toMatchObject({
        value: { remotes: ['github.com/acme/web', 'example.com/last'] },
      });
      const longest = 'example.com/'.padEnd(MAX_REMOTE_CHARS, 'x');
      await join(registry, { remotes: [longest] }, AGENT_B);
      const offeredTo = (agent_id: string) => ({ state: 'offered', agent_id });
      const web = slotRequest(1, { requirements: { repository_key: 'github.com/acme/web' } });
      expect(await api.reserve(web)).toEqual(offeredTo(AGENT_A));
      const other = slotRequest(2, { requirements: { repository_key: longest } });
      expect(await api.reserve(other)).toEqual(offeredTo(AGENT_B));
    });

    it('offers a declined request to another agent under the same epoch', async () => {
      const { registry, api, agent } = await withAgent(make);
      const request = slotRequest(1, { epoch: 7 });
      await api.reserve(request);
      await eventually(() => expect(offers(agent)).toHaveLength(1));
      agent.send({ type: 'declined', task_id: request.task_id, epoch: 7, reason: 'no room' });
      await eventually(async () => expect(await api.reserve(request)).toEqual({ state: 'queued', place: 1 }));
      const other = await join(registry, {}, AGENT_B);
      await eventually(() => expect(other.frames.at(-1)).toMatchObject({ type: 'offer', epoch: 7 }));
      expect(offers(agent), 'and not to the same one at once').toHaveLength(1);
    });

    it('does not offer the rest of the queue to an agent that declined until a pause is over', async () => {
      const { registry, api, agent } = await withAgent(make);
      const [first, second] = [slotRequest(1), slotRequest(2)];
      for (const request of [first, second]) await api.reserve(request);
      await eventually(() => expect(offers(agent)).toEqual([first.task_id]));
      agent.send({ type: 'declined', task_id: first.task_id, epoch: 1, reason: 'no room' });
      await eventually(async () => expect(await api.reserve(second)).toEqual({ state: 'queued', place: 2 }));
      expect(offers(agent)).toEqual([first.task_id]);
      await registry.advance(5_000);
      await eventually(() => expect(offers(agent)).toEqual([first.task_id, first.task_id]));
    });

    it('matches the queue again when an agent ends a slot that the registry does not know', async () => {
      const { api, agent } = await withAgent(make);
      const [first, second] = [slotRequest(1), slotRequest(2)];
      for (const request of [first, second]) await api.reserve(request);
      await eventually(() => expect(offers(agent)).toEqual([first.task_id]));
      agent.send({ type: 'declined', task_id: first.task_id, epoch: 1, reason: 'no room' });
      agent.send({ type: 'ended', task_id: taskIdOf(SESSION, 9), epoch: 1 });
      await eventually(() => expect(offers(agent)).toEqual([first.task_id, second.task_id]));
    });

    it('returns an offer that is not accepted within 20 s to its place in the queue', async () => {
      const { registry, api, agent } = await withAgent(make);
      const [first, second] = [slotRequest(1), slotRequest(2)];
      await api.reserve(first);
      await api.reserve(second);
      await registry.advance(20_000);
      await eventually(() => expect(offers(agent)).toEqual([first.task_id, second.task_id]));
      expect(await api.reserve(first)).toEqual({ state: 'queued', place: 1 });
      const other = await join(registry, {}, AGENT_B);
      await accept(registry, other, first);
    });

    it('repeats a lapsed offer to the only agent after a pause', async () => {
      const { registry, api, agent } = await withAgent(make);
      const request = slotRequest(1);
      await api.reserve(request);
      await registry.advance(20_000);
      expect(await api.reserve(request)).toEqual({ state: 'queued', place: 1 });
      await registry.advance(5_000);
      await eventually(() => expect(offers(agent)).toEqual([request.task_id, request.task_id]));
    });

    it('tells the agent that its offer is cancelled, and ignores a late acceptance', async () => {
      const { registry, api, agent } = await withAgent(make);
      const request = slotRequest(1);
      await api.reserve(request);
      await api.cancel(request.task_id, 1);
      await eventually(() =>
        expect(agent.frames.at(-1)).toEqual({ type: 'cancel', task_id: request.task_id, epoch: 1 }),
      );
      agent.send({ type: 'accepted', task_id: request.task_id, epoch: 1 });
      await api.reserve(slotRequest(2));
      await accept(registry, agent, slotRequest(2));
      expect(await api.reserve(request)).toEqual({ state: 'ended' });
      expect(await use(registry)).toBe(1);
    });

    it.each(['cancel', 'release'] as const)('ends a request whose %s came first', async (call) => {
      const { registry, api, agent } = await withAgent(make);
      const request = slotRequest(1);
      await api[call](request.task_id, 1);
      await api[call](request.task_id, 1);
      expect(await api.reserve(request)).toEqual({ state: 'ended' });
      expect(await api.reserve({ ...request, epoch: 2 }), 'only the named epoch has ended').toMatchObject({
        state: 'offered',
      });
      await eventually(() => expect(offers(agent)).toHaveLength(1));
      expect(await use(registry)).toBe(1);
    });

    it('takes another offer back from an agent whose room is taken by a lapsed offer that it accepts', async () => {
      const registry = await make();
      const agent = await join(registry);
      await registry.api.reserve(slotRequest(1));
      await registry.advance(20_100);
      expect(await registry.api.reserve(slotRequest(2))).toMatchObject({ state: 'offered' });
      agent.send({ type: 'accepted', task_id: slotRequest(1).task_id, epoch: 1 });
      await eventually(async () =>
        expect(await registry.api.reserve(slotRequest(1))).toMatchObject({ state: 'accepted' }),
      );
      expect(await registry.api.reserve(slotRequest(2))).toMatchObject({ state: 'queued' });
      expect(await use(registry)).toBe(1);
    });

    it('gives the slot to an agent that accepts a lapsed offer, and cancels the offer at the next agent', async () => {
      const { registry, api, agent } = await withAgent(make);
      const request = slotRequest(1);
      await api.reserve(request);
      const other = await join(registry, {}, AGENT_B);
      await registry.advance(20_000);
      await eventually(() => expect(offers(other)).toEqual([request.task_id]));
      agent.send({ type: 'accepted', task_id: request.task_id, epoch: 1 });
      await eventually(() => expect(other.frames.at(-1)).toMatchObject({ type: 'cancel', task_id: request.task_id }));
      expect(await api.reserve(request)).toEqual({ state: 'accepted', agent_id: AGENT_A });
      expect([await use(registry, AGENT_A), await use(registry, AGENT_B)]).toEqual([1, 0]);
    });

    it('requeues an offer that its agent ends before it accepts it', async () => {
      const { registry, api, agent } = await withAgent(make);
      const request = slotRequest(1);
      await api.reserve(request);
      await eventually(() => expect(offers(agent)).toHaveLength(1));
      agent.send({ type: 'ended', task_id: request.task_id, epoch: 1 });
      await eventually(async () => expect(await api.reserve(request)).toEqual({ state: 'queued', place: 1 }));
      await accept(registry, await join(registry, {}, AGENT_B), request);
    });

    it('ignores an acceptance by an agent that was never offered the slot', async () => {
      const { registry, api, agent } = await withAgent(make);
      const [offered, queued] = [slotRequest(1), slotRequest(2)];
      await api.reserve(offered);
      await api.reserve(queued);
      const other = await join(registry, { capacity: 2, labels: ['gpu=true'] }, AGENT_B);
      await eventually(() => expect(offers(other)).toEqual([queued.task_id]));
      const [offeredToA, fitsNoAgent] = [offered, slotRequest(3, { requirements: { required_labels: ['gpu=false'] } })];
      await api.reserve(fitsNoAgent);
      for (const { task_id } of [offeredToA, fitsNoAgent]) other.send({ type: 'accepted', task_id, epoch: 1 });
      await accept(registry, other, queued);
      expect(await api.reserve(offeredToA)).toEqual({ state: 'offered', agent_id: AGENT_A });
      expect(await api.reserve(fitsNoAgent)).toMatchObject({ state: 'queued' });
      expect(agent.frames.map(({ type }) => type)).not.toContain('cancel');
    });

    it('moves a waiting request when it is reserved again with another priority', async () => {
      const { api } = await make();
      for (const task of [1, 2]) await api.reserve(slotRequest(task));
      expect(await api.reserve(slotRequest(2, { priority: 'high' }))).toEqual({ state: 'queued', place: 1 });
      expect(await api.reserve(slotRequest(1))).toEqual({ state: 'queued', place: 2 });
    });

    it('matches a waiting request again when it is reserved with other requirements', async () => {
      const { api } = await withAgent(make);
      const elsewhere = slotRequest(1, { requirements: { repository: 'abcd' } });
      expect(await api.reserve(elsewhere)).toMatchObject({ state: 'queued' });
      expect(await api.reserve(slotRequest(1))).toEqual({ state: 'offered', agent_id: AGENT_A });
      expect(await api.reserve(elsewhere)).toMatchObject({ state: 'offered' });
    });

    it('ignores an agent that ends a slot of another agent', async () => {
      const { registry, api, agent } = await withAgent(make);
      const request = slotRequest(1);
      await api.reserve(request);
      await accept(registry, agent, request);
      const other = await join(registry, {}, AGENT_B);
      other.send({ type: 'ended', task_id: request.task_id, epoch: 1 });
      other.send({ type: 'accepted', task_id: request.task_id, epoch: 1 });
      await api.reserve(slotRequest(2));
      await accept(registry, other, slotRequest(2));
      expect(await api.reserve(request)).toEqual({ state: 'accepted', agent_id: AGENT_A });
    });
  });
}

/** The state that a reconnecting agent gets. */
export function returnContract(make: MakeRegistry): void {
  describe('an agent that reconnects', () => {
    async function accepted() {
      const { registry, api, workspace, agent } = await withAgent(make);
      const request = slotRequest(1);
      await api.reserve(request);
      await accept(registry, agent, request);
      agent.close();
      await eventually(async () =>
        expect(await api.agents(callFrom(workspace))).toMatchObject({
          value: { items: [{ connected: false, slots_used: 1 }] },
        }),
      );
      return { registry, api, workspace, request, lease: { task_id: request.task_id, epoch: request.epoch } };
    }

    it('keeps the slots of the leases that it names', async () => {
      const { registry, api, request, lease } = await accepted();
      await join(registry, { leases: [lease] });
      expect(await api.reserve(request)).toEqual({ state: 'accepted', agent_id: AGENT_A });
      expect(await use(registry)).toBe(1);
    });

    it('loses the slots of leases that it does not name, and they are offered again', async () => {
      const { registry, api, request } = await accepted();
      const waiting = slotRequest(2);
      expect(await api.reserve(waiting)).toEqual({ state: 'queued', place: 1 });
      const again = await join(registry, { instance_id: INSTANCE_2 });
      await accept(registry, again, waiting);
      expect(await api.reserve(request)).toEqual({ state: 'ended' });
    });

    it('is told which of its leases ended while it was disconnected', async () => {
      const { registry, api, lease } = await accepted();
      await api.cancel(lease.task_id, lease.epoch);
      const again = await join(registry, { leases: [lease] });
      await eventually(() => expect(again.frames.at(-1)).toEqual({ type: 'cancel', ...lease }));
    });

    it('gets a missed offer again, once', async () => {
      const { registry, api, agent } = await withAgent(make);
      const request = slotRequest(1);
      await api.reserve(request);
      agent.close();
      const again = await join(registry);
      await accept(registry, again, request);
      expect(offers(again)).toEqual([request.task_id]);
    });

    it('holds the slot of a lease whose acceptance was lost', async () => {
      const { registry, api, agent } = await withAgent(make);
      const request = slotRequest(1);
      await api.reserve(request);
      await eventually(() => expect(offers(agent)).toHaveLength(1));
      agent.close();
      await join(registry, { leases: [{ task_id: request.task_id, epoch: 1 }] });
      expect(await api.reserve(request)).toEqual({ state: 'accepted', agent_id: AGENT_A });
      await registry.advance(20_000);
      expect(await use(registry)).toBe(1);
    });
  });
}
