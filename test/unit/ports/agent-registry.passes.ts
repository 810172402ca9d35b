import { describe, expect, it } from 'vitest';
import { PASS_MS } from '../../../src/domain/dispatch/pass.ts';
import type { AgentRegistryApi, SlotPass, SlotRequest } from '../../../src/ports/agent-registry.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { eventually } from '../../support/eventually.ts';
import {
  AGENT_A,
  AGENT_B,
  accept,
  callFrom,
  INSTANCE_1,
  INSTANCE_2,
  join,
  type MakeRegistry,
  offers,
  slotRequest,
  use,
  withAgent,
} from './agent-registry.fixture.ts';

const OTHER_SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6c00000000';

function passOf(from: SlotRequest, request: SlotRequest): SlotPass {
  const { task_id, epoch } = from;
  return { from: { task_id, epoch }, request, agent_id: AGENT_A, instance_id: INSTANCE_1 };
}

/** A request of another session. */
function other(task: number, changes: Partial<SlotRequest> = {}): SlotRequest {
  return slotRequest(task, { session_id: OTHER_SESSION, task_id: taskIdOf(OTHER_SESSION, task), ...changes });
}

/** What sessions tell the registry of a chain of three tasks, after the first one was accepted. */
const CHAIN: ((api: AgentRegistryApi) => Promise<unknown>)[] = [
  (api) => api.pass(passOf(slotRequest(1), slotRequest(2))),
  (api) => api.pass(passOf(slotRequest(2), slotRequest(3))),
  (api) => api.release(slotRequest(3).task_id, 1),
];

export function passesContract(make: MakeRegistry): void {
  /** An agent of one slot that works on task 1. */
  async function atWork(changes = {}) {
    const made = await withAgent(make, changes);
    await made.api.reserve(slotRequest(1));
    await accept(made.registry, made.agent, slotRequest(1));
    return made;
  }

  describe('a slot that passes on', () => {
    it('is that of the next task, and the agent has no room in between', async () => {
      const { api, registry, agent } = await atWork();
      await api.reserve(other(1));
      await api.pass(passOf(slotRequest(1), slotRequest(2)));
      expect(await api.reserve(slotRequest(1))).toEqual({ state: 'ended' });
      expect(await api.reserve(slotRequest(2))).toEqual({ state: 'accepted', agent_id: AGENT_A });
      expect([await use(registry), offers(agent)]).toEqual([1, [slotRequest(1).task_id]]);
      await api.release(slotRequest(2).task_id, 1);
      await eventually(() => expect(offers(agent).at(-1)).toBe(other(1).task_id));
    });

    it.each([
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
      [0, 1, 2, 1, 0],
      [2, 0, 0, 1, 2],
    ])('is free at the end, in whatever order and however often its session says so (%i %i %i …)', async (...order) => {
      const { api, registry } = await atWork();
      for (const index of order) await CHAIN[index]!(api);
      const states = [];
      for (const task of [1, 2, 3]) states.push((await api.reserve(slotRequest(task))).state);
      expect([states, await use(registry)]).toEqual([['ended', 'ended', 'ended'], 0]);
    });

    it('takes a request that was offered to another agent, which is told', async () => {
      const { api, registry } = await atWork();
      const second = await join(registry, { name: 'AGENT-B', instance_id: INSTANCE_2 }, AGENT_B);
      expect(await api.reserve(slotRequest(2))).toEqual({ state: 'offered', agent_id: AGENT_B });
      await api.pass(passOf(slotRequest(1), slotRequest(2)));
      expect(await api.reserve(slotRequest(2))).toEqual({ state: 'accepted', agent_id: AGENT_A });
      const { task_id } = slotRequest(2);
      await eventually(() => expect(second.frames.at(-1)).toEqual({ type: 'cancel', task_id, epoch: 1 }));
      expect([await use(registry), await use(registry, AGENT_B)]).toEqual([1, 0]);
    });

    it('takes a request out of the queue, and the next one of its session stands there as if it came now', async () => {
      const { api } = await atWork();
      await api.reserve(slotRequest(2));
      await api.reserve(slotRequest(3));
      await api.reserve(other(1));
      expect((await api.reserve(other(1))) as object).toEqual({ state: 'queued', place: 2 });
      await api.pass(passOf(slotRequest(1), slotRequest(2)));
      expect(await api.reserve(other(1))).toEqual({ state: 'queued', place: 1 });
    });

    it('gives back an offer that its agent got for the same room', async () => {
      const { api, registry, agent } = await atWork();
      await api.reserve(other(1));
      agent.send({ type: 'ended', task_id: slotRequest(1).task_id, epoch: 1 });
      await eventually(() => expect(offers(agent)).toContain(other(1).task_id));
      await api.pass(passOf(slotRequest(1), slotRequest(2)));
      expect(await api.reserve(other(1))).toMatchObject({ state: 'queued' });
      expect(await use(registry)).toBe(1);
    });

    it('stays with a process that does not know it yet, and not with the next one', async () => {
      const { api, registry } = await atWork();
      await api.pass(passOf(slotRequest(1), slotRequest(2)));
      const again = await join(registry, {});
      expect(await api.reserve(slotRequest(2))).toMatchObject({ state: 'accepted' });
      again.close();
      await eventually(async () =>
        expect(await api.agent(callFrom(registry.workspace), AGENT_A)).toMatchObject({ value: { connected: false } }),
      );
      await join(registry, { instance_id: INSTANCE_2 });
      expect(await api.reserve(slotRequest(2))).toEqual({ state: 'ended' });
    });

    it('is taken back from an agent that drains', async () => {
      const { api, registry } = await atWork();
      await api.drain(callFrom(registry.workspace), AGENT_A, { timeout_seconds: 600 });
      expect(await api.pass(passOf(slotRequest(1), slotRequest(2)))).toEqual({ pass_ms: 0 });
      const { task_id } = slotRequest(2);
      await eventually(() => expect(registry.evictions()).toEqual([{ task_id, epoch: 1, reason: 'agent_drained' }]));
    });
  });

  describe('the word that a slot may pass on', () => {
    const wordOf = async (api: AgentRegistryApi) => (await api.pass(passOf(slotRequest(1), slotRequest(2)))).pass_ms;

    it('comes with the answer to a session that asks for it', async () => {
      const { api } = await withAgent(make);
      const asked = await api.reserve({ ...slotRequest(1), may_pass: true });
      expect(asked).toEqual({ state: 'offered', agent_id: AGENT_A, pass_ms: PASS_MS });
    });

    it('holds while only its own session waits for the agent', async () => {
      const { api } = await atWork();
      await api.reserve(slotRequest(3));
      expect(await wordOf(api)).toBe(PASS_MS);
    });

    it('is no when another session waits that stands before what comes now', async () => {
      const { api } = await atWork();
      await api.reserve(other(1, { priority: 'critical' }));
      expect(await wordOf(api)).toBe(0);
    });

    it('holds until that would stand behind the other session', async () => {
      const { api, registry } = await atWork();
      // Of two equal ones, the greatest lag of a task (8 minutes) counts, and that of the waiting one (4 minutes).
      await api.reserve(other(1, { priority: 'low' }));
      expect(await wordOf(api)).toBe(PASS_MS);
      await registry.advance(86 * 60_000 - 20_000);
      expect(await wordOf(api)).toBeLessThanOrEqual(20_000);
      await registry.advance(20_000);
      expect(await wordOf(api)).toBe(0);
    });

    it('does not heed what the agent cannot take', async () => {
      const { api } = await atWork();
      const requirements = { ...slotRequest(1).requirements, required_capabilities: ['testing' as const] };
      await api.reserve(other(1, { priority: 'critical', requirements }));
      expect(await wordOf(api)).toBe(PASS_MS);
    });
  });
}
