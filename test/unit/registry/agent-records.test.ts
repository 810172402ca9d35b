import { describe, expect, it } from 'vitest';
import { registryDestinations } from '../../../durable-objects/agent-registry/destinations.ts';
import type { AgentRecord } from '../../../src/ports/agent-history.ts';
import type { AssignmentResult } from '../../../src/ports/agent-registry.ts';
import { RegisterAgentRequest } from '../../../src/protocol/agent/agent.ts';
import { MAX_ID_CHARS, MAX_NAME_CHARS } from '../../../src/protocol/common/bounds.ts';
import {
  MAX_AGENTS,
  MAX_LABEL_CHARS,
  MAX_LABELS,
  MAX_REMOTE_CHARS,
  MAX_REMOTES,
  MAX_TECHNOLOGIES,
  MAX_TECHNOLOGY_CHARS,
} from '../../../src/protocol/common/limits.ts';
import { everyStatement } from '../../support/every-statement.ts';
import { MemoryAgentHistory } from '../../support/memory-agent-history.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { AGENT_A, AGENT_B, callFrom, hello, slotRequest } from '../ports/agent-registry.fixture.ts';

const HOUR_MS = 3_600_000;
const REVIEW_MS = 6 * HOUR_MS;
const call = callFrom('default');
const forced = { timeout_seconds: 0, force: true };

/** A database that keeps each delivery, and can be away. */
class Database extends MemoryAgentHistory {
  readonly deliveries: AgentRecord[] = [];
  isAway = false;

  override async recordAgent(agent: AgentRecord): Promise<void> {
    if (this.isAway) throw new Error('the database cannot be reached');
    this.deliveries.push(agent);
    await super.recordAgent(agent);
  }
}

function recorded(platform = new NodePlatform()) {
  const history = new Database();
  const registry = new RegistryInProcess({ platform, history });
  const newest = (id = AGENT_A) => history.agent('default', id);
  return { history, registry, platform, newest };
}

function register({ runtime }: RegistryInProcess, changes: object = {}, agent_id = AGENT_A) {
  const request = { name: 'AGENT-BUILD-01', agent_type: 'reviewer', capabilities: ['testing'], ...changes };
  return runtime.register(call, { agent_id, token_id: 'own' }, RegisterAgentRequest().parse(request));
}

function finish({ runtime }: RegistryInProcess, task: number, status: AssignmentResult['status']): void {
  const result = { agent_id: AGENT_A, status, own_fault: false, duration_ms: 1, cost_usd: 0, capabilities: [] };
  const { task_id } = slotRequest(task);
  runtime.release({ task_id, epoch: 1 }, { ...result, ended_at: 1_768_000_000_000 + task, session_type: 'execution' });
}

it('an agent is recorded with what a request or its hello says, and with each change', async () => {
  const { history, registry, platform, newest } = recorded();
  register(registry, {
    labels: ['gpu=true'],
    model: 'demo/scripted',
    repository_urls: ['https://github.com/acme/web'],
  });
  await platform.settle();
  expect(await newest()).toEqual({
    ...{ workspace: 'default', agent_id: AGENT_A, name: 'AGENT-BUILD-01', agent_type: 'reviewer' },
    ...{ capabilities: ['testing'], labels: ['gpu=true'], preferred_technologies: [], max_concurrent_capacity: 5 },
    ...{ model: 'demo/scripted', cost_per_token_usd: null, repository: null, remotes: ['github.com/acme/web'] },
    ...{ version: null, performance_tier: 'competent', removed_at: null },
    rev: platform.now(),
    changed_at: new Date(platform.now()).toISOString(),
  });
  registry.runtime.update(call, AGENT_A, { max_concurrent_capacity: 2 });
  await platform.settle();
  expect(await newest()).toMatchObject({ max_concurrent_capacity: 2, labels: ['gpu=true'] });
  const client = registry.connect(AGENT_B);
  client.send(hello({ version: '0.1.0' }));
  await platform.settle();
  expect(await newest(AGENT_B)).toMatchObject({ name: 'AGENT-TEST', version: '0.1.0', model: 'test/scripted' });
  const count = history.deliveries.length;
  registry.connect(AGENT_B).send(hello({ version: '0.1.0' }));
  await platform.settle();
  expect(history.deliveries, 'a repeated hello changes nothing').toHaveLength(count);
});

it('an agent is recorded with a new tier, and not with each result', async () => {
  const { history, registry, platform, newest } = recorded();
  register(registry);
  for (let task = 1; task <= 8; task++) {
    finish(registry, task, 'failed');
    await platform.settle();
  }
  const tiers = history.deliveries.map(({ performance_tier }) => performance_tier);
  expect(tiers.at(-1)).toBe('degraded');
  expect(new Set(tiers).size).toBe(tiers.length);
  expect(await newest()).toMatchObject({ performance_tier: 'degraded' });
});

it('an agent that is removed is recorded as such, by request and when it was not seen for a day', async () => {
  const { registry, platform, newest } = recorded();
  register(registry);
  registry.runtime.deregister(call, AGENT_A, forced);
  const client = registry.connect(AGENT_B);
  client.send(hello());
  client.close();
  await platform.settle();
  const at = new Date(platform.now()).toISOString();
  expect(await newest()).toMatchObject({ name: 'AGENT-BUILD-01', removed_at: at, changed_at: at });
  for (let reviews = 0; reviews < 5; reviews++) await registry.advance(REVIEW_MS);
  expect(await newest(AGENT_B)).toMatchObject({ name: 'AGENT-TEST', removed_at: expect.any(String) });
});

it('an agent that registers again in the same millisecond is recorded as registered', async () => {
  const { registry, platform, newest } = recorded();
  for (const name of ['AGENT-ONE', 'AGENT-TWO', 'AGENT-THREE']) {
    register(registry, { name });
    await platform.settle();
    registry.runtime.deregister(call, AGENT_A, forced);
    await platform.settle();
    expect(await newest()).toMatchObject({ name, removed_at: expect.any(String) });
  }
  register(registry, { name: 'AGENT-FOUR' });
  await platform.settle();
  expect(await newest()).toMatchObject({ name: 'AGENT-FOUR', removed_at: null });
});

it('the longest hello that is accepted is recorded', async () => {
  const { registry, platform, newest } = recorded();
  // Each of these characters has six in JSON.
  const long = (length: number) => '\u0001'.repeat(length);
  const labels = Array.from({ length: MAX_LABELS }, () => long(MAX_LABEL_CHARS));
  const preferred_technologies = Array.from({ length: MAX_TECHNOLOGIES }, () => long(MAX_TECHNOLOGY_CHARS));
  const remotes = Array.from({ length: MAX_REMOTES }, () => 'r'.repeat(MAX_REMOTE_CHARS));
  const hers = { labels, preferred_technologies, remotes, model: long(MAX_ID_CHARS), version: long(MAX_NAME_CHARS) };
  registry.connect(AGENT_A).send(hello(hers));
  await platform.settle();
  expect(await newest()).toMatchObject({ labels, model: hers.model });
});

describe('while the database is away', () => {
  it('so many agents can wait for it as a workspace has, and more, but not without end', () => {
    const history = registryDestinations({ evict: async () => {}, history: new Database() }).at(-1)!;
    expect(history.entries_max).toBeGreaterThan(MAX_AGENTS);
    expect(history.entries_max).toBeLessThanOrEqual(2 * MAX_AGENTS);
  });

  it('agents register and leave all the same, and their newest states arrive when it returns', async () => {
    const { history, registry, platform, newest } = recorded();
    history.isAway = true;
    register(registry);
    registry.runtime.update(call, AGENT_A, { max_concurrent_capacity: 2 });
    registry.connect(AGENT_B).send(hello());
    registry.runtime.deregister(call, AGENT_B, forced);
    await registry.advance(3 * HOUR_MS);
    registry.evict();
    expect(registry.runtime.agent(call, AGENT_A)).toMatchObject({ ok: true });
    expect(history.deliveries).toEqual([]);
    history.isAway = false;
    await registry.advance(REVIEW_MS);
    expect(history.deliveries).toHaveLength(2);
    expect(await newest()).toMatchObject({ max_concurrent_capacity: 2, removed_at: null });
    expect(await newest(AGENT_B)).toMatchObject({ removed_at: expect.any(String) });
    expect(platform.dump().outbox).toEqual([]);
  });
});

it('without a database, nothing is written for it; agents from before it are recorded by a review', async () => {
  const platform = new NodePlatform();
  const before = new RegistryInProcess({ platform });
  register(before);
  await platform.settle();
  expect(platform.dump()).toMatchObject({ outbox: [], agents: [{ rev: 0 }] });
  const { registry, newest, history } = recorded(platform);
  await registry.advance(REVIEW_MS);
  expect(await newest()).toMatchObject({ name: 'AGENT-BUILD-01', removed_at: null });
  await registry.advance(2 * REVIEW_MS);
  expect(history.deliveries).toHaveLength(1);
});

it('an agent is recorded by the transaction that registers it', async () => {
  await everyStatement(
    (platform) => recorded(platform),
    ({ registry }) => register(registry),
    ({ platform }) => platform.dump().outbox,
  );
});
