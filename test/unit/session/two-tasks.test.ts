import { describe, expect, it } from 'vitest';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import {
  asked,
  checkpoint,
  type FakeAgent,
  failure,
  modelRetry,
  note,
  released,
  result,
  uuidOf,
} from './fake-agent.ts';
import { SESSION_ID, SessionInProcess, TTL_MS, unwrap } from './harness.ts';

/** A started session of two tasks with a working agent on each. */
async function begun(changes: Record<string, unknown> = {}) {
  const session = new SessionInProcess();
  await session.createWithTasks(2, changes);
  await session.act('start');
  const [one, two] = [session.agentOf(1).connect(), session.agentOf(2).connect()];
  return { session, one, two };
}

/** The texts of the agent's message commands. */
function prompts(agent: FakeAgent): string[] {
  return agent.commandsOf('message').map(({ text }) => text);
}

describe('each of two tasks of a session', () => {
  it('requests its own agent, and both run at once', async () => {
    const { session, one, two } = await begun();
    await session.settle();
    expect(session.destinations.requests.map(({ task_id, epoch }) => [task_id, epoch])).toEqual([
      [taskIdOf(SESSION_ID, 1), 1],
      [taskIdOf(SESSION_ID, 2), 1],
    ]);
    expect([one.over, two.over]).toEqual([null, null]);
    expect(await session.view()).toMatchObject({
      status: 'running',
      tasks: [
        { status: 'assigned', agent_name: 'AGENT-1' },
        { status: 'assigned', agent_name: 'AGENT-2' },
      ],
    });
  });

  it('has its own messages, which the other task’s agent never gets', async () => {
    const { session, one, two } = await begun();
    expect(prompts(one)).toEqual(['Do it']);
    expect(prompts(two)).toEqual(['Do part 2']);
    expect(one.assignment).toMatchObject({ messages_done: 0, messages_last: 1 });
    expect(two.assignment).toMatchObject({ messages_done: 1, messages_last: 2 });
    await session.runtime.send(session.call(), { text: 'And tests.' });
    expect(prompts(one)).toEqual(['Do it', 'And tests.']);
    expect(prompts(two)).toEqual(['Do part 2']);
    two.send(result(2));
    expect(session.task(2), 'a message to the other task does not hold up the result').toMatchObject({
      status: 'completed',
    });
    one.send(result(1));
    expect(session.task(1), 'its own message does').toMatchObject({ status: 'in_progress' });
  });

  it('has its own checkpoints, which the other task’s checkpoints do not push out', async () => {
    const { session, one, two } = await begun();
    one.send(...checkpoint('one'));
    for (let n = 1; n <= 101; n++) two.send(...checkpoint(`two-${n}`, { messages_done: 2 }));
    expect(session.rows('checkpoints', 'task = 1')).toHaveLength(1);
    expect(session.rows('checkpoints', 'task = 2')).toHaveLength(100);

    one.send(released('shutdown'));
    two.send(released('shutdown'));
    await session.advance(1);
    const [next, other] = [session.agentOf(1, 'AGENT-3').connect(), session.agentOf(2, 'AGENT-4').connect()];
    expect(next.assignment?.checkpoint).toMatchObject({ number: 1, patch_artifact_id: uuidOf('one patch') });
    expect(other.assignment?.checkpoint).toMatchObject({ number: 102, patch_artifact_id: uuidOf('two-101 patch') });
    expect(prompts(next), 'the messages of its checkpoint are done').toEqual([]);
    expect(prompts(other)).toEqual([]);
    expect(unwrap(await session.runtime.diff(session.call())), 'the diff is that of the first').toMatchObject({
      checkpoint: 1,
      files: [{ path: 'one.txt' }],
    });
    expect(session.runtime.parts.checkpoints.newest(2)).toMatchObject({ number: 102 });
  });

  it('has its own approvals, and the end of its lease withdraws only those', async () => {
    const { session, one, two } = await begun();
    one.send(asked('r'));
    two.send(asked('r', { title: 'Of the second' }));
    one.send(released('shutdown'));
    expect((await session.view()).approvals).toMatchObject([
      { task_id: taskIdOf(SESSION_ID, 2), status: 'open' },
      { task_id: taskIdOf(SESSION_ID, 1), status: 'withdrawn' },
    ]);
    const [open] = (await session.view()).approvals!;
    await session.runtime.answer(session.call(), open!.id, { decision: 'once' });
    expect(two.commandsOf('approval_reply')).toMatchObject([{ ask_id: 'r', decision: 'once' }]);
    expect(one.commandsOf('approval_reply')).toEqual([]);
  });

  it('counts the refusals of its own epochs', async () => {
    const { session } = await begun();
    for (const task of [1, 2]) session.openRun(1, undefined, task).send({ type: 'frames', frames: [] });
    expect(session.rows('refusals')).toMatchObject([
      { task: 1, epoch: 1, count: 1 },
      { task: 2, epoch: 1, count: 1 },
    ]);
  });
});

describe('a session of two tasks', () => {
  it('is completed when both tasks are, with one recorded run', async () => {
    const { session, one, two } = await begun();
    one.send(result(1));
    expect(await session.status()).toBe('running');
    two.send(result(2, { text: 'The last.' }));
    expect(await session.view()).toMatchObject({ status: 'completed', result: { text: 'The last.' } });
    await session.settle();
    expect([...session.destinations.runs.values()]).toMatchObject([{ run: 1, status: 'completed', attempts: 1 }]);
  });

  it('continues with one task while the other is lost, and is orphaned only when no task runs', async () => {
    const { session, one, two } = await begun();
    one.client?.close();
    await two.ping(TTL_MS);
    expect(session.task(1)).toMatchObject({ status: 'pending', setback: 'lease_lost', epoch: 2 });
    expect(session.task(2), 'the other lease is as it was').toMatchObject({ status: 'assigned', epoch: 1 });
    expect(await session.status()).toBe('running');
    two.send(result(2));
    expect(await session.status()).toBe('orphaned');
    await session.advance(1_000);
    expect(await session.status()).toBe('queued');
    session.agentOf(1, 'AGENT-3').connect().send(result(1));
    expect(await session.status()).toBe('completed');
  });

  it('is degraded while either task is, even if the other makes progress', async () => {
    const { session, one, two } = await begun();
    one.send(modelRetry());
    expect(await session.status()).toBe('degraded');
    two.send(note('fine here'));
    expect(await session.status()).toBe('degraded');
    one.send(note('better'));
    expect(await session.status()).toBe('running');
  });

  it('fails when all tasks have ended and one failed, and a retry runs only the failed task', async () => {
    const { session, one, two } = await begun();
    one.send(failure(false));
    expect(await session.status(), 'the other task continues').toBe('running');
    two.send(result(2));
    expect(await session.view()).toMatchObject({ status: 'failed', error: { code: 'model_broken' }, result: null });
    await session.act({ action: 'retry', body: { from: 'last' } });
    expect((await session.view()).tasks).toMatchObject([{ status: 'ready', attempt: 1 }, { status: 'completed' }]);
    session.agentOf(1).connect().send(result(1));
    expect(await session.view()).toMatchObject({ status: 'completed', error: null });
  });

  it('is paused when the last agent has released its lease; waiting tasks are paused at once', async () => {
    const session = new SessionInProcess();
    await session.createWithTasks(3);
    await session.act('start');
    const [one, two] = [session.agentOf(1).connect(), session.agentOf(2).connect()];
    expect(await session.act('pause')).toMatchObject({ status: 'running', requested_action: 'pause' });
    expect([one, two].map((agent) => agent.commandsOf('pause').length)).toEqual([1, 1]);
    expect(session.task(3)).toMatchObject({ status: 'paused', epoch: 2 });
    one.send(released('paused'));
    expect(await session.view()).toMatchObject({ status: 'running', requested_action: 'pause' });
    two.send(failure(true));
    expect(await session.view()).toMatchObject({ status: 'paused', requested_action: null });
    expect((await session.view()).tasks?.map(({ status }) => status)).toEqual(['paused', 'paused', 'paused']);
    await session.act('resume');
    expect((await session.view()).tasks?.map(({ status }) => status)).toEqual(['ready', 'ready', 'ready']);
  });

  it('leaves a task that has failed as it is, when it is resumed', async () => {
    const { session, one, two } = await begun();
    one.send(failure(false));
    await session.act('pause');
    two.send(released('paused'));
    await session.act('resume');
    expect((await session.view()).tasks?.map(({ status }) => status)).toEqual(['failed', 'ready']);
  });

  it('gives a message to the first task that is unfinished', async () => {
    const { session, one, two } = await begun();
    one.send(result(1));
    unwrap(await session.runtime.send(session.call(), { text: 'Also this' }));
    expect(prompts(two)).toContain('Also this');
  });

  it('pauses without the agents that do not release their leases in time', async () => {
    const { session, one, two } = await begun();
    await session.act('pause');
    one.send(released('paused'));
    await two.ping(45_000);
    expect(await session.status()).toBe('paused');
    expect(two.read().over).toBe('lease_lost');
  });

  it('ends both leases and releases both slots when it is cancelled', async () => {
    const { session, one, two } = await begun();
    await session.act('cancel');
    one.send(...checkpoint('last of one'), released('stopped'));
    await two.ping(45_000);
    expect([one.over, two.read().over]).toEqual(['ended', 'lease_lost']);
    await session.settle();
    expect([...session.destinations.slots.values()]).toEqual(['released', 'released']);
    expect((await session.view()).tasks?.map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
  });

  it('retries from a numbered checkpoint only in the task of that checkpoint', async () => {
    const { session, one, two } = await begun();
    one.send(...checkpoint('a'), ...checkpoint('b'));
    two.send(...checkpoint('c'));
    await session.act({ action: 'stop', body: {} });
    one.send(released('stopped'));
    two.send(released('stopped'));
    await session.act({ action: 'retry', body: { from: 1 } });
    expect(session.agentOf(1).connect().assignment?.checkpoint).toMatchObject({ number: 1 });
    expect(session.agentOf(2).connect().assignment?.checkpoint).toMatchObject({ number: 3 });
  });
});
