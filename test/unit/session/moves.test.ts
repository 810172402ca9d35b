import { describe, expect, it } from 'vitest';
import { checkpoint, released, result } from './fake-agent.ts';
import { SessionInProcess, TASK_ID } from './harness.ts';

const AGENT_B = 'AGENT-TWO';

/** A session at work that allows moves, after a move was asked for. */
async function asked(changes: Record<string, unknown> = { allow_rebalance: true }) {
  const session = new SessionInProcess();
  await session.create(changes);
  await session.act('start');
  const agent = session.agent().connect();
  await session.runtime.evict(TASK_ID, 1, 'rebalanced');
  return { session, agent };
}

describe('a session that allows its work to be moved', () => {
  it('asks its agent to pause, once, and keeps its lease until the agent has let go', async () => {
    const { session, agent } = await asked();
    await session.runtime.evict(TASK_ID, 1, 'rebalanced');
    expect(agent.commandsOf('pause')).toHaveLength(1);
    expect(await session.view()).toMatchObject({ status: 'running', requested_action: null });
    expect((await session.view()).tasks).toMatchObject([{ epoch: 1, attempt: 1 }]);
  });

  it('goes on from the checkpoint with another agent, at no attempt, and avoids the first one', async () => {
    const { session, agent } = await asked({ allow_rebalance: true, max_attempts: 1 });
    agent.send(...checkpoint('last', { messages_done: 0 }), released('paused'));
    expect(await session.status()).toBe('queued');
    await session.advance(1);
    const request = session.destinations.requests.at(-1)!;
    expect(request).toMatchObject({ epoch: 2, requirements: { avoid_agents: [agent.id], allow_rebalance: true } });
    expect(request.requirements).not.toHaveProperty('worktree_at');
    const other = session.agent(2, AGENT_B).connect();
    expect(other.assignment).toMatchObject({ checkpoint: { number: 1 } });
    expect((await session.view()).tasks).toMatchObject([{ attempt: 1, epoch: 2, agent_name: AGENT_B }]);
    other.send(result(1));
    expect(await session.status()).toBe('completed');
    const ends = (await session.events()).filter(({ type }) => type === 'lease.ended');
    expect(ends).toMatchObject([{ data: { epoch: 1, reason: 'rebalanced' } }, { data: { epoch: 2 } }]);
  });

  it('asks for its next lease without avoiding anyone when that one has ended otherwise', async () => {
    const { session, agent } = await asked();
    agent.send(released('paused'));
    await session.advance(1);
    session.agent(2, AGENT_B).connect().send(released('shutdown'));
    await session.advance(1_000);
    expect(session.destinations.requests.at(-1)).toMatchObject({ epoch: 3, requirements: { avoid_agents: [] } });
  });

  it('completes on its agent if that one has finished meanwhile', async () => {
    const { session, agent } = await asked();
    agent.send(result(1));
    expect(await session.status()).toBe('completed');
  });

  it('is paused, and not moved, if a person asks for this meanwhile', async () => {
    const { session, agent } = await asked();
    await session.act('pause');
    agent.send(released('paused'));
    expect(await session.status()).toBe('paused');
  });
});

it('a session that does not allow it, is to pause or has another lease is not moved', async () => {
  const { session, agent } = await asked({});
  expect(agent.commandsOf('pause')).toEqual([]);
  await session.runtime.update(session.call(), { allow_rebalance: true });
  await session.runtime.evict(TASK_ID, 2, 'rebalanced');
  expect(agent.commandsOf('pause')).toEqual([]);
  await session.act('pause');
  await session.runtime.evict(TASK_ID, 1, 'rebalanced');
  expect(agent.commandsOf('pause')).toHaveLength(1);
});

it('a session that begins to allow moves while it runs tells the registry', async () => {
  const session = new SessionInProcess();
  await session.begun();
  await session.runtime.update(session.call(), { allow_rebalance: true });
  await session.settle();
  expect(session.destinations.requests.at(-1)).toMatchObject({ epoch: 1, requirements: { allow_rebalance: true } });
  expect(await session.view()).toMatchObject({ status: 'running', allow_rebalance: true });
});
