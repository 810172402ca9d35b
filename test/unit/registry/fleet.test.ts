import { describe, expect, it } from 'vitest';
import { ALL_AGENTS, type AssignmentResult } from '../../../src/ports/agent-registry.ts';
import { AgentName, RegisterAgentRequest } from '../../../src/protocol/agent/agent.ts';
import type { ControlDown } from '../../../src/protocol/agent/control-socket.ts';
import { MAX_AGENTS_OF_TOKEN } from '../../../src/protocol/common/limits.ts';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { valueIn } from '../../support/value-in.ts';
import { AGENT_A, AGENT_B, callFrom, hello, INSTANCE_2, slotRequest } from '../ports/agent-registry.fixture.ts';

const call = callFrom('default');
const SECRET = 's'.repeat(32);
const NAME = 'AGENT-BUILD-01';
const REVIEW_MS = 21_600_000;
const HOUR = { timeout_seconds: 3_600 };

const own = (id: string, token_id = 'own') => ({ token_id, agent: { id, registered_by: 'token' } });
const key = (task: number) => ({ task_id: slotRequest(task).task_id, epoch: 1 });

/** A registry, with what it has told sessions. */
class Fleet extends RegistryInProcess {
  readonly evictions: unknown[];

  constructor() {
    const evictions: unknown[] = [];
    super({ evict: async (_key, eviction) => void evictions.push(eviction) });
    this.evictions = evictions;
  }

  register(changes: object = {}, ids: { agent_id?: string; token_id?: string } = {}) {
    const request = RegisterAgentRequest().parse({ name: NAME, agent_type: 'reviewer', capabilities: [], ...changes });
    return this.runtime.register(call, { agent_id: AGENT_A, token_id: 'own', ...ids }, request);
  }

  view(id = AGENT_A) {
    return valueIn(this.runtime.agent(call, id));
  }

  finish(task: number, changes: Partial<AssignmentResult> = {}): void {
    const ended = { ended_at: 1_768_000_000_000 + task, duration_ms: 1, cost_usd: 0 };
    const result = { agent_id: AGENT_A, status: 'completed', own_fault: false, ...ended } as const;
    this.runtime.release(key(task), { ...result, session_type: 'execution', capabilities: [], ...changes });
  }

  /** Three failures in a row. */
  breakCircuit(): void {
    for (const task of [11, 12, 13]) this.finish(task, { status: 'failed', own_fault: true });
  }

  async advanceDays(days: number): Promise<void> {
    for (let reviews = 0; reviews < days * 4; reviews++) await this.advance(REVIEW_MS);
  }
}

describe('an agent’s results', () => {
  it('older than the newest 200 change nothing, and neither do their ratings', async () => {
    const fleet = new Fleet();
    fleet.register();
    for (let task = 100; task < 300; task++) fleet.finish(task);
    const performance = () => valueIn(fleet.runtime.performance(call, AGENT_A));
    const before = performance();
    expect(before.counts).toEqual({ completed: 200, partial: 0, failed: 0 });
    fleet.breakCircuit();
    fleet.finish(14, { rating: { quality: 0, number: 1 } });
    expect(performance()).toEqual(before);
    fleet.finish(300, { status: 'failed' });
    expect(performance().counts).toEqual({ completed: 199, partial: 0, failed: 1 });
  });
});

describe('a drain', () => {
  it('takes the lease whose acceptance has crossed it, at its deadline', async () => {
    const fleet = new Fleet();
    const agent = fleet.connect(AGENT_A);
    agent.send(hello());
    fleet.runtime.reserve(slotRequest(1));
    valueIn(fleet.runtime.drain(call, AGENT_A, HOUR));
    agent.send({ type: 'accepted', ...key(1) });
    expect(fleet.runtime.reserve(slotRequest(1))).toMatchObject({ state: 'accepted' });
    await fleet.advance(3_500_000);
    expect(fleet.evictions).toEqual([]);
    await fleet.advance(100_000);
    expect(fleet.evictions).toMatchObject([{ ...key(1) }]);
  });

  it('tells the session of an offer to an agent that is removed, because it may be a lease by now', async () => {
    const fleet = new Fleet();
    fleet.connect(AGENT_A).send(hello());
    fleet.runtime.reserve(slotRequest(1));
    valueIn(fleet.runtime.deregister(call, AGENT_A, { ...HOUR, force: true }));
    await fleet.advance(1);
    expect(fleet.evictions).toMatchObject([{ ...key(1) }]);
    expect(fleet.runtime.reserve(slotRequest(1))).toEqual({ state: 'ended' });
  });

  it('outlives days in which the agent is switched off', async () => {
    const fleet = new Fleet();
    const agent = fleet.connect(AGENT_A);
    agent.send(hello());
    valueIn(fleet.runtime.drain(call, AGENT_A, HOUR));
    agent.close();
    await fleet.advanceDays(3);
    fleet.connect(AGENT_A).send(hello({ instance_id: INSTANCE_2 }));
    expect(fleet.view().state).toBe('draining');
  });

  it('gives agents a minute to report when the registry was down at its deadline', async () => {
    const fleet = new Fleet();
    const agent = fleet.connect(AGENT_A);
    agent.send(hello());
    fleet.runtime.reserve(slotRequest(1));
    agent.send({ type: 'accepted', ...key(1) });
    valueIn(fleet.runtime.drain(call, AGENT_A, { timeout_seconds: 60 }));
    fleet.platform.clock += 600_000;
    fleet.runtime.alarm();
    expect(fleet.view().leases).toHaveLength(1);
    await fleet.advance(61_000);
    expect(fleet.view().leases).toEqual([]);
  });
});

describe('a registered agent', () => {
  it('is not forgotten for another one, as long as it is new', () => {
    const fleet = new Fleet();
    for (let number = 0; number < MAX_AGENTS_OF_TOKEN; number++) {
      const agent_id = `${(number + 0x10000000).toString(16)}-8a52-4f0c-9d0b-0d6f3a1b2c3d`;
      valueIn(fleet.register({ name: `AGENT-N${number}` }, { agent_id, token_id: `own-${number}` }));
    }
    expect(fleet.register({ name: 'AGENT-MORE' })).toMatchObject({ failure: { code: 'limit_reached' } });
  });

  it('is kept when it registers again after a month without work', async () => {
    const fleet = new Fleet();
    valueIn(fleet.register({ secret: SECRET }));
    for (let day = 0; day < 31; day++) {
      const agent = fleet.connect(AGENT_A, own(AGENT_A));
      agent.send(hello({ name: NAME }));
      await fleet.advanceDays(1);
      agent.close();
    }
    valueIn(fleet.register({ secret: SECRET }, { agent_id: AGENT_B, token_id: 'newer' }));
    await fleet.advance(REVIEW_MS);
    expect(fleet.view().state).toBe('offline');
  });

  it('says everything again with the hello after a registration', () => {
    const fleet = new Fleet();
    const said = hello({ name: NAME, secret: SECRET, repository: 'a'.repeat(40), remotes: ['github.com/a/b'] });
    fleet.connect(AGENT_A).send(said);
    valueIn(fleet.register({ secret: SECRET }, { agent_id: AGENT_B }));
    fleet.connect(AGENT_A).send({ ...said, instance_id: INSTANCE_2 });
    expect(fleet.view()).toMatchObject({ repository: said.repository, remotes: said.remotes, version: '0.1.0' });
  });

  it('is not registered again while it leaves', () => {
    const fleet = new Fleet();
    valueIn(fleet.register({ secret: SECRET }));
    const agent = fleet.connect(AGENT_A, own(AGENT_A));
    agent.send(hello({ name: NAME }));
    fleet.runtime.reserve(slotRequest(1));
    agent.send({ type: 'accepted', ...key(1) });
    valueIn(fleet.runtime.deregister(call, AGENT_A, { ...HOUR, force: false }));
    expect(fleet.register({ secret: SECRET })).toMatchObject({ failure: { code: 'agent_leaving' } });
  });

  it('keeps its name, whatever its hello says', () => {
    const fleet = new Fleet();
    valueIn(fleet.register());
    fleet.connect(AGENT_A, own(AGENT_A)).send(hello({ name: 'AGENT-OTHER' }));
    expect(fleet.view().name).toBe(NAME);
  });

  it('takes its results along when it is forgotten', async () => {
    const fleet = new Fleet();
    const agent = fleet.connect(AGENT_A);
    agent.send(hello());
    fleet.finish(1);
    agent.close();
    await fleet.advanceDays(3);
    expect(fleet.platform.dump()).toMatchObject({ agents: [], agent_results: [] });
  });
});

describe('an agent that chooses its own name', () => {
  it('gets one that nobody has', () => {
    const fleet = new Fleet();
    valueIn(fleet.register({ name: 'AGENT-TEST' }));
    const third = { agent_id: 'cccccccc-8a52-4f0c-9d0b-0d6f3a1b2c3d', token_id: 'own-3' };
    valueIn(fleet.register({ name: 'AGENT-TEST-BBBB' }, third));
    fleet.connect(AGENT_B).send(hello());
    expect(fleet.view(AGENT_B).name).toBe('AGENT-TEST-BBBBB');
  });

  it('gets one that is not too long', () => {
    const fleet = new Fleet();
    const name = `AGENT-${'X'.repeat(60)}`;
    valueIn(fleet.register({ name }));
    fleet.connect(AGENT_B).send(hello({ name }));
    expect(AgentName().safeParse(fleet.view(AGENT_B).name).success).toBe(true);
  });

  it('keeps what people have changed when it says the same with another token', () => {
    const fleet = new Fleet();
    fleet.connect(AGENT_A, 'old').send(hello({ capacity: 4, secret: SECRET }));
    valueIn(fleet.runtime.update(call, AGENT_A, { max_concurrent_capacity: 1 }));
    fleet.connect(AGENT_A, 'rotated').send(hello({ capacity: 4, secret: SECRET }));
    expect(fleet.view().max_concurrent_capacity).toBe(1);
  });
});

it('an agent whose tier rises gets what waits for that tier', () => {
  const fleet = new Fleet();
  const agent = fleet.connect(AGENT_A);
  agent.send(hello());
  fleet.runtime.reserve(slotRequest(1, { requirements: { min_performance_tier: 'advanced' } }));
  for (let task = 11; agent.take<ControlDown>().every(({ type }) => type !== 'offer'); task++) {
    expect(fleet.view().performance_tier).toBe('competent');
    expect(task).toBeLessThan(50);
    fleet.finish(task);
  }
  expect(fleet.view().performance_tier).toBe('advanced');
});

describe('an agent whose circuit is open', () => {
  it('is listed and counted as not available', () => {
    const fleet = new Fleet();
    fleet.connect(AGENT_A).send(hello({ capacity: 2 }));
    fleet.breakCircuit();
    expect(valueIn(fleet.runtime.agents(call, { ...ALL_AGENTS, is_available: true })).items).toEqual([]);
    expect(valueIn(fleet.runtime.fleet.statistics(call))).toMatchObject({
      agents: { available: 0 },
      capacity: { slots: 0, free: 0 },
    });
  });

  it('gets all its slots at once when its probe succeeds, also if it has reported the end before', () => {
    const fleet = new Fleet();
    const agent = fleet.connect(AGENT_A);
    agent.send(hello({ capacity: 3 }));
    fleet.breakCircuit();
    for (const task of [1, 2, 3, 4]) fleet.runtime.reserve(slotRequest(task));
    fleet.platform.clock += 61_000;
    agent.send(hello({ capacity: 3 }));
    const [probe] = fleet.view().leases;
    agent.send({ type: 'accepted', task_id: probe!.task_id, epoch: 1 });
    agent.send({ type: 'ended', task_id: probe!.task_id, epoch: 1 });
    fleet.finish(100, {});
    expect(fleet.view().slots_used).toBe(3);
  });

  it('is why a session waits while it works on its probe', () => {
    const fleet = new Fleet();
    const agent = fleet.connect(AGENT_A);
    agent.send(hello({ capacity: 3 }));
    fleet.breakCircuit();
    const other = '0198c2f0-1a2b-8c3d-9e4f-5a6b00010000';
    fleet.runtime.reserve(slotRequest(1));
    fleet.runtime.reserve({ ...slotRequest(2), session_id: other });
    fleet.platform.clock += 61_000;
    agent.send(hello({ capacity: 3 }));
    expect(valueIn(fleet.runtime.places(call, [other]))[other]).toMatchObject({ reason: 'none_open' });
  });
});
