import { describe, expect, it } from 'vitest';
import type { AgentRegistryApi, SlotRequest } from '../../../src/ports/agent-registry.ts';
import type { AgentType } from '../../../src/protocol/common/enums.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { AGENT_A, AGENT_B, hello, slotRequest } from '../ports/agent-registry.fixture.ts';
import { result } from './fake-agent.ts';
import { SESSION_ID, SessionInProcess, unwrap } from './harness.ts';

const hours = (likely: number) => ({ optimistic_hours: likely, likely_hours: likely, pessimistic_hours: likely });
const TESTING = { estimate: hours(2), required_capabilities: ['testing' as const] };
const id = (number: number) => taskIdOf(SESSION_ID, number);

/** A registry whose agents, an implementer and a reviewer, have done such work at four times and half its estimate. */
function fleet({ results = 20 } = {}): RegistryInProcess {
  const registry = new RegistryInProcess();
  const types: [string, AgentType, number][] = [
    [AGENT_A, 'implementer', 4],
    [AGENT_B, 'reviewer', 0.5],
  ];
  for (const [agent_id, agent_type, times] of types) {
    registry.connect(agent_id).send(hello({ agent_type, name: `AGENT-${agent_type.toUpperCase()}` }));
    for (let task = 1; task <= results; task++) {
      const ended = { ended_at: registry.platform.clock + task, duration_ms: times * 3_600_000, cost_usd: 0 };
      const kind = { estimated_ms: 3_600_000, capabilities: ['testing' as const], session_type: 'execution' as const };
      registry.runtime.release(
        { task_id: slotRequest(task).task_id, epoch: agent_id === AGENT_A ? 1 : 2 },
        { agent_id, status: 'completed', own_fault: false, ...ended, ...kind },
      );
    }
  }
  return registry;
}

/** The registry, with the requests that it gets. */
function heard(registry: RegistryInProcess): { api: AgentRegistryApi; requests: SlotRequest[] } {
  const requests: SlotRequest[] = [];
  const { api } = registry;
  const reserve: AgentRegistryApi['reserve'] = (request) => {
    requests.push(request);
    return api.reserve(request);
  };
  return { api: { ...api, reserve }, requests };
}

async function sessionWith(registry: AgentRegistryApi, changes: Record<string, unknown> = {}) {
  const session = new SessionInProcess({ registry });
  await session.create(changes);
  await session.addTasks(TESTING, { ...TESTING, required_capabilities: ['documentation'] }, {});
  await session.act('start');
  await session.settle();
  return session;
}

describe('what other sessions have measured of estimates', () => {
  it('corrects those of this one, in the task and in the graph, with its confidence', async () => {
    const session = await sessionWith(heard(fleet()).api);
    const task = unwrap(await session.runtime.task(session.call(), id(2), false));
    expect(task.estimated_hours).toBe(2);
    // The mean of 4 and 0.5 is the square root of 2, by logarithms, and shrinks a little.
    expect(task.corrected_hours).toBeGreaterThan(2 * 1.3);
    expect(task.corrected_hours).toBeLessThan(2 * Math.SQRT2);
    expect(task.confidence).toBeGreaterThan(0.8);
    const graph = unwrap(await session.runtime.graph(session.call()));
    const node = graph.nodes.find(({ task_id }) => task_id === id(2))!;
    expect([node.corrected_hours, node.confidence]).toEqual([task.corrected_hours, task.confidence]);
    expect(graph.critical_path_hours).toBe(task.corrected_hours);
    expect((await session.view(['tasks'])).tasks![2]).toMatchObject({ corrected_hours: 2, confidence: 0 });
  });

  it('is that of the type of agents which the session prefers, if it prefers one', async () => {
    const reviewed = await sessionWith(fleet().api, { preferred_agent_type: 'reviewer' });
    const built = await sessionWith(fleet().api, { preferred_agent_type: 'implementer' });
    const of = async (session: SessionInProcess) =>
      unwrap(await session.runtime.task(session.call(), id(2), false)).corrected_hours!;
    expect(await of(reviewed)).toBeLessThan(2);
    expect(await of(built)).toBeGreaterThan(4);
  });

  it('is asked once, with a reservation, and survives an eviction; sessions without estimates do not ask', async () => {
    const { api, requests } = heard(fleet());
    const session = await sessionWith(api);
    const before = unwrap(await session.runtime.task(session.call(), id(2), false)).corrected_hours;
    expect(requests.filter(({ times_of }) => times_of !== undefined).length).toBeGreaterThan(0);
    requests.length = 0;
    session.evict();
    await session.addTasks(TESTING);
    await session.settle();
    expect(requests.length).toBeGreaterThan(0);
    expect(requests.filter(({ times_of }) => times_of !== undefined)).toEqual([]);
    expect(unwrap(await session.runtime.task(session.call(), id(2), false)).corrected_hours).toBe(before);
    const plain = new SessionInProcess({ registry: heard(fleet()).api });
    await plain.begun();
    await plain.settle();
    expect(plain.row('session')).toMatchObject({ times: null });
  });

  it('is learned from completed work with an estimate alone, once, and not again from its rating', () => {
    const registry = fleet({ results: 0 });
    const [key, ended] = [
      { task_id: slotRequest(1).task_id, epoch: 1 },
      { ended_at: 1, cost_usd: 0, own_fault: false },
    ];
    const done = {
      agent_id: AGENT_A,
      duration_ms: 7_200_000,
      session_type: 'execution' as const,
      capabilities: [],
      ...ended,
    };
    registry.runtime.release(key, { ...done, status: 'completed' });
    registry.runtime.release({ ...key, epoch: 2 }, { ...done, status: 'failed', estimated_ms: 3_600_000, ended_at: 2 });
    const known = () => registry.runtime.reserve({ ...slotRequest(9), times_of: null }).times;
    expect(known()).toEqual({});
    const learned = { ...done, status: 'completed' as const, estimated_ms: 3_600_000, ended_at: 3 };
    for (const rating of [undefined, undefined, { quality: 1, number: 1 }]) {
      registry.runtime.release({ ...key, epoch: 3 }, { ...learned, ...(rating && { rating }) });
    }
    expect(known()).toEqual({ '': { logarithms: Math.log(2), results: 1 } });
  });

  it('comes to the registry with the end of an assignment', async () => {
    const session = new SessionInProcess();
    const results: unknown[] = [];
    session.destinations.registry.release = async (_task, _epoch, said) => void results.push(said);
    await session.create();
    await session.addTasks({ ...TESTING, estimate: hours(1) });
    await session.act('start');
    session.agentOf(2).connect().send(result(99));
    await session.settle();
    expect(results).toMatchObject([{ status: 'completed', estimated_ms: 3_600_000, capabilities: ['testing'] }]);
  });
});
