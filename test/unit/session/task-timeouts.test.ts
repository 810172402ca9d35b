import { describe, expect, it } from 'vitest';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { CreateGraphRequest } from '../../../src/protocol/session/task-requests.ts';
import { asked, checkpoint, note, released, result } from './fake-agent.ts';
import { SESSION_ID, SessionInProcess, unwrap } from './harness.ts';

/** A started session whose task 2 has a time limit of a minute. */
async function started(changes: Record<string, unknown> = {}): Promise<SessionInProcess> {
  const session = new SessionInProcess();
  await session.create(changes);
  const tasks = [
    { name: 'limited', title: 'Limited', description: 'Do it soon', timeout_seconds: 60 },
    { title: 'Next', description: 'Do this then', depends_on: ['limited'] },
  ];
  unwrap(await session.runtime.createTasks(session.call(), CreateGraphRequest().parse({ tasks })));
  await session.act('start');
  return session;
}

const errorOf = async (session: SessionInProcess) =>
  unwrap(await session.runtime.task(session.call(), taskIdOf(SESSION_ID, 2), false)).error;

describe('the time limit of a task', () => {
  it('takes the lease of an agent at work, and the next attempt starts from its checkpoint', async () => {
    const session = await started();
    const agent = session
      .agentOf(2)
      .connect()
      .send(note('on it'), ...checkpoint('early'));
    await agent.ping(59_000);
    expect(agent.over).toBeNull();
    await agent.ping(1_000);
    expect(agent.read().over).toBe('lease_lost');
    expect(session.task(2)).toMatchObject({ status: 'pending', setback: 'attempt_failed', attempts_used: 1 });
    await session.advance(1_000);
    const next = session.agentOf(2, 'AGENT-NEXT').connect();
    expect(next.assignment).toMatchObject({ epoch: 2, checkpoint: { number: 1 } });
    await next.ping(59_000);
    next.send(result(99));
    expect(session.task(2).status).toBe('completed');
  });

  it('fails the task after its last attempt, and what depends on it is skipped', async () => {
    const session = await started({ max_attempts: 1 });
    await session.agentOf(2).connect().ping(60_000);
    expect(session.runtime.parts.records.tasks().map(({ status }) => status)).toEqual(['failed', 'failed', 'skipped']);
    expect(await errorOf(session)).toMatchObject({ code: 'task_timeout', retryable: true });
    expect(await session.view()).toMatchObject({ status: 'failed', error: { code: 'task_timeout' } });
  });

  it('is reached also while the control plane is down, and is not extended', async () => {
    const session = await started({ max_attempts: 1 });
    session.agentOf(2).connect();
    session.restart(61_000);
    await session.alarmLate();
    expect(await errorOf(session)).toMatchObject({ code: 'task_timeout' });
  });

  it('is not stopped by an approval that the agent waits for', async () => {
    const session = await started({ max_attempts: 1 });
    const agent = session.agentOf(2).connect().send(asked('r1'));
    await agent.ping(60_000);
    expect(session.task(2).status).toBe('failed');
  });

  it('does not count the time in which the task has no agent', async () => {
    const session = await started();
    await session.advance(120_000);
    const agent = session.agentOf(2).connect();
    await agent.ping(50_000);
    agent.send(released('shutdown'));
    expect(session.dueAt('timeout:2')).toBeNull();
    await session.advance(60_000);
    expect(session.task(2)).toMatchObject({ status: 'ready', attempts_used: 0 });
  });

  it('does not disturb the last checkpoint of an agent whose task was ended', async () => {
    const session = await started();
    const agent = session.agentOf(2).connect();
    await agent.ping(50_000);
    await session.act('cancel');
    await agent.ping(20_000);
    expect(agent.over).toBeNull();
    expect(session.task(2).status).toBe('cancelled');
  });
});

describe('a changed time limit of a task that an agent has', () => {
  const limit = async (session: SessionInProcess, timeout_seconds: number | null) =>
    unwrap(
      await session.runtime.changeTask(session.call(), taskIdOf(SESSION_ID, 2), {
        type: 'update',
        body: { timeout_seconds },
      }),
    );

  it('counts from when the agent has taken the task, also if it is over by then', async () => {
    const session = await started({ max_attempts: 1 });
    const agent = session.agentOf(2).connect();
    await agent.ping(30_000);
    await limit(session, 7_200);
    await agent.ping(60_000);
    expect(agent.read().over).toBeNull();
    await limit(session, 80);
    await agent.ping(1_000);
    expect(agent.read().over).toBe('lease_lost');
    expect(await errorOf(session)).toMatchObject({ message: expect.stringContaining('80 seconds') });
  });

  it('can be removed, and set where there was none', async () => {
    const session = await started({ max_attempts: 1 });
    const agent = session.agentOf(2).connect();
    await limit(session, null);
    expect(session.dueAt('timeout:2')).toBeNull();
    await agent.ping(120_000);
    expect(agent.read().over).toBeNull();
    await limit(session, 150);
    await agent.ping(30_000);
    expect(agent.read().over).toBe('lease_lost');
  });
});
