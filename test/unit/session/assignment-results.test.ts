import { expect, it } from 'vitest';
import type { AssignmentResult } from '../../../src/ports/agent-registry.ts';
import { released, result } from './fake-agent.ts';
import { SessionInProcess, TASK_ID } from './harness.ts';

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
