import { describe, expect, it } from 'vitest';
import { proofOf } from '../../../durable-objects/kit/crypto/offer-proof.ts';
import type { AgentHello } from '../../../src/protocol/agent/control-socket.ts';
import { CLOSE } from '../../../src/protocol/common/socket.ts';
import { eventually } from '../../support/eventually.ts';
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
  type RegistryUnderTest,
  slotRequest,
  withAgent,
} from './agent-registry.fixture.ts';

/** Who may speak for an agent, and what an agent may claim. */
export function authorityContract(make: MakeRegistry): void {
  describe('an agent id', () => {
    const SECRET = 's'.repeat(32);
    const refusedTo = async (registry: RegistryUnderTest, tokenId: string, changes: Partial<AgentHello> = {}) => {
      const link = await registry.connect(AGENT_A, tokenId);
      link.send(hello({ name: 'AGENT-THIEF', instance_id: INSTANCE_2, ...changes }));
      await eventually(() => expect(link.closeCode).toBe(CLOSE.superseded));
      expect(link.frames).toEqual([{ type: 'superseded', reason: 'this agent id belongs to another agent' }]);
    };
    const nameOf = async ({ api, workspace }: RegistryUnderTest) => {
      const agent = await api.agent(callFrom(workspace), AGENT_A);
      return agent.ok ? agent.value.name : null;
    };

    it('belongs to the token that registered it, also when its agent has been silent for long', async () => {
      const { registry, agent } = await withAgent(make);
      await registry.advance(46_000);
      await refusedTo(registry, 'thief');
      await refusedTo(registry, 'thief', { secret: SECRET });
      agent.close();
      await refusedTo(registry, 'thief');
      expect(await nameOf(registry)).toBe('AGENT-TEST');
      await join(registry, { instance_id: INSTANCE_2 });
    });

    it('belongs to the secret that registered it: with it under any token, and without it under none', async () => {
      const { registry } = await withAgent(make, { secret: SECRET });
      await registry.advance(46_000);
      for (const token of ['token', 'thief']) {
        await refusedTo(registry, token);
        await refusedTo(registry, token, { secret: 't'.repeat(32) });
      }
      await join(registry, { secret: SECRET, instance_id: INSTANCE_2 }, AGENT_A, 'renewed');
      await refusedTo(registry, 'token');
    });

    it('is not shown with its token or secret', async () => {
      const { api, workspace } = await withAgent(make, { secret: SECRET });
      expect(await api.agent(callFrom(workspace), AGENT_A)).toMatchObject({ ok: true });
      const shown = JSON.stringify(await api.agent(callFrom(workspace), AGENT_A)).replace('cost_per_token_usd', '');
      expect(shown).not.toMatch(/token|secret|hash/);
    });
  });

  describe('an offer', () => {
    it('is needed for a lease: one that a hello names without it is ignored', async () => {
      const { registry, api } = await withAgent(make);
      const [first, second] = [slotRequest(1), slotRequest(2)];
      for (const request of [first, second]) await api.reserve(request);
      const leases = [first, second].map(({ task_id, epoch }) => ({ task_id, epoch }));
      await join(registry, { leases, labels: ['liar=true'] }, AGENT_B);
      expect(await api.reserve(first)).toEqual({ state: 'offered', agent_id: AGENT_A });
      expect(await api.reserve(second), 'an offer, and not a lease').toEqual({ state: 'offered', agent_id: AGENT_B });
    });

    it('proves the agent, process, repository and token that got it', async () => {
      const { api, agent } = await withAgent(make, { repository: 'abcd' });
      const request = slotRequest(1);
      await api.reserve(request);
      await eventually(() => expect(offers(agent)).toHaveLength(1));
      const identity = { agent_id: AGENT_A, agent_name: 'AGENT-TEST', instance_id: INSTANCE_1, repository: 'abcd' };
      const proof = proofOf(request.proof_key, { ...identity, token_id: 'token' });
      expect(agent.frames.at(-1)).toMatchObject({ type: 'offer', proof });
    });

    it('is not repeated to an agent that does not meet its requirements any more', async () => {
      const { registry, api, agent } = await withAgent(make, { labels: ['gpu=true'] });
      const request = slotRequest(1, { requirements: { required_labels: ['gpu=true'] } });
      await api.reserve(request);
      agent.close();
      const again = await join(registry, { labels: [] });
      expect(await api.reserve(request)).toEqual({ state: 'queued', place: 1 });
      expect(offers(again)).toEqual([]);
    });
  });
}
