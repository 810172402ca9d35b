import { describe, expect, it } from 'vitest';
import type { Call } from '../../../src/ports/calls.ts';
import type { WorkOffer } from '../../../src/ports/work-claims.ts';
import { RegisterAgentRequest } from '../../../src/protocol/agent/agent.ts';
import { eventually } from '../../support/eventually.ts';
import { valueIn } from '../../support/value-in.ts';
import {
  AGENT_A,
  AGENT_B,
  callFrom,
  INSTANCE_2,
  join,
  type MakeRegistry,
  offers,
  type RegistryUnderTest,
  slotRequest,
  use,
} from './agent-registry.fixture.ts';

const OFFER_MS = 20_000;
const QUIET_MS = 60_000;
const GIVEN_AGAIN_MS = 10_000;

/** A registered agent without sockets. */
async function agentIn(registry: RegistryUnderTest, id = AGENT_A, changes: object = {}) {
  const { api, workspace } = registry;
  const token_id = `own-token-of-${id}`;
  const agent = { id, registered_by: 'token' };
  const call: Call = { ...callFrom(workspace), principal: { workspace, role: 'agent', token_id, agent } };
  const profile = { name: `AGENT-${id.slice(0, 4).toUpperCase()}`, agent_type: 'implementer', capabilities: [] };
  const request = RegisterAgentRequest().parse({ ...profile, ...changes });
  valueIn(await api.register(callFrom(workspace), { agent_id: id, token_id }, request));
  return {
    claim: async (max = 1): Promise<WorkOffer[]> => valueIn(await api.claim(call, id, max)),
    tryToClaim: () => api.claim(call, id, 1),
    heartbeat: () => api.heartbeat(call, id),
    poll: (max = 1) => registry.poll(id, max, { token_id, agent }),
    view: async () => valueIn(await api.agent(callFrom(workspace), id)),
  };
}

/** The contract of agents without sockets. */
export function claimsContract(make: MakeRegistry): void {
  describe('an agent without sockets', () => {
    it('is offered what waits when it claims, and the same again after some seconds until it is accepted', async () => {
      const registry = await make();
      const agent = await agentIn(registry);
      const request = slotRequest(1);
      await registry.api.reserve(request);
      const [offer] = await agent.claim();
      expect(offer).toMatchObject({ task_id: request.task_id, epoch: 1, session_id: request.session_id });
      await registry.advance(GIVEN_AGAIN_MS);
      expect(await agent.claim()).toEqual([offer]);
      await registry.api.accept(request.task_id, 1, AGENT_A);
      expect(await agent.claim()).toEqual([]);
      expect(await use(registry)).toBe(1);
      await registry.api.release(request.task_id, 1);
      expect(await use(registry)).toBe(0);
    });

    it('loses an offer that it does not use in time to another agent', async () => {
      const registry = await make();
      const [one, two] = [await agentIn(registry), await agentIn(registry, AGENT_B)];
      await registry.api.reserve(slotRequest(1));
      expect(await one.claim()).toHaveLength(1);
      expect(await two.claim()).toEqual([]);
      await registry.advance(OFFER_MS);
      expect(await two.claim()).toHaveLength(1);
      expect(await one.claim()).toEqual([]);
    });

    it('is woken by work that comes while the Worker waits for it', async () => {
      const registry = await make();
      const agent = await agentIn(registry);
      const link = await agent.poll();
      expect(link.frames).toEqual([]);
      await registry.api.reserve(slotRequest(1));
      await eventually(() => expect(offers(link)).toEqual([slotRequest(1).task_id]));
      expect(await agent.claim()).toMatchObject([{ task_id: slotRequest(1).task_id }]);
    });

    it('is offered at most what it wants, and what it has room for', async () => {
      const registry = await make();
      const agent = await agentIn(registry, AGENT_A, { max_concurrent_capacity: 3 });
      for (let task = 1; task <= 5; task++) await registry.api.reserve(slotRequest(task));
      expect(await agent.claim(2)).toHaveLength(2);
      expect(await use(registry)).toBe(2);
    });

    it('may wait several times at once, and each wait hears of an offer', async () => {
      const registry = await make();
      const agent = await agentIn(registry);
      const links = [await agent.poll(), await agent.poll()];
      await registry.api.reserve(slotRequest(1));
      await eventually(() => expect(links.map((link) => offers(link).length)).toEqual([1, 1]));
      expect(links.map(({ closeCode }) => closeCode)).toEqual([null, null]);
    });

    it('has the lease that its session says it has, whatever the registry believed', async () => {
      const registry = await make();
      const [one, two] = [await agentIn(registry), await agentIn(registry, AGENT_B)];
      const request = slotRequest(1);
      await registry.api.reserve(request);
      await one.claim();
      await registry.advance(OFFER_MS);
      expect(await two.claim()).toHaveLength(1);
      await registry.api.accept(request.task_id, 1, AGENT_A);
      expect([await use(registry), await use(registry, AGENT_B)]).toEqual([1, 0]);
    });

    it('that was removed loses a lease of which the news comes late', async () => {
      const registry = await make();
      const { api, workspace } = registry;
      const agent = await agentIn(registry);
      const request = slotRequest(1);
      await api.reserve(request);
      await agent.claim();
      await api.deregister(callFrom(workspace), AGENT_A, { timeout_seconds: 0, force: true });
      await api.accept(request.task_id, 1, AGENT_A);
      await eventually(() =>
        expect(registry.evictions()).toEqual([{ task_id: request.task_id, epoch: 1, reason: 'agent_drained' }]),
      );
    });

    it('gets nothing while it drains, and is not found when it was removed', async () => {
      const registry = await make();
      const { api, workspace } = registry;
      const agent = await agentIn(registry);
      await api.drain(callFrom(workspace), AGENT_A, { timeout_seconds: 60 });
      await api.reserve(slotRequest(1));
      expect(await agent.claim()).toEqual([]);
      const link = await agent.poll();
      await api.deregister(callFrom(workspace), AGENT_A, { timeout_seconds: 0, force: true });
      await eventually(async () => expect(await agent.tryToClaim()).toMatchObject({ failure: { code: 'not_found' } }));
      await eventually(() => expect(link.closeCode).not.toBeNull());
    });

    it('takes work over one transport at a time', async () => {
      const registry = await make();
      const agent = await agentIn(registry);
      const own = { token_id: `own-token-of-${AGENT_A}`, agent: { id: AGENT_A, registered_by: 'token' } };
      const link = await join(registry, { instance_id: INSTANCE_2, name: 'AGENT-AAAA' }, AGENT_A, own);
      expect(await agent.tryToClaim()).toMatchObject({ failure: { code: 'agent_connected' } });
      link.close();
      await eventually(async () => expect(await agent.tryToClaim()).toMatchObject({ ok: true }));
    });

    it('counts as alive for a minute after a heartbeat', async () => {
      const registry = await make();
      const agent = await agentIn(registry);
      expect(await agent.view()).toMatchObject({ state: 'registered', is_available: false });
      expect(await agent.heartbeat()).toMatchObject({ ok: true });
      const { last_seen_at, ...view } = await agent.view();
      expect(view).toMatchObject({ state: 'connected', is_available: true });
      await registry.advance(QUIET_MS + 1);
      expect(await agent.view()).toMatchObject({ state: 'offline', is_available: false, last_seen_at });
    });
  });
}
