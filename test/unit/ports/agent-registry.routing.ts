import { describe, expect, it } from 'vitest';
import { RouteTaskRequest } from '../../../src/protocol/agent/agent.ts';
import { eventually } from '../../support/eventually.ts';
import {
  AGENT_A,
  AGENT_B,
  accept,
  callFrom,
  join,
  type MakeRegistry,
  offers,
  type RegistryUnderTest,
  SESSION,
  slotRequest,
  withAgent,
} from './agent-registry.fixture.ts';

const request = (changes: object = {}) =>
  RouteTaskRequest().parse({ task_description: 'Do it', required_capabilities: [], ...changes });

function route({ api, workspace }: RegistryUnderTest, changes: object = {}) {
  return api.route(callFrom(workspace), request(changes));
}

/** The contract of the questions about the fleet as a whole. */
export function routingContract(make: MakeRegistry): void {
  describe('routing a task', () => {
    it('names the best agent with the parts of its score, the others, and why agents were rejected', async () => {
      const registry = await withAgent(make, { capacity: 2, labels: ['memory_gb=64'] });
      await join(registry.registry, { name: 'AGENT-OTHER', labels: ['memory_gb=16'] }, AGENT_B);
      await registry.api.reserve(slotRequest(1, { requirements: { required_labels: ['memory_gb=64'] } }));
      expect(await route(registry)).toMatchObject({
        ok: true,
        value: {
          id: AGENT_B,
          routing: {
            score: expect.closeTo(0.24 + 0.3 + 0.2 + 0.05, 10),
            parts: { tier: expect.closeTo(0.24, 10), fit: 0.3, load: 0.2, duration: 0.05, preference: 0 },
            alternatives: [{ agent_id: AGENT_A, name: 'AGENT-TEST', score: expect.closeTo(0.69, 10) }],
            rejected: [],
          },
        },
      });
      expect(await route(registry, { required_labels: ['memory_gb>=32'] })).toMatchObject({
        value: {
          id: AGENT_A,
          routing: {
            alternatives: [],
            rejected: [{ reason: 'Its labels do not meet memory_gb>=32.', count: 1, agents: ['AGENT-OTHER'] }],
          },
        },
      });
    });

    it('prefers the named agent and the named type', async () => {
      const registry = await withAgent(make, { agent_type: 'reviewer' });
      await join(registry.registry, { name: 'AGENT-OTHER' }, AGENT_B);
      for (const [changes, id] of [
        [{ preferred_agent_ids: [AGENT_A] }, AGENT_A],
        [{ preferred_agent_ids: [AGENT_B] }, AGENT_B],
        [{ preferred_agent_type: 'reviewer' }, AGENT_A],
        [{ preferred_agent_type: 'implementer' }, AGENT_B],
      ] as const) {
        expect(await route(registry, changes)).toMatchObject({ value: { id, routing: { alternatives: [{}] } } });
      }
    });

    it('prefers the agent with the wanted labels and technologies', async () => {
      const registry = await withAgent(make, { labels: ['memory_gb=64'], preferred_technologies: ['rust'] });
      await join(registry.registry, { name: 'AGENT-OTHER', labels: ['gpu=true'] }, AGENT_B);
      for (const [changes, id, preference] of [
        [{ preferred_labels: { 'memory_gb>=32': 0.5 } }, AGENT_A, 0.05],
        [{ preferred_labels: { 'memory_gb>=32': 0.5, 'gpu=true': 1 } }, AGENT_B, 0.1],
        [{ technologies: ['Rust'] }, AGENT_A, 0],
      ] as const) {
        const parts = { preference: expect.closeTo(preference, 10) };
        expect(await route(registry, changes)).toMatchObject({ value: { id, routing: { parts } } });
      }
    });

    it('offers a session to the agent that has what it would like, and to none below its lowest tier', async () => {
      const registry = await withAgent(make, { capacity: 2 });
      const liked = await join(registry.registry, { name: 'AGENT-OTHER', labels: ['memory_gb=64'] }, AGENT_B);
      const wishes = { preferred_labels: { 'memory_gb>=32': 1 } };
      await registry.api.reserve(slotRequest(1, { requirements: wishes }));
      await eventually(() => expect(offers(liked)).toEqual([slotRequest(1).task_id]));
      await registry.api.cancel(slotRequest(1).task_id, 1);
      const best = slotRequest(2, { requirements: { min_performance_tier: 'elite' } });
      expect(await registry.api.reserve(best)).toEqual({ state: 'queued', place: 1 });
      const places = await registry.api.places(callFrom(registry.workspace), [SESSION]);
      expect(places).toMatchObject({ value: { [SESSION]: { missing: ['tier elite or better'] } } });
    });

    it('says which requirement no agent meets, or what those do that meet all', async () => {
      const empty = await make();
      expect(await route(empty)).toMatchObject({
        failure: { code: 'no_capable_agent', detail: 'No agent is registered.' },
      });
      const registry = await withAgent(make, { capabilities: ['testing'] });
      const refusal = async (changes: object) => {
        const outcome = await route(registry, changes);
        return outcome.ok ? null : [outcome.failure.code, outcome.failure.detail];
      };
      const impossible = { required_capabilities: ['debugging'], required_labels: ['gpu=true'] };
      expect(await refusal(impossible)).toEqual([
        'no_capable_agent',
        'No agent has capability debugging or label gpu=true.',
      ]);
      expect(await refusal({ min_performance_tier: 'elite' })).toEqual([
        'no_capable_agent',
        'No agent has tier elite or better.',
      ]);
      await registry.api.reserve(slotRequest(1));
      await accept(registry.registry, registry.agent, slotRequest(1));
      expect(await refusal({ required_capabilities: ['testing'] })).toEqual([
        'no_agent_available',
        'No agent can take the task now. AGENT-TEST: Its slot is in use.',
      ]);
    });
  });

  describe('the statistics', () => {
    it('of an unused registry are zero', async () => {
      const { api, workspace } = await make();
      expect(await api.statistics(callFrom(workspace))).toEqual({
        ok: true,
        value: {
          agents: { total: 0, available: 0, by_state: {}, by_tier: {}, by_load: {} },
          capacity: { slots: 0, free: 0 },
          queue: { waiting: 0, oldest_wait_seconds: null, by_requirement: [] },
        },
      });
    });

    it('count agents, free slots, and what waits by requirement', async () => {
      const registry = await withAgent(make, { capacity: 2 });
      const other = await join(registry.registry, { name: 'AGENT-OTHER' }, AGENT_B);
      await registry.api.drain(callFrom(registry.workspace), AGENT_B, { timeout_seconds: 60 });
      const gpu = { requirements: { required_labels: ['gpu=true'] } };
      await registry.api.reserve(slotRequest(1, gpu));
      await registry.advance(5_000);
      await registry.api.reserve(slotRequest(2, gpu));
      await registry.api.reserve(slotRequest(3, { requirements: { required_labels: ['tpu=true'] } }));
      await registry.api.reserve(slotRequest(4));
      expect(other.closeCode).toBeNull();
      expect(await registry.api.statistics(callFrom(registry.workspace))).toMatchObject({
        value: {
          agents: {
            total: 2,
            available: 1,
            by_state: { connected: 1, draining: 1 },
            by_tier: { competent: 2 },
            by_load: { idle: 1, optimal: 1 },
          },
          capacity: { slots: 2, free: 1 },
          queue: {
            waiting: 3,
            oldest_wait_seconds: 5,
            by_requirement: [
              { required_labels: ['gpu=true'], waiting: 2, oldest_wait_seconds: 5 },
              { required_labels: ['tpu=true'], waiting: 1, oldest_wait_seconds: 0 },
            ],
          },
        },
      });
    });
  });
}
