import { describe, expect, it } from 'vitest';
import { ALL_AGENTS } from '../../../src/ports/agent-registry.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { CLOSE } from '../../../src/protocol/common/socket.ts';
import { eventually } from '../../support/eventually.ts';
import { authorityContract } from './agent-registry.authority.ts';
import { claimsContract } from './agent-registry.claims.ts';
import {
  AGENT_A,
  AGENT_B,
  callFrom,
  hello,
  INSTANCE_1,
  INSTANCE_2,
  join,
  type MakeRegistry,
  offers,
  SESSION,
  slotRequest,
  withAgent,
} from './agent-registry.fixture.ts';
import { lockContract } from './agent-registry.locks.ts';
import { membershipContract } from './agent-registry.membership.ts';
import { passesContract } from './agent-registry.passes.ts';
import { rebalanceContract } from './agent-registry.rebalance.ts';
import { routingContract } from './agent-registry.routing.ts';
import { returnContract, slotContract } from './agent-registry.slots.ts';

/** The contract of every implementation of the registry. */
export function agentRegistryContract(make: MakeRegistry): void {
  describe('agents', () => {
    it('lists an agent as its hello described it', async () => {
      const { api, workspace } = await withAgent(make, { capacity: 3, labels: ['os=linux'], repository: 'abcd' });
      const listed = await api.agents(callFrom(workspace));
      expect(listed).toMatchObject({
        ok: true,
        value: {
          items: [
            {
              id: AGENT_A,
              name: 'AGENT-TEST',
              connected: true,
              max_concurrent_capacity: 3,
              slots_used: 0,
              labels: ['os=linux'],
              repository: 'abcd',
            },
          ],
        },
      });
      expect(await api.agent(callFrom(workspace), AGENT_A)).toEqual({
        ok: true,
        value: listed.ok && listed.value.items[0],
      });
    });

    it('lists agents page by page, by name', async () => {
      const { api, workspace, registry } = await withAgent(make, { name: 'AGENT-Y' });
      await join(registry, { name: 'AGENT-X' }, AGENT_B);
      const first = await api.agents(callFrom(workspace), { ...ALL_AGENTS, page_size: 1 });
      expect(first).toMatchObject({ value: { items: [{ name: 'AGENT-X' }], next_cursor: expect.any(String) } });
      const cursor = first.ok ? first.value.next_cursor! : '';
      const second = await api.agents(callFrom(workspace), { ...ALL_AGENTS, page_size: 1, cursor });
      expect(second).toMatchObject({ value: { items: [{ name: 'AGENT-Y' }], next_cursor: null } });
    });

    it('lists nothing in a registry that was never used', async () => {
      const { api, workspace } = await make();
      expect(await api.agents(callFrom(workspace))).toEqual({ ok: true, value: { items: [], next_cursor: null } });
      expect(await api.agent(callFrom(workspace), AGENT_A)).toMatchObject({ failure: { code: 'not_found' } });
    });

    it('shows another workspace nothing', async () => {
      const { api } = await withAgent(make);
      expect(await api.agents(callFrom('elsewhere'))).toMatchObject({ failure: { code: 'not_found' } });
      expect(await api.agent(callFrom('elsewhere'), AGENT_A)).toMatchObject({ failure: { code: 'not_found' } });
    });

    it('lists an agent as not connected after its socket has closed', async () => {
      const { api, workspace, agent } = await withAgent(make);
      agent.close();
      await eventually(async () =>
        expect(await api.agents(callFrom(workspace))).toMatchObject({
          value: { items: [{ id: AGENT_A, connected: false }] },
        }),
      );
    });

    it('refuses a second instance of an agent while the first is alive', async () => {
      const { registry, agent } = await withAgent(make);
      const second = await registry.connect(AGENT_A, 'token');
      second.send(hello({ instance_id: INSTANCE_2 }));
      await eventually(() => expect(second.closeCode).toBe(CLOSE.superseded));
      expect(second.frames).toMatchObject([{ type: 'superseded' }]);
      expect(agent.closeCode).toBeNull();
    });

    it('accepts a second instance once the socket of the first has closed', async () => {
      const { registry, api, workspace, agent } = await withAgent(make);
      agent.close();
      await eventually(async () =>
        expect(await api.agents(callFrom(workspace))).toMatchObject({ value: { items: [{ connected: false }] } }),
      );
      const second = await join(registry, { instance_id: INSTANCE_2 });
      expect(second.closeCode).toBeNull();
    });

    it('offers a request that an instance has refused only to the next instance of that agent', async () => {
      const { registry, api, agent } = await withAgent(make);
      const request = slotRequest(1, { requirements: { refusing_instances: [INSTANCE_1] } });
      expect(await api.reserve(request)).toMatchObject({ state: 'queued' });
      agent.close();
      await eventually(async () =>
        expect(await api.agents(callFrom(registry.workspace))).toMatchObject({
          value: { items: [{ connected: false }] },
        }),
      );
      const restarted = await join(registry, { instance_id: INSTANCE_2 });
      await eventually(() => expect(offers(restarted)).toEqual([request.task_id]));
      expect(offers(agent)).toEqual([]);
    });

    it('lets a second instance replace one that has been silent for 45 s', async () => {
      const { registry, agent } = await withAgent(make);
      await registry.advance(46_000);
      await join(registry, { instance_id: INSTANCE_2 });
      await eventually(() => expect(agent.closeCode).toBe(CLOSE.superseded));
    });

    it('lets an instance reconnect before the loss of its old socket is noticed', async () => {
      const { registry, agent } = await withAgent(make);
      const again = await join(registry);
      await eventually(() => expect(agent.closeCode).not.toBeNull());
      expect(agent.frames.map(({ type }) => type)).not.toContain('superseded');
      expect(again.closeCode).toBeNull();
    });

    it.each([
      ['a text that is not JSON', 'nonsense'],
      ['a frame of an unknown type', { type: 'present' }],
      ['a frame without a member', { type: 'accepted', epoch: 1 }],
      ['a frame before hello', { type: 'accepted', task_id: taskIdOf(SESSION, 1), epoch: 1 }],
    ])('closes the socket of an agent that sends %s, and changes nothing', async (_what, frame) => {
      const { connect, api, workspace } = await make();
      const link = await connect(AGENT_A, 'token');
      link.send(frame);
      await eventually(() => expect(link.closeCode).toBe(CLOSE.protocol_error));
      expect(await api.agents(callFrom(workspace))).toEqual({ ok: true, value: { items: [], next_cursor: null } });
    });

    it('says what a session waits for, and nothing of sessions that do not wait', async () => {
      const { api, workspace, agent } = await withAgent(make, { capacity: 1 });
      const other = SESSION.replace('0198', '0199');
      const call = callFrom(workspace);
      await api.reserve(slotRequest(1));
      await eventually(() => expect(offers(agent)).toHaveLength(1));
      expect(await api.places(call, [SESSION, other])).toMatchObject({
        ok: true,
        value: { [SESSION]: { reason: 'offered', message: 'The session was offered to AGENT-TEST.' } },
      });
      await api.reserve(slotRequest(1, { session_id: other, task_id: taskIdOf(other, 1) }));
      const both = await api.places(call, [SESSION, other]);
      expect(both).toMatchObject({ value: { [other]: { reason: 'all_busy', ahead: 0, missing: [] } } });
      await api.cancel(taskIdOf(other, 1), 1);
      await api.cancel(taskIdOf(SESSION, 1), 1);
      expect(await api.places(call, [SESSION, other])).toEqual({ ok: true, value: {} });
      expect(await api.places(callFrom('elsewhere'), [SESSION])).toMatchObject({ failure: { code: 'not_found' } });
    });

    it('closes only the sockets of a revoked token, also when the revocation is repeated', async () => {
      const registry = await make();
      const revoked = await join(registry, {}, AGENT_A, 'revoked');
      const other = await join(registry, {}, AGENT_B, 'other');
      for (let time = 0; time < 2; time++) await registry.api.closeSockets('revoked');
      await eventually(() => expect(revoked.closeCode).toBe(CLOSE.unauthorized));
      expect(other.closeCode).toBeNull();
    });
  });

  authorityContract(make);
  claimsContract(make);
  membershipContract(make);
  routingContract(make);
  rebalanceContract(make);
  slotContract(make);
  passesContract(make);
  returnContract(make);
  lockContract(make);
}
