import { describe, expect, it } from 'vitest';
import { ALL_AGENTS, type AssignmentResult, type Registration } from '../../../src/ports/agent-registry.ts';
import type { Call } from '../../../src/ports/calls.ts';
import { RegisterAgentRequest } from '../../../src/protocol/agent/agent.ts';
import { CLOSE } from '../../../src/protocol/common/socket.ts';
import { eventually } from '../../support/eventually.ts';
import { valueIn } from '../../support/value-in.ts';
import {
  AGENT_A,
  AGENT_B,
  accept,
  callFrom,
  hello,
  INSTANCE_2,
  join,
  type MakeRegistry,
  offers,
  type RegistryUnderTest,
  slotRequest,
  use,
  withAgent,
} from './agent-registry.fixture.ts';

const SECRET = 's'.repeat(32);
const OWN = 'own-token';

const request = (changes: object = {}) =>
  RegisterAgentRequest().parse({
    name: 'AGENT-BUILD-01',
    agent_type: 'reviewer',
    capabilities: ['code_review'],
    ...changes,
  });

const withKey = (workspace: string, key: string): Call => ({
  ...callFrom(workspace),
  idempotency: { key, fingerprint: 'f' },
});

async function viewOf({ api, workspace }: RegistryUnderTest, id = AGENT_A) {
  return valueIn(await api.agent(callFrom(workspace), id));
}

function register(registry: RegistryUnderTest, changes: object = {}, proposed: Partial<Registration> = {}) {
  const ids = { agent_id: AGENT_A, token_id: OWN, ...proposed };
  return registry.api.register(callFrom(registry.workspace), ids, request(changes));
}

/** The principal of an agent's own token. */
const own = (agentId: string, token_id = OWN) => ({ token_id, agent: { id: agentId, registered_by: 'token' } });

/** The contract of how agents register, change, drain and leave. */
export function membershipContract(make: MakeRegistry): void {
  describe('a registered agent', () => {
    it('is known before it connects, with what it said', async () => {
      const registry = await make();
      const changes = {
        labels: ['gpu=true'],
        preferred_technologies: ['TypeScript'],
        repository_urls: ['git@github.com:acme/web.git', 'https://github.com/acme/web'],
      };
      expect(await register(registry, changes)).toEqual({ ok: true, value: { agent_id: AGENT_A, token_id: OWN } });
      expect(await viewOf(registry)).toMatchObject({
        name: 'AGENT-BUILD-01',
        agent_type: 'reviewer',
        capabilities: ['code_review'],
        labels: ['gpu=true'],
        preferred_technologies: ['TypeScript'],
        remotes: ['github.com/acme/web'],
        max_concurrent_capacity: 5,
        performance_tier: 'competent',
        load_level: 'idle',
        state: 'registered',
        connected: false,
        is_available: false,
        unavailable_because: 'It is not connected.',
        leases: [],
        last_seen_at: null,
      });
    });

    it('has a name of its own', async () => {
      const registry = await withAgent(make, { name: 'AGENT-BUILD-01' });
      const taken = await register(registry.registry, {}, { agent_id: AGENT_B });
      expect(taken).toMatchObject({ failure: { code: 'name_taken' } });
      expect(valueIn(await registry.api.agents(callFrom(registry.workspace))).items).toHaveLength(1);
    });

    it('gets another name when it says hello with one that is taken', async () => {
      const registry = await make();
      await register(registry, { name: 'AGENT-TEST' });
      await join(registry, {}, AGENT_B);
      expect((await viewOf(registry, AGENT_B)).name).toBe('AGENT-TEST-BBBB');
      expect((await viewOf(registry)).name).toBe('AGENT-TEST');
    });

    it('connects with its own token, and gets work', async () => {
      const registry = await make();
      await register(registry);
      const agent = await join(registry, { name: 'AGENT-BUILD-01' }, AGENT_A, own(AGENT_A));
      await registry.api.reserve(slotRequest(1));
      await eventually(() => expect(offers(agent)).toHaveLength(1));
      expect(await viewOf(registry)).toMatchObject({
        state: 'connected',
        slots_used: 1,
        load_level: 'critical',
        leases: [{ task_id: slotRequest(1).task_id, epoch: 1, state: 'offered' }],
      });
    });

    it('is spoken for by its own token only', async () => {
      const registry = await make();
      await register(registry, { secret: SECRET });
      for (const token of ['token', own(AGENT_A, 'older')]) {
        const link = await registry.connect(AGENT_A, token);
        link.send(hello());
        await eventually(() => expect(link.closeCode).toBe(CLOSE.superseded));
      }
      const withSecret = await registry.connect(AGENT_A, 'token');
      withSecret.send(hello({ secret: SECRET, name: 'AGENT-BUILD-01' }));
      await eventually(() => expect(withSecret.frames[0]).toMatchObject({ type: 'welcome' }));
    });

    it('keeps its id and gets a new token when it registers again with its secret', async () => {
      const registry = await make();
      await register(registry, { secret: SECRET });
      const agent = await join(registry, { name: 'AGENT-BUILD-01' }, AGENT_A, own(AGENT_A));
      const again = await register(registry, { secret: SECRET }, { agent_id: AGENT_B, token_id: 'newer' });
      expect(again).toEqual({ ok: true, value: { agent_id: AGENT_A, token_id: 'newer' } });
      await eventually(() => expect(agent.closeCode).toBe(CLOSE.superseded));
      const late = await registry.connect(AGENT_A, own(AGENT_A));
      late.send(hello());
      await eventually(() => expect(late.closeCode).toBe(CLOSE.superseded));
      await join(registry, { name: 'AGENT-BUILD-01', instance_id: INSTANCE_2 }, AGENT_A, own(AGENT_A, 'newer'));
      const thief = await register(registry, { secret: 't'.repeat(32) }, { agent_id: AGENT_B });
      expect(thief).toMatchObject({ failure: { code: 'name_taken' } });
    });

    it('keeps the id that it proposes, under any name, and nobody else gets it', async () => {
      const registry = await make();
      await register(registry, { secret: SECRET });
      const renamed = await register(registry, { secret: SECRET, name: 'AGENT-RENAMED' }, { token_id: 'newer' });
      expect(renamed).toEqual({ ok: true, value: { agent_id: AGENT_A, token_id: 'newer' } });
      expect((await viewOf(registry)).name).toBe('AGENT-RENAMED');
      for (const secret of [undefined, 't'.repeat(32)]) {
        const thief = await register(registry, { name: 'AGENT-THIEF', ...(secret && { secret }) });
        expect(thief).toMatchObject({ failure: { code: 'name_taken' } });
      }
    });

    it('is registered once by a repeated request', async () => {
      const registry = await make();
      const call = withKey(registry.workspace, 'k');
      const first = await registry.api.register(call, { agent_id: AGENT_A, token_id: OWN }, request());
      const again = await registry.api.register(call, { agent_id: AGENT_B, token_id: 'other' }, request());
      expect(again).toEqual(first);
      expect(valueIn(await registry.api.agents(callFrom(registry.workspace))).items).toHaveLength(1);
    });

    it('keeps what people have changed until its hello says something new', async () => {
      const registry = await withAgent(make, { capacity: 4 });
      const call = callFrom(registry.workspace);
      const changed = await registry.api.update(call, AGENT_A, { max_concurrent_capacity: 2, labels: ['gpu=true'] });
      expect(valueIn(changed)).toMatchObject({ max_concurrent_capacity: 2, labels: ['gpu=true'], capabilities: [] });
      await join(registry.registry, { capacity: 4 });
      expect(await viewOf(registry)).toMatchObject({ max_concurrent_capacity: 2 });
      await join(registry.registry, { capacity: 6 });
      expect(await viewOf(registry)).toMatchObject({ max_concurrent_capacity: 6, labels: [] });
    });

    it('can hold more than a capacity that was lowered, and is overloaded then', async () => {
      const registry = await withAgent(make, { capacity: 2 });
      for (const task of [1, 2]) {
        await registry.api.reserve(slotRequest(task));
        await accept(registry.registry, registry.agent, slotRequest(task));
      }
      await registry.api.update(callFrom(registry.workspace), AGENT_A, { max_concurrent_capacity: 1 });
      await registry.api.reserve(slotRequest(3));
      expect(await viewOf(registry)).toMatchObject({ load_level: 'overloaded', slots_used: 2, is_available: false });
      expect(offers(registry.agent)).toHaveLength(2);
    });

    it('loses the newest offers that are above a capacity that was lowered', async () => {
      const registry = await withAgent(make, { capacity: 2 });
      for (const task of [1, 2]) await registry.api.reserve(slotRequest(task));
      await eventually(() => expect(offers(registry.agent)).toHaveLength(2));
      await registry.api.update(callFrom(registry.workspace), AGENT_A, { max_concurrent_capacity: 1 });
      expect(await registry.api.reserve(slotRequest(1))).toMatchObject({ state: 'offered' });
      expect(await registry.api.reserve(slotRequest(2))).toMatchObject({ state: 'queued' });
      const cancel = { type: 'cancel', task_id: slotRequest(2).task_id, epoch: 1 };
      await eventually(() => expect(registry.agent.frames.at(-1)).toEqual(cancel));
    });

    it('is listed by what it is and can do', async () => {
      const registry = await withAgent(make, { labels: ['gpu=true'], capabilities: ['testing'] });
      await register(registry.registry, {}, { agent_id: AGENT_B });
      const list = async (filter: object) => {
        const page = await registry.api.agents(callFrom(registry.workspace), { ...ALL_AGENTS, ...filter });
        return valueIn(page).items.map(({ id }) => id);
      };
      expect(await list({})).toEqual([AGENT_B, AGENT_A]);
      expect(await list({ capability: ['testing'] })).toEqual([AGENT_A]);
      expect(await list({ capability: ['testing', 'code_review'] })).toEqual([]);
      expect(await list({ label: ['gpu=true'] })).toEqual([AGENT_A]);
      expect(await list({ agent_type: ['reviewer', 'architect'] })).toEqual([AGENT_B]);
      expect(await list({ performance_tier: ['elite'] })).toEqual([]);
      expect(await list({ is_available: true })).toEqual([AGENT_A]);
      expect(await list({ is_available: false })).toEqual([AGENT_B]);
    });
  });

  describe('an agent’s performance', () => {
    const result = (changes: Partial<AssignmentResult> = {}): AssignmentResult => ({
      ...{ agent_id: AGENT_A, status: 'completed', own_fault: false, ended_at: 1_768_000_000_000 },
      ...{ duration_ms: 60_000, cost_usd: 0.5, session_type: 'execution', capabilities: ['testing'] },
      ...changes,
    });
    const performance = async ({ api, workspace }: RegistryUnderTest) =>
      valueIn(await api.performance(callFrom(workspace), AGENT_A));

    it('is unknown at first, and then counted by capability and by day', async () => {
      const { registry, api } = await withAgent(make);
      expect(await performance(registry)).toMatchObject({
        performance_tier: 'competent',
        reason: '0 results are too few to judge; 5 are needed.',
        counts: { completed: 0, partial: 0, failed: 0 },
        duration: { p50_ms: null, p95_ms: null },
        circuit: 'closed',
        by_capability: [],
        by_day: [],
      });
      const day = 86_400_000;
      for (const [task, changes] of [
        {},
        { status: 'partial', ended_at: result().ended_at + day, duration_ms: 30_000 },
        { status: 'failed', ended_at: result().ended_at + day + 1, capabilities: [] },
      ].entries()) {
        await api.release(slotRequest(task + 1).task_id, 1, result(changes as Partial<AssignmentResult>));
      }
      expect(await performance(registry)).toMatchObject({
        counts: { completed: 1, partial: 1, failed: 1 },
        duration: { p50_ms: 60_000, p95_ms: 60_000 },
        cost_usd: 1.5,
        by_capability: [{ capability: 'testing', counts: { completed: 1, partial: 1, failed: 0 } }],
        by_day: [
          {
            ...{ day: '2026-01-10', counts: { completed: 0, partial: 1, failed: 1 }, cost_usd: 1 },
            ...{ duration: { p50_ms: 30_000, p95_ms: 60_000 }, success: { estimate: expect.any(Number) } },
            reason: '2 results are too few to judge; 5 are needed.',
          },
          { day: '2026-01-09', counts: { completed: 1, partial: 0, failed: 0 }, cost_usd: 0.5 },
        ],
      });
    });

    it('has a rating’s quality, by capability and by day too, for every order of arrival', async () => {
      const rated = (quality: number, number: number) => result({ rating: { quality, number } });
      for (const deliveries of [
        [result(), rated(0.2, 1), rated(0.95, 2)],
        [rated(0.95, 2), rated(0.2, 1), result()],
        [rated(0.2, 1), rated(0.95, 2), rated(0.2, 1)],
      ]) {
        const { registry, api } = await withAgent(make);
        for (const delivery of deliveries) await api.release(slotRequest(1).task_id, 1, delivery);
        await api.release(slotRequest(2).task_id, 1, result({ ended_at: result().ended_at - 86_400_000 }));
        expect(await performance(registry)).toMatchObject({
          counts: { completed: 2, partial: 0, failed: 0 },
          quality: 0.95,
          by_capability: [{ capability: 'testing', quality: 0.95 }],
          by_day: [{ quality: 0.95 }, { quality: null }],
        });
      }
    });

    it('makes an agent elite by its ratings, and no more by a later one', async () => {
      const { registry, api } = await withAgent(make);
      const finish = (task: number, changes: Partial<AssignmentResult> = {}) =>
        api.release(slotRequest(task).task_id, 1, result({ ended_at: result().ended_at + task, ...changes }));
      for (let task = 1; task <= 60; task++) await finish(task);
      expect(await viewOf(registry)).toMatchObject({ performance_tier: 'advanced' });
      await finish(60, { rating: { quality: 0.95, number: 1 } });
      expect(await viewOf(registry)).toMatchObject({ performance_tier: 'elite' });
      await finish(60, { rating: { quality: 0.5, number: 2 } });
      expect(await performance(registry)).toMatchObject({
        performance_tier: 'advanced',
        reason: expect.stringContaining('the quality is 0.50'),
        by_capability: [{ capability: 'testing', performance_tier: 'advanced' }],
        by_day: [{ performance_tier: 'advanced' }],
      });
    });

    it('makes an agent elite by checks that pass, and a rating counts instead of them', async () => {
      const { registry, api } = await withAgent(make);
      const finish = (task: number, changes: Partial<AssignmentResult>) =>
        api.release(slotRequest(task).task_id, 1, result({ ended_at: result().ended_at + task, ...changes }));
      for (let task = 1; task <= 60; task++) await finish(task, { checks: { passed: true, rounds: 0 } });
      expect(await performance(registry)).toMatchObject({ performance_tier: 'elite', quality: 1 });
      for (let task = 61; task <= 70; task++) await finish(task, { checks: { passed: true, rounds: 2 } });
      expect(await performance(registry)).toMatchObject({ performance_tier: 'advanced' });
      for (let task = 61; task <= 70; task++) {
        await finish(task, { checks: { passed: true, rounds: 2 }, rating: { quality: 1, number: 1 } });
      }
      expect(await performance(registry)).toMatchObject({ performance_tier: 'elite', quality: 1 });
    });

    it('does not count a rating as another failure', async () => {
      const { registry, api } = await withAgent(make);
      const failed = result({ status: 'failed', own_fault: true });
      for (const number of [0, 1, 2, 3]) {
        const rating = number === 0 ? {} : { rating: { quality: number / 10, number } };
        await api.release(slotRequest(1).task_id, 1, { ...failed, ...rating });
      }
      expect(await performance(registry)).toMatchObject({ circuit: 'closed', counts: { failed: 1 }, quality: 0.3 });
    });

    it('counts a repeated result once, also when the agent has reported the end before', async () => {
      const { registry, api, agent } = await withAgent(make);
      await api.reserve(slotRequest(1));
      await accept(registry, agent, slotRequest(1));
      agent.send({ type: 'ended', task_id: slotRequest(1).task_id, epoch: 1 });
      await eventually(async () => expect(await use(registry)).toBe(0));
      for (const _ of [1, 2]) await api.release(slotRequest(1).task_id, 1, result());
      expect((await performance(registry)).counts).toEqual({ completed: 1, partial: 0, failed: 0 });
    });

    it('decides its tier and which agent gets work', async () => {
      const { registry, api, agent } = await withAgent(make, { capacity: 4 });
      const other = await join(registry, { name: 'AGENT-OTHER', capacity: 4 }, AGENT_B);
      for (let task = 10; task < 16; task++) {
        await api.release(
          slotRequest(task).task_id,
          1,
          result({ agent_id: AGENT_B, ended_at: result().ended_at + task }),
        );
        await api.release(
          slotRequest(task).task_id,
          2,
          result({ status: 'failed', ended_at: result().ended_at + task }),
        );
      }
      expect(await viewOf(registry)).toMatchObject({ performance_tier: 'degraded' });
      for (const task of [1, 2]) await api.reserve(slotRequest(task));
      await eventually(() => expect(offers(other)).toHaveLength(2));
      expect(offers(agent)).toEqual([]);
    });

    it('opens its circuit after three failures of its own in a row, and a success of its probe closes it', async () => {
      const { registry, api, agent } = await withAgent(make, { capacity: 2 });
      for (const task of [10, 11, 12]) {
        const ended_at = result().ended_at + task;
        const failed = result({ status: 'failed', own_fault: true, ended_at, duration_ms: 0 });
        await api.release(slotRequest(task).task_id, 1, failed);
      }
      for (const task of [1, 2]) expect(await api.reserve(slotRequest(task))).toMatchObject({ state: 'queued' });
      expect(await viewOf(registry)).toMatchObject({
        is_available: false,
        unavailable_because: 'It has failed several times in a row, and gets work again after a pause.',
      });
      agent.send('ping');
      await registry.advance(59_000);
      expect(offers(agent)).toEqual([]);
      await join(registry, { capacity: 2 });
      await registry.advance(1_500);
      const [probe] = await waitForOffers(registry, 1);
      await api.release(probe!, 1, result({ ended_at: result().ended_at + 100 }));
      await waitForOffers(registry, 1);
      expect((await performance(registry)).circuit).toBe('closed');
    });

    /** The tasks that the agent holds, when there are so many. */
    async function waitForOffers(registry: RegistryUnderTest, count: number): Promise<string[]> {
      await eventually(async () => expect((await viewOf(registry)).leases).toHaveLength(count));
      return (await viewOf(registry)).leases.map(({ task_id }) => task_id);
    }
  });

  describe('an agent that drains', () => {
    const drain = { timeout_seconds: 3_600 };

    it('gets no new work, returns its open offer, finishes what it has, and gets work again after a resume', async () => {
      const registry = await withAgent(make, { capacity: 2 });
      const { api, agent } = registry;
      const call = callFrom(registry.workspace);
      await api.reserve(slotRequest(1));
      await accept(registry.registry, agent, slotRequest(1));
      await api.reserve(slotRequest(2));
      expect(valueIn(await api.drain(call, AGENT_A, { ...drain, reason: 'maintenance' }))).toMatchObject({
        state: 'draining',
        is_available: false,
        unavailable_because: 'It is draining (maintenance).',
        slots_used: 1,
      });
      expect(await api.reserve(slotRequest(2))).toMatchObject({ state: 'queued' });
      await eventually(() => expect(agent.frames.at(-1)).toMatchObject({ type: 'cancel' }));
      agent.send({ type: 'ended', task_id: slotRequest(1).task_id, epoch: 1 });
      await eventually(async () => expect(await use(registry.registry)).toBe(0));
      expect((await viewOf(registry)).state).toBe('draining');
      expect(valueIn(await api.resume(call, AGENT_A))).toMatchObject({ state: 'connected' });
      await registry.advance(6_000);
      await eventually(() => expect(offers(agent).filter((id) => id === slotRequest(2).task_id)).toHaveLength(2));
    });

    it('loses the leases that it still has at its deadline, and each session hears of it', async () => {
      const registry = await withAgent(make);
      await registry.api.reserve(slotRequest(1));
      await accept(registry.registry, registry.agent, slotRequest(1));
      await registry.api.drain(callFrom(registry.workspace), AGENT_A, { timeout_seconds: 60 });
      await registry.advance(59_000);
      expect(await use(registry.registry)).toBe(1);
      await registry.advance(2_000);
      expect(await use(registry.registry)).toBe(0);
      await eventually(() =>
        expect(registry.registry.evictions()).toEqual([
          { task_id: slotRequest(1).task_id, epoch: 1, reason: 'agent_drained' },
        ]),
      );
    });

    it('is removed when it leaves and has no work, and its token ends', async () => {
      const registry = await make();
      const call = callFrom(registry.workspace);
      await register(registry);
      const agent = await join(registry, { name: 'AGENT-BUILD-01' }, AGENT_A, own(AGENT_A));
      await registry.api.reserve(slotRequest(1));
      await accept(registry, agent, slotRequest(1));
      expect(await registry.api.deregister(call, AGENT_A, { ...drain, force: false })).toEqual({
        ok: true,
        value: null,
      });
      expect((await viewOf(registry)).state).toBe('leaving');
      expect(await registry.api.resume(call, AGENT_A)).toMatchObject({ failure: { code: 'agent_leaving' } });
      await registry.api.release(slotRequest(1).task_id, 1);
      await registry.advance(10);
      await eventually(() => expect(agent.closeCode).toBe(CLOSE.superseded));
      expect(await registry.api.agent(call, AGENT_A)).toMatchObject({ failure: { code: 'not_found' } });
      const late = await registry.connect(AGENT_A, own(AGENT_A));
      late.send(hello());
      await eventually(() =>
        expect(late.frames).toEqual([{ type: 'superseded', reason: 'this agent was removed', removed: true }]),
      );
    });

    it('is removed at once by force, with its leases taken', async () => {
      const registry = await withAgent(make);
      const call = callFrom(registry.workspace);
      await registry.api.reserve(slotRequest(1));
      await accept(registry.registry, registry.agent, slotRequest(1));
      await registry.api.deregister(call, AGENT_A, { ...drain, force: true });
      expect(await registry.api.agent(call, AGENT_A)).toMatchObject({ failure: { code: 'not_found' } });
      await eventually(() => expect(registry.registry.evictions()).toHaveLength(1));
      expect(await registry.api.reserve(slotRequest(1))).toEqual({ state: 'ended' });
    });

    it('must exist', async () => {
      const registry = await withAgent(make);
      const call = callFrom(registry.workspace);
      const missing = { failure: { code: 'not_found' } };
      expect(await registry.api.drain(call, AGENT_B, drain)).toMatchObject(missing);
      expect(await registry.api.resume(call, AGENT_B)).toMatchObject(missing);
      expect(await registry.api.update(call, AGENT_B, {})).toMatchObject(missing);
      expect(await registry.api.deregister(call, AGENT_B, { ...drain, force: false })).toMatchObject(missing);
    });
  });
}
