import { expect, it } from 'vitest';
import type { AssignmentResult } from '../../../src/ports/agent-registry.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { CreateGraphRequest } from '../../../src/protocol/session/task-requests.ts';
import { released, result, usage } from './fake-agent.ts';
import { SESSION_ID, SessionInProcess, TASK_ID, unwrap, WORKSPACE } from './harness.ts';

/** A session at work, and what it tells the registry of its agent. */
async function begun() {
  const session = new SessionInProcess();
  const results: (AssignmentResult | undefined)[] = [];
  session.destinations.registry.release = async (_task, _epoch, said) => void results.push(said);
  return { session, results, agent: await session.begun() };
}

it('a session tells the registry how its agent has done', async () => {
  const { session, results, agent } = await begun();
  agent.send(result());
  await session.settle();
  expect(results).toMatchObject([
    { agent_id: agent.id, status: 'completed', own_fault: false, session_type: 'execution', capabilities: [] },
  ]);
});

it('a killed agent has failed by its own fault; one that shuts down has not', async () => {
  for (const [reason, expected] of [
    ['lost', { status: 'failed', own_fault: true }],
    ['shutdown', undefined],
  ] as const) {
    const { session, results, agent } = await begun();
    agent.send(released(reason));
    await session.settle();
    expect(results).toEqual([expected && expect.objectContaining(expected)]);
  }
});

it('an eviction ends the lease at no attempt, once, and says nothing of the agent', async () => {
  const { session, results, agent } = await begun();
  for (const _ of [1, 2]) await session.runtime.evict(TASK_ID, 1, 'agent_drained');
  await session.advance(1_000);
  expect(agent.client?.closedBy).not.toBeNull();
  expect((await session.view()).tasks).toMatchObject([{ epoch: 2, attempt: 1 }]);
  expect(results).toEqual([undefined]);
});

it('an eviction of an offer that nobody has claimed asks for another agent at once', async () => {
  const session = new SessionInProcess();
  await session.create();
  await session.act({ action: 'start' });
  await session.runtime.evict(TASK_ID, 1, 'agent_drained');
  await session.settle();
  expect(session.destinations.requests.map(({ epoch }) => epoch)).toEqual([1, 2]);
});

it('each finished assignment is recorded in the history, with the times by which it was done', async () => {
  const session = new SessionInProcess();
  const lost = await session.begun({ session_type: 'debug', required_capabilities: ['testing'] });
  await session.advance(5_000);
  lost.send(released('lost'));
  await session.advance(60_000);
  const agent = await session.agent(2, 'AGENT-TWO').connect();
  await session.advance(7_000);
  agent.send(result(1, { status: 'partial' }));
  await session.settle();
  const { assignments } = session.destinations;
  const same = { workspace: WORKSPACE, session_id: SESSION_ID, task_id: TASK_ID, session_type: 'debug' };
  expect(assignments).toMatchObject([
    { ...same, epoch: 1, agent_id: lost.id, agent_name: 'AGENT-ONE', status: 'failed', own_fault: true },
    { ...same, epoch: 2, agent_id: agent.id, agent_name: 'AGENT-TWO', status: 'partial', own_fault: false },
  ]);
  for (const { started_at, ended_at, duration_ms } of assignments) {
    expect(Date.parse(ended_at) - Date.parse(started_at)).toBe(duration_ms);
  }
  expect(assignments.map(({ duration_ms }) => duration_ms)).toEqual([5_000, 7_000]);
  expect(assignments[1]).toMatchObject({ capabilities: ['testing'], cost_usd: 0, quality: null, ratings: 0 });
});

it('an unreachable database gets each finished assignment when it returns, once', async () => {
  const { session, agent } = await begun();
  session.destinations.away = { history: true };
  agent.send(result());
  await session.advance(3_600_000);
  expect(session.destinations.assignments).toEqual([]);
  session.evict();
  session.destinations.away = {};
  await session.advance(6 * 3_600_000);
  expect(session.destinations.assignments).toMatchObject([{ task_id: TASK_ID, epoch: 1, status: 'completed' }]);
  expect(session.destinations.runs.size).toBe(1);
});

it('a lease that says nothing of its agent is not recorded', async () => {
  const { session, agent } = await begun();
  agent.send(released('shutdown'));
  await session.settle();
  expect(session.destinations.assignments).toEqual([]);
});

it('tasks that are done in parallel each have their own cost and what they have required', async () => {
  const session = new SessionInProcess();
  await session.create({ required_capabilities: ['testing'] });
  const tasks = [
    { title: 'One', description: 'Do one', required_capabilities: ['debugging' as const] },
    { title: 'Two', description: 'Do two' },
  ];
  unwrap(await session.runtime.createTasks(session.call(), CreateGraphRequest().parse({ tasks })));
  await session.act('start');
  const [one, two] = [session.agentOf(2).connect(), session.agentOf(3).connect()];
  one.send(usage(0.5));
  two.send(usage(2));
  session.evict();
  one.send(usage(0.25), result(99));
  two.send(released('lost'));
  await session.advance(60_000);
  session.agentOf(3).connect().send(usage(1), result(99));
  await session.settle();
  expect(session.destinations.assignments).toMatchObject([
    { agent_id: one.id, status: 'completed', cost_usd: 0.75, capabilities: ['testing', 'debugging'] },
    { agent_id: two.id, status: 'failed', cost_usd: 2, capabilities: ['testing'] },
    { task_id: taskIdOf(SESSION_ID, 3), epoch: 2, status: 'completed', cost_usd: 1 },
  ]);
  expect((await session.view()).usage).toMatchObject({ cost_usd: 3.75 });
  expect(session.row('session')).toMatchObject({ lease_costs: '{}' });
});
