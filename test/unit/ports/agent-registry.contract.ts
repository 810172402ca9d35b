import { describe, expect, it } from 'vitest';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { CLOSE } from '../../../src/protocol/common/socket.ts';
import { eventually } from '../../support/eventually.ts';
import {
  AGENT_A,
  AGENT_B,
  callFrom,
  hello,
  INSTANCE_2,
  join,
  type MakeRegistry,
  SESSION,
  withAgent,
} from './agent-registry.scene.ts';
import { returnContract, slotContract } from './agent-registry.slots.ts';

/** What every implementation of the registry keeps to. */
export function agentRegistryContract(make: MakeRegistry): void {
  describe('agents', () => {
    it('a hello registers an agent, and it is listed as it said', async () => {
      const { api, workspace } = await withAgent(make, { capacity: 3, labels: ['os=linux'], repository: 'abcd' });
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
      const { api } = await withAgent(make);
      expect(await api.agents(callFrom('elsewhere'))).toMatchObject({ failure: { code: 'not_found' } });
      expect(await api.agent(callFrom('elsewhere'), AGENT_A)).toMatchObject({ failure: { code: 'not_found' } });
    });

    it('an agent that went away is listed as not connected', async () => {
      const { api, workspace, agent } = await withAgent(make);
      agent.close();
      await eventually(async () =>
        expect(await api.agents(callFrom(workspace))).toMatchObject({ value: [{ id: AGENT_A, connected: false }] }),
      );
    });

    it('a second instance is turned away while the first is alive', async () => {
      const { registry, agent } = await withAgent(make);
      const second = await registry.connect(AGENT_A, 'token');
      second.send(hello({ instance_id: INSTANCE_2 }));
      await eventually(() => expect(second.closeCode).toBe(CLOSE.superseded));
      expect(second.frames).toMatchObject([{ type: 'superseded' }]);
      expect(agent.closeCode).toBeNull();
    });

    it('a second instance is let in once the socket of the first has closed', async () => {
      const { registry, api, workspace, agent } = await withAgent(make);
      agent.close();
      await eventually(async () =>
        expect(await api.agents(callFrom(workspace))).toMatchObject({ value: [{ connected: false }] }),
      );
      const second = await join(registry, { instance_id: INSTANCE_2 });
      expect(second.closeCode).toBeNull();
    });

    it('a second instance takes over from one that has been silent for 45 s', async () => {
      const { registry, agent } = await withAgent(make);
      await registry.advance(46_000);
      await join(registry, { instance_id: INSTANCE_2 });
      await eventually(() => expect(agent.closeCode).toBe(CLOSE.superseded));
    });

    it('the same instance may come back before its old socket is seen to be gone', async () => {
      const { registry, agent } = await withAgent(make);
      const again = await join(registry);
      await eventually(() => expect(agent.closeCode).not.toBeNull());
      expect(agent.frames.map(({ type }) => type)).not.toContain('superseded');
      expect(again.closeCode).toBeNull();
    });

    it.each([
      ['no JSON', 'nonsense'],
      ['another type', { type: 'present' }],
      ['a member too few', { type: 'accepted', epoch: 1 }],
      ['a frame before hello', { type: 'accepted', task_id: taskIdOf(SESSION, 1), epoch: 1 }],
    ])('%s closes the socket and changes nothing', async (_what, frame) => {
      const { connect, api, workspace } = await make();
      const link = await connect(AGENT_A, 'token');
      link.send(frame);
      await eventually(() => expect(link.closeCode).toBe(CLOSE.protocol_error));
      expect(await api.agents(callFrom(workspace))).toEqual({ ok: true, value: [] });
    });

    it('revoking a token closes its sockets and no others, however often it is told', async () => {
      const registry = await make();
      const revoked = await join(registry, {}, AGENT_A, 'revoked');
      const other = await join(registry, {}, AGENT_B, 'other');
      for (let time = 0; time < 2; time++) await registry.api.closeSockets('revoked');
      await eventually(() => expect(revoked.closeCode).toBe(CLOSE.unauthorized));
      expect(other.closeCode).toBeNull();
    });
  });

  slotContract(make);
  returnContract(make);
}
