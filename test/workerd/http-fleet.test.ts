import { describe, expect, it } from 'vitest';
import type { AgentList, AgentPerformance, AgentView, RegisteredAgent } from '../../src/protocol/agent/agent.ts';
import { MAX_AGENT_CAPACITY, MAX_LABELS } from '../../src/protocol/common/limits.ts';
import { type Ask, ask, newWorkspace, signToken } from './http-support.ts';

const AGENT = { name: 'AGENT-BUILD-01', agent_type: 'implementer', capabilities: ['code_generation', 'testing'] };

/** The fleet of a new workspace, with the token of an operator. */
async function fleet() {
  const token = await signToken('operator', newWorkspace());
  const send = (path = '', options: Ask = {}) => ask(`/api/v1/agents${path}`, { token, ...options });
  const list = async () => ((await (await send()).json()) as AgentList).items;
  const register = async (changes: object = {}) => {
    const response = await send('', { body: { ...AGENT, ...changes } });
    expect(response.status).toBe(201);
    return (await response.json()) as RegisteredAgent;
  };
  return { send, list, register };
}

async function errorOf(response: Response): Promise<unknown[]> {
  const { code, errors } = (await response.json()) as { code: string; errors?: { path: string }[] };
  return [response.status, code, ...(errors ?? []).map(({ path }) => path)];
}

describe('an agent over the API', () => {
  it('is registered with defaults and its own token, read, listed, changed, drained, resumed and removed', async () => {
    const { send, list, register } = await fleet();
    const { token, ...agent } = await register();
    expect(token).toMatch(/\S+\.\S+\.\S+/);
    expect(agent).toMatchObject({
      ...AGENT,
      ...{ max_concurrent_capacity: 5, labels: [], performance_tier: 'competent', load_level: 'idle' },
      ...{ state: 'registered', is_available: false, last_seen_at: null },
    });
    expect(await list()).toEqual([agent]);
    const path = `/${agent.id}`;
    const performance = (await (await send(`${path}/performance`)).json()) as AgentPerformance;
    expect(performance).toMatchObject({ counts: { completed: 0, partial: 0, failed: 0 }, quality: null, by_day: [] });
    const changed = await send(path, { method: 'PATCH', body: { max_concurrent_capacity: 2 } });
    expect((await changed.json()) as AgentView).toMatchObject({ max_concurrent_capacity: 2, labels: [] });
    const drained = await send(`${path}/drain`, { body: { reason: 'maintenance' } });
    expect((await drained.json()) as AgentView).toMatchObject({ state: 'draining' });
    const resumed = await send(`${path}/resume`, { body: {} });
    expect((await resumed.json()) as AgentView).toMatchObject({ state: 'registered' });
    expect((await send(path, { method: 'DELETE' })).status).toBe(204);
    expect(await list()).toEqual([]);
    expect((await send(path)).status).toBe(404);
  });

  it('is found by what it is and can do', async () => {
    const { send, register } = await fleet();
    await register({ labels: ['gpu=true'] });
    await register({ name: 'AGENT-REVIEW', agent_type: 'reviewer', capabilities: ['code_review'] });
    for (const [query, names] of [
      ['capability=code_review', ['AGENT-REVIEW']],
      ['capability=testing&capability=code_generation', ['AGENT-BUILD-01']],
      ['agent_type=reviewer', ['AGENT-REVIEW']],
      ['label=gpu=true', ['AGENT-BUILD-01']],
      ['performance_tier=competent', ['AGENT-BUILD-01', 'AGENT-REVIEW']],
      ['is_available=true', []],
    ] as const) {
      const { items } = (await (await send(`?${query}`)).json()) as AgentList;
      expect([query, items.map(({ name }) => name)]).toEqual([query, names]);
    }
    expect(await errorOf(await send('?capability=flying'))).toEqual([422, 'validation_failed', 'capability.0']);
  });

  it.each<[string, object, string]>([
    ['a name in small letters', { name: 'agent-build' }, 'name'],
    ['a name without its prefix', { name: 'BUILD-01' }, 'name'],
    ['an unknown type', { agent_type: 'wizard' }, 'agent_type'],
    ['an unknown capability', { capabilities: ['testing', 'flying'] }, 'capabilities.1'],
    ['capabilities that are no list', { capabilities: 'testing' }, 'capabilities'],
    ['no capacity', { max_concurrent_capacity: 0 }, 'max_concurrent_capacity'],
    ['too much capacity', { max_concurrent_capacity: MAX_AGENT_CAPACITY + 1 }, 'max_concurrent_capacity'],
    ['half a slot', { max_concurrent_capacity: 1.5 }, 'max_concurrent_capacity'],
    ['too many labels', { labels: Array.from({ length: MAX_LABELS + 1 }, (_, n) => `n=${n}`) }, 'labels'],
    ['a negative price', { cost_per_token_usd: -1 }, 'cost_per_token_usd'],
    ['a short secret', { secret: 'short' }, 'secret'],
  ])('is not registered, and not changed, with %s', async (_what, changes, path) => {
    const { send, list, register } = await fleet();
    expect(await errorOf(await send('', { body: { ...AGENT, ...changes } }))).toEqual([422, 'validation_failed', path]);
    expect(await list()).toEqual([]);
    const { token: _, ...agent } = await register();
    const patched = await send(`/${agent.id}`, { method: 'PATCH', body: changes });
    expect((await errorOf(patched)).slice(0, 2)).toEqual([422, 'validation_failed']);
    expect(await list()).toEqual([agent]);
  });

  it('keeps its name to itself', async () => {
    const { send, list, register } = await fleet();
    await register();
    expect(await errorOf(await send('', { body: AGENT }))).toEqual([409, 'name_taken']);
    expect(await list()).toHaveLength(1);
  });
});

describe('routing a task over the API', () => {
  const TASK = { task_description: 'Review the change', required_capabilities: ['code_review'] };

  it('says which requirement no agent meets, and when those that meet all cannot take it now', async () => {
    const { send, register } = await fleet();
    await register();
    expect(await errorOf(await send('/route', { body: TASK }))).toEqual([409, 'no_capable_agent']);
    const able = { ...TASK, required_capabilities: ['testing'] };
    expect(await errorOf(await send('/route', { body: able }))).toEqual([409, 'no_agent_available']);
  });

  it.each<[string, object, string]>([
    ['no description', { task_description: ' ' }, 'task_description'],
    ['an unknown capability', { required_capabilities: ['flying'] }, 'required_capabilities.0'],
    ['a label without a value', { required_labels: ['gpu'] }, 'required_labels.0'],
    ['an unknown tier', { min_performance_tier: 'best' }, 'min_performance_tier'],
  ])('is refused with %s', async (_what, changes, path) => {
    const { send } = await fleet();
    const refused = await send('/route', { body: { ...TASK, ...changes } });
    expect(await errorOf(refused)).toEqual([422, 'validation_failed', path]);
  });
});
