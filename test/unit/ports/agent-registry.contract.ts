import { describe, expect, it, vi } from 'vitest';
import type { AgentRegistryApi, SlotRequest } from '../../../src/ports/agent-registry.ts';
import type { Call } from '../../../src/ports/calls.ts';
import type { AgentHello, ControlDown } from '../../../src/protocol/agent-stream.ts';
import { taskIdOf } from '../../../src/protocol/ids.ts';
import { CLOSE } from '../../../src/protocol/watch.ts';

/** An agent's end of a control socket. */
export interface ControlLink {
  /** All frames that have arrived, oldest first. */
  readonly frames: ControlDown[];
  readonly closeCode: number | null;
  send(frame: unknown): void;
  close(): void;
}

/** An empty registry, with all that its surroundings do to it. */
export interface RegistryUnderTest {
  api: AgentRegistryApi;
  /** Its workspace. */
  workspace: string;
  connect(agentId: string, tokenId: string): Promise<ControlLink>;
  /** Moves its clock on, running its alarm when that is due. */
  advance(ms: number): Promise<void>;
}

const SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
export const AGENT_A = 'aaaaaaaa-8a52-4f0c-9d0b-0d6f3a1b2c3d';
export const AGENT_B = 'bbbbbbbb-8a52-4f0c-9d0b-0d6f3a1b2c3d';
const INSTANCE_1 = '11111111-8a52-4f0c-9d0b-0d6f3a1b2c3d';
const INSTANCE_2 = '22222222-8a52-4f0c-9d0b-0d6f3a1b2c3d';

export function slotRequest(task: number, changes: Partial<SlotRequest> = {}): SlotRequest {
  return {
    session_id: SESSION,
    task_id: taskIdOf(SESSION, task),
    epoch: 1,
    priority: 'medium',
    required_capabilities: [],
    required_labels: [],
    repository: null,
    ...changes,
  };
}

export function hello(changes: Partial<AgentHello> = {}): AgentHello {
  return {
    type: 'hello',
    name: 'AGENT-TEST',
    instance_id: INSTANCE_1,
    capacity: 1,
    capabilities: [],
    labels: [],
    repository: null,
    model: 'test/scripted',
    version: '0.1.0',
    leases: [],
    ...changes,
  };
}

export function callFrom(workspace: string): Call {
  return { principal: { workspace, role: 'viewer', token_id: 'token' }, request_id: 'request', idempotency: null };
}

/** The tasks of the offers that have arrived, in order. */
function offers(link: ControlLink): string[] {
  return link.frames.flatMap((frame) => (frame.type === 'offer' ? [frame.task_id] : []));
}

/** What every implementation of the registry keeps to. */
export function agentRegistryContract(make: () => Promise<RegistryUnderTest>): void {
  async function withAgent(changes: Partial<AgentHello> = {}, agentId = AGENT_A) {
    const registry = await make();
    const agent = await join(registry, changes, agentId);
    return { ...registry, registry, agent };
  }

  async function join(
    registry: RegistryUnderTest,
    changes: Partial<AgentHello> = {},
    agentId = AGENT_A,
    tokenId = 'token',
  ): Promise<ControlLink> {
    const link = await registry.connect(agentId, tokenId);
    link.send(hello(changes));
    await vi.waitFor(() => expect(link.frames[0]).toEqual({ type: 'welcome', agent_id: agentId }));
    return link;
  }

  async function use(registry: RegistryUnderTest, agentId = AGENT_A): Promise<number | null> {
    const outcome = await registry.api.agent(callFrom(registry.workspace), agentId);
    return outcome.ok ? outcome.value.slots_used : null;
  }

  /** Accepts an offer, once it has arrived, and waits until the registry knows. */
  async function take(registry: RegistryUnderTest, link: ControlLink, request: SlotRequest): Promise<void> {
    await vi.waitFor(() => expect(offers(link)).toContain(request.task_id));
    link.send({ type: 'taken', task_id: request.task_id, epoch: request.epoch });
    await vi.waitFor(async () =>
      expect(await registry.api.reserve(registry.workspace, request)).toMatchObject({ state: 'taken' }),
    );
  }

  describe('agents', () => {
    it('a hello registers an agent, and it is listed as it said', async () => {
      const { api, workspace } = await withAgent({ capacity: 3, labels: ['os=linux'], repository: 'abcd' });
      const listed = await api.agents(callFrom(workspace));
      expect(listed).toMatchObject({
        ok: true,
        value: [
          {
            id: AGENT_A,
            name: 'AGENT-TEST',
            connected: true,
            capacity: 3,
            slots_used: 0,
            labels: ['os=linux'],
            repository: 'abcd',
          },
        ],
      });
      expect(await api.agent(callFrom(workspace), AGENT_A)).toEqual({ ok: true, value: listed.ok && listed.value[0] });
    });

    it('a registry that was never used is empty', async () => {
      const { api, workspace } = await make();
      expect(await api.agents(callFrom(workspace))).toEqual({ ok: true, value: [] });
      expect(await api.agent(callFrom(workspace), AGENT_A)).toMatchObject({ failure: { code: 'not_found' } });
    });

    it('another workspace sees nothing', async () => {
      const { api } = await withAgent();
      expect(await api.agents(callFrom('elsewhere'))).toMatchObject({ failure: { code: 'not_found' } });
      expect(await api.agent(callFrom('elsewhere'), AGENT_A)).toMatchObject({ failure: { code: 'not_found' } });
    });

    it('an agent that went away is listed as not connected', async () => {
      const { api, workspace, agent } = await withAgent();
      agent.close();
      await vi.waitFor(async () =>
        expect(await api.agents(callFrom(workspace))).toMatchObject({ value: [{ id: AGENT_A, connected: false }] }),
      );
    });

    it('a second instance is turned away while the first is alive', async () => {
      const { registry, agent } = await withAgent();
      const second = await registry.connect(AGENT_A, 'token');
      second.send(hello({ instance_id: INSTANCE_2 }));
      await vi.waitFor(() => expect(second.closeCode).toBe(CLOSE.superseded));
      expect(second.frames).toMatchObject([{ type: 'superseded' }]);
      expect(agent.closeCode).toBeNull();
    });

    it('a second instance is let in once the socket of the first has closed', async () => {
      const { registry, api, workspace, agent } = await withAgent();
      agent.close();
      await vi.waitFor(async () =>
        expect(await api.agents(callFrom(workspace))).toMatchObject({ value: [{ connected: false }] }),
      );
      const second = await join(registry, { instance_id: INSTANCE_2 });
      expect(second.closeCode).toBeNull();
    });

    it('a second instance takes over from one that has been silent for 45 s', async () => {
      const { registry, agent } = await withAgent();
      await registry.advance(46_000);
      await join(registry, { instance_id: INSTANCE_2 });
      await vi.waitFor(() => expect(agent.closeCode).toBe(CLOSE.superseded));
    });

    it('the same instance may come back before its old socket is seen to be gone', async () => {
      const { registry, agent } = await withAgent();
      const again = await join(registry);
      await vi.waitFor(() => expect(agent.closeCode).not.toBeNull());
      expect(agent.frames.map(({ type }) => type)).not.toContain('superseded');
      expect(again.closeCode).toBeNull();
    });

    it.each([
      ['no JSON', 'nonsense'],
      ['another type', { type: 'present' }],
      ['a member too few', { type: 'taken', epoch: 1 }],
      ['a frame before hello', { type: 'taken', task_id: taskIdOf(SESSION, 1), epoch: 1 }],
    ])('%s closes the socket and changes nothing', async (_what, frame) => {
      const { connect, api, workspace } = await make();
      const link = await connect(AGENT_A, 'token');
      link.send(frame);
      await vi.waitFor(() => expect(link.closeCode).toBe(CLOSE.protocol_error));
      expect(await api.agents(callFrom(workspace))).toEqual({ ok: true, value: [] });
    });

    it('revoking a token closes its sockets and no others', async () => {
      const registry = await make();
      const revoked = await join(registry, {}, AGENT_A, 'revoked');
      const other = await join(registry, {}, AGENT_B, 'other');
      await registry.api.closeSockets('revoked');
      await vi.waitFor(() => expect(revoked.closeCode).toBe(CLOSE.unauthorized));
      expect(other.closeCode).toBeNull();
    });
  });

  describe('slots', () => {
    it('a request goes to an agent with room, and its slot is used until it is released', async () => {
      const { registry, api, workspace, agent } = await withAgent();
      const request = slotRequest(1);
      expect(await api.reserve(workspace, request)).toEqual({ state: 'offered', agent_id: AGENT_A });
      await vi.waitFor(() => expect(offers(agent)).toEqual([request.task_id]));
      expect(agent.frames.at(-1)).toMatchObject({ epoch: 1, session_id: SESSION, expires_in_ms: 20_000 });
      await take(registry, agent, request);
      expect(await use(registry)).toBe(1);
      await api.release(workspace, request.task_id, request.epoch);
      expect(await use(registry)).toBe(0);
      expect(await api.reserve(workspace, request)).toEqual({ state: 'ended' });
    });

    it('with nobody there a request waits, in order of priority and then of arrival', async () => {
      const registry = await make();
      const { api, workspace } = registry;
      expect(await api.reserve(workspace, slotRequest(1))).toEqual({ state: 'queued', place: 1 });
      expect(await api.reserve(workspace, slotRequest(2))).toEqual({ state: 'queued', place: 2 });
      expect(await api.reserve(workspace, slotRequest(3, { priority: 'critical' }))).toEqual({
        state: 'queued',
        place: 1,
      });
      expect(await api.reserve(workspace, slotRequest(4, { priority: 'deferred' }))).toMatchObject({ place: 4 });
      expect(await api.reserve(workspace, slotRequest(2)), 'a repeat is the same request').toMatchObject({ place: 3 });

      const agent = await join(registry, { capacity: 3 });
      await vi.waitFor(() => expect(offers(agent)).toEqual([3, 1, 2].map((number) => taskIdOf(SESSION, number))));
      expect(await api.reserve(workspace, slotRequest(4))).toEqual({ state: 'queued', place: 1 });
    });

    it('a slot that becomes free is offered to who waits, at once', async () => {
      const { registry, api, workspace, agent } = await withAgent();
      const [first, second, third] = [slotRequest(1), slotRequest(2), slotRequest(3)];
      for (const request of [first, second, third]) await api.reserve(workspace, request);
      await take(registry, agent, first);
      expect(offers(agent)).toEqual([first.task_id]);
      agent.send({ type: 'ended', task_id: first.task_id, epoch: 1 });
      await take(registry, agent, second);
      await api.release(workspace, second.task_id, 1);
      await take(registry, agent, third);
    });

    it('goes to the least loaded agent that has what is required', async () => {
      const registry = await make();
      const { api, workspace } = registry;
      await join(registry, { capacity: 2, labels: ['gpu=true'], repository: 'abcd' }, AGENT_A);
      await join(registry, { capacity: 2, capabilities: ['testing'] }, AGENT_B);
      const placed = async (task: number, changes: Partial<SlotRequest>) => {
        const state = await api.reserve(workspace, slotRequest(task, changes));
        return 'agent_id' in state ? state.agent_id : state.state;
      };
      expect(await placed(1, { required_capabilities: ['testing'] })).toBe(AGENT_B);
      expect(await placed(2, {})).toBe(AGENT_A);
      expect(await placed(3, { required_labels: ['gpu=true'], repository: 'abcd' })).toBe(AGENT_A);
      expect(await placed(4, { repository: 'abcd' }), 'the only agent that has it is full').toBe('queued');
      expect(await placed(5, {})).toBe(AGENT_B);
    });

    it('a refused offer goes to another agent, under the same epoch', async () => {
      const { registry, api, workspace, agent } = await withAgent();
      const request = slotRequest(1, { epoch: 7 });
      await api.reserve(workspace, request);
      await vi.waitFor(() => expect(offers(agent)).toHaveLength(1));
      agent.send({ type: 'refused', task_id: request.task_id, epoch: 7, reason: 'no room' });
      await vi.waitFor(async () =>
        expect(await api.reserve(workspace, request)).toEqual({ state: 'queued', place: 1 }),
      );
      const other = await join(registry, {}, AGENT_B);
      await vi.waitFor(() => expect(other.frames.at(-1)).toMatchObject({ type: 'offer', epoch: 7 }));
      expect(offers(agent), 'and not to the same one at once').toHaveLength(1);
    });

    it('an offer that is not taken within 20 s goes back to its place in the queue, and round again', async () => {
      const { registry, api, workspace, agent } = await withAgent();
      const [first, second] = [slotRequest(1), slotRequest(2)];
      await api.reserve(workspace, first);
      await api.reserve(workspace, second);
      await registry.advance(20_000);
      await vi.waitFor(() => expect(offers(agent)).toEqual([first.task_id, second.task_id]));
      expect(await api.reserve(workspace, first)).toEqual({ state: 'queued', place: 1 });
      const other = await join(registry, {}, AGENT_B);
      await take(registry, other, first);
    });

    it('the only agent gets an offer that it let pass again, after a pause', async () => {
      const { registry, api, workspace, agent } = await withAgent();
      const request = slotRequest(1);
      await api.reserve(workspace, request);
      await registry.advance(20_000);
      expect(await api.reserve(workspace, request)).toEqual({ state: 'queued', place: 1 });
      await registry.advance(5_000);
      await vi.waitFor(() => expect(offers(agent)).toEqual([request.task_id, request.task_id]));
    });

    it('a withdrawn offer is taken back, and its late acceptance changes nothing', async () => {
      const { registry, api, workspace, agent } = await withAgent();
      const request = slotRequest(1);
      await api.reserve(workspace, request);
      await api.withdraw(workspace, request.task_id, 1);
      await vi.waitFor(() =>
        expect(agent.frames.at(-1)).toEqual({ type: 'withdraw', task_id: request.task_id, epoch: 1 }),
      );
      agent.send({ type: 'taken', task_id: request.task_id, epoch: 1 });
      await api.reserve(workspace, slotRequest(2));
      await take(registry, agent, slotRequest(2));
      expect(await api.reserve(workspace, request)).toEqual({ state: 'ended' });
      expect(await use(registry)).toBe(1);
    });

    it.each(['withdraw', 'release'] as const)('a %s that overtakes its request wins', async (call) => {
      const { registry, api, workspace, agent } = await withAgent();
      const request = slotRequest(1);
      await api[call](workspace, request.task_id, 1);
      await api[call](workspace, request.task_id, 1);
      expect(await api.reserve(workspace, request)).toEqual({ state: 'ended' });
      expect(await api.reserve(workspace, { ...request, epoch: 2 }), 'of its own epoch only').toMatchObject({
        state: 'offered',
      });
      await vi.waitFor(() => expect(offers(agent)).toHaveLength(1));
      expect(await use(registry)).toBe(1);
    });

    it('an agent that was granted a lease late keeps it, and who was offered it meanwhile is told', async () => {
      const { registry, api, workspace, agent } = await withAgent();
      const request = slotRequest(1);
      await api.reserve(workspace, request);
      const other = await join(registry, {}, AGENT_B);
      await registry.advance(20_000);
      await vi.waitFor(() => expect(offers(other)).toEqual([request.task_id]));
      agent.send({ type: 'taken', task_id: request.task_id, epoch: 1 });
      await vi.waitFor(() => expect(other.frames.at(-1)).toMatchObject({ type: 'withdraw', task_id: request.task_id }));
      expect(await api.reserve(workspace, request)).toEqual({ state: 'taken', agent_id: AGENT_A });
      expect([await use(registry, AGENT_A), await use(registry, AGENT_B)]).toEqual([1, 0]);
    });

    it('an agent cannot end what another holds', async () => {
      const { registry, api, workspace, agent } = await withAgent();
      const request = slotRequest(1);
      await api.reserve(workspace, request);
      await take(registry, agent, request);
      const other = await join(registry, {}, AGENT_B);
      other.send({ type: 'ended', task_id: request.task_id, epoch: 1 });
      other.send({ type: 'taken', task_id: request.task_id, epoch: 1 });
      await api.reserve(workspace, slotRequest(2));
      await take(registry, other, slotRequest(2));
      expect(await api.reserve(workspace, request)).toEqual({ state: 'taken', agent_id: AGENT_A });
    });
  });

  describe('an agent that went away and comes back', () => {
    async function taken() {
      const { registry, api, workspace, agent } = await withAgent();
      const request = slotRequest(1);
      await api.reserve(workspace, request);
      await take(registry, agent, request);
      agent.close();
      await vi.waitFor(async () =>
        expect(await api.agents(callFrom(workspace))).toMatchObject({ value: [{ connected: false, slots_used: 1 }] }),
      );
      return { registry, api, workspace, request, lease: { task_id: request.task_id, epoch: request.epoch } };
    }

    it('keeps the slots of the leases that it names', async () => {
      const { registry, api, workspace, request, lease } = await taken();
      await join(registry, { leases: [lease] });
      expect(await api.reserve(workspace, request)).toEqual({ state: 'taken', agent_id: AGENT_A });
      expect(await use(registry)).toBe(1);
    });

    it('frees the slots of those that it does not name, and who waits gets them', async () => {
      const { registry, api, workspace, request } = await taken();
      const waiting = slotRequest(2);
      expect(await api.reserve(workspace, waiting)).toEqual({ state: 'queued', place: 1 });
      const again = await join(registry, { instance_id: INSTANCE_2 });
      await take(registry, again, waiting);
      expect(await api.reserve(workspace, request)).toEqual({ state: 'ended' });
    });

    it('is told of leases that ended without it', async () => {
      const { registry, api, workspace, lease } = await taken();
      await api.withdraw(workspace, lease.task_id, lease.epoch);
      const again = await join(registry, { leases: [lease] });
      await vi.waitFor(() => expect(again.frames.at(-1)).toEqual({ type: 'withdraw', ...lease }));
    });

    it('gets the offer that it missed again, once', async () => {
      const { registry, api, workspace, agent } = await withAgent();
      const request = slotRequest(1);
      await api.reserve(workspace, request);
      agent.close();
      const again = await join(registry);
      await take(registry, again, request);
      expect(offers(again)).toEqual([request.task_id]);
    });

    it('holds the slot of a lease whose acceptance was lost', async () => {
      const { registry, api, workspace, agent } = await withAgent();
      const request = slotRequest(1);
      await api.reserve(workspace, request);
      await vi.waitFor(() => expect(offers(agent)).toHaveLength(1));
      agent.close();
      await join(registry, { leases: [{ task_id: request.task_id, epoch: 1 }] });
      expect(await api.reserve(workspace, request)).toEqual({ state: 'taken', agent_id: AGENT_A });
      await registry.advance(20_000);
      expect(await use(registry)).toBe(1);
    });
  });
}
