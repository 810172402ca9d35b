import { describe, expect, it } from 'vitest';
import type { TaskChange } from '../../../src/ports/sessions.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { checked, checkpoint, conflict, failure, result } from './fake-agent.ts';
import { failureOf, type NewTask, SESSION_ID, SessionInProcess, unwrap } from './harness.ts';
import { HttpAgent } from './http-agent.ts';

const id = (number: number) => taskIdOf(SESSION_ID, number);
/** The statuses of the tasks after the session's first one. */
const statuses = (session: SessionInProcess) =>
  session
    .rows<{ status: string }>('tasks')
    .slice(1)
    .map(({ status }) => status);

/** A started session with tasks from number 2 on. */
async function sessionWith(tasks: NewTask[], changes: Record<string, unknown> = {}): Promise<SessionInProcess> {
  const session = new SessionInProcess();
  await session.create({ max_parallel: 8, ...changes });
  if (tasks.length > 0) await session.addTasks(...tasks);
  await session.act('start');
  return session;
}

/** Lets an agent do a task, with work. */
function work(session: SessionInProcess, task: number, mark = ''): void {
  const frame = checkpoint(`work ${task}${mark}`, { messages_done: 0, commit: `commit of ${task}${mark}` });
  session
    .agentOf(task)
    .connect()
    .send(...frame, result(9_999));
}

async function change(session: SessionInProcess, task: number, what: TaskChange): Promise<void> {
  unwrap(await session.runtime.changeTask(session.call(), id(task), what));
}
const retry = (session: SessionInProcess, task: number, with_dependents: boolean) =>
  change(session, task, { type: 'retry', body: { with_dependents } });

describe('a task that is retried', () => {
  it.each([true, false])('holds back those after it that are ready (with_dependents: %s)', async (withDependents) => {
    const session = await sessionWith([{ name: 'a' }, { depends_on: ['a'] }]);
    work(session, 2);
    expect(statuses(session)).toEqual(['completed', 'ready']);
    await retry(session, 2, withDependents);
    expect(statuses(session)).toEqual(['ready', 'pending']);
    await session.settle();
    expect(session.destinations.slots.get(`${id(3)}:1`)).toBe('cancelled');
    work(session, 2, ' again');
    expect(session.agentOf(3).connect().assignment!.start!.from).toEqual([2]);
  });

  it('takes those after it with it that are at work, only if that is asked for', async () => {
    const alone = await sessionWith([{ name: 'a' }, { depends_on: ['a'] }]);
    work(alone, 2);
    const undisturbed = alone.agentOf(3).connect();
    await retry(alone, 2, false);
    expect(undisturbed.read().over).toBeNull();

    const session = await sessionWith([{ name: 'a' }, { depends_on: ['a'] }]);
    work(session, 2);
    const agent = session.agentOf(3).connect();
    await retry(session, 2, true);
    expect(agent.read().over).toBe('lease_lost');
    expect(statuses(session)).toEqual(['ready', 'pending']);
    for (const task of [2, 3]) work(session, task, ' again');
    expect(await session.status()).toBe('completed');
  });

  it('ends a conflict in which the work of a task conflicts with its own earlier one', async () => {
    const session = await sessionWith([
      { name: 'a' },
      { name: 'b', depends_on: ['a'] },
      { max_attempts: 1, depends_on: ['b'] },
    ]);
    for (const task of [2, 3]) work(session, task);
    session.agentOf(4).connect().send(failure(false));
    await retry(session, 2, true);
    work(session, 2, ' again');
    const blocked = session.agentOf(3).connect();
    const { from } = blocked.assignment!.start!;
    expect(from).toHaveLength(2);
    blocked.send(conflict([from[0]!], from[1]!, 'a.ts'));
    expect(session.task(3)).toMatchObject({ status: 'blocked' });
    expect(session.task(5)).toMatchObject({ kind: 'resolve', status: 'ready' });
    work(session, 5);
    for (const task of [3, 4]) work(session, task, ' again');
    expect(await session.status()).toBe('completed');
  });
});

it('a subtask that is ready waits for what its parent waits for from now on', async () => {
  const session = await sessionWith([{ name: 'x' }, { name: 'p', parent: null }, { parent: 'p' }]);
  expect(session.task(4).status).toBe('ready');
  const body = { depends_on_task_id: id(2), dependency_type: 'finish_to_start' as const, is_required: true };
  await change(session, 3, { type: 'add_dependency', body });
  expect(session.task(4).status).toBe('pending');
  work(session, 2);
  expect(session.task(4).status).toBe('ready');
});

describe('the end of a session', () => {
  it('merges with as many attempts as any task has, if its agents send no merged work', async () => {
    const session = await sessionWith([{}, {}], { max_attempts: 2 });
    const agentOf = (task: number) => {
      const agent = new HttpAgent(
        session,
        `0198c2f0-1a2b-4c3d-9e4f-5a6b0000000${task}`,
        session.task(task).epoch,
        undefined,
        task,
      );
      unwrap(agent.handOut());
      return agent;
    };
    for (const task of [2, 3]) {
      const agent = agentOf(task);
      unwrap(agent.report(...checkpoint(`work ${task}`, { messages_done: 0 })));
      unwrap(agent.result());
    }
    for (let each = 0; each < 9 && session.task(4).status !== 'failed'; each++) {
      if (session.task(4).status === 'ready') unwrap(agentOf(4).result());
      await session.advance(60_000);
    }
    expect(session.task(4)).toMatchObject({ status: 'failed', attempts_used: 2 });
    expect(await session.view()).toMatchObject({ status: 'failed', error: { code: 'not_merged' } });
  });

  it('delivers only what its checks have passed', async () => {
    const session = await sessionWith([{ name: 'a' }, { depends_on: ['a'] }], {
      checks: ['npm test'],
      max_check_rounds: 0,
      deliver: { push: true },
    });
    for (const task of [2, 3]) work(session, task);
    expect(session.task(4)).toMatchObject({ kind: 'integrate', status: 'ready' });
    const red = checked(0, 1, { outcome: 'failed', exit_code: 1, output: 'red' });
    session
      .agentOf(4)
      .connect()
      .send(...red, result(9_999));
    expect(session.rows('tasks')).toHaveLength(4);
    expect(await session.view()).toMatchObject({ status: 'failed', delivery: { commit: null } });
  });

  it('delivers what was added while the delivery was waiting', async () => {
    const session = await sessionWith([{}], { deliver: {} });
    work(session, 2);
    expect(session.task(3)).toMatchObject({ kind: 'deliver', status: 'ready' });
    await session.addTasks({ parent: null });
    expect(session.rows('tasks')).toHaveLength(3);
    work(session, 4);
    work(session, 5);
    const delivery = session.agentOf(6).connect();
    expect(delivery.assignment).toMatchObject({ kind: 'deliver' });
    const { tasks } = await session.view(['tasks']);
    expect(tasks!.map(({ kind, status }) => `${kind} ${status}`)).toEqual([
      'work completed',
      'work completed',
      'work completed',
      'integrate completed',
      'deliver assigned',
    ]);
    const late = await session.runtime.createTasks(session.call(), {
      tasks: [{ name: 'late', title: 'Too late', description: 'Do it.', depends_on: [], parent: null }],
    } as never);
    expect(failureOf(late)).toMatchObject({ code: 'illegal_transition' });
  });
});

describe('a message to a session of several tasks', () => {
  it('is refused before a task has begun, because the prompt of a task comes first', async () => {
    const session = await sessionWith([{ description: 'Build the page.', requires_approval: true }]);
    const send = () => session.runtime.send(session.call(), { text: 'Be careful.', delivery: 'steer' });
    expect(failureOf(await send())).toMatchObject({ code: 'illegal_transition' });
    const [gate] = (await session.view(['approvals'])).approvals!;
    unwrap(await session.runtime.answer(session.call(), gate!.id, { decision: 'once' }));
    const agent = session.agentOf(2).connect();
    unwrap(await send());
    const texts = agent
      .read()
      .commandsOf('message')
      .map(({ text }) => text);
    expect(texts).toEqual([expect.stringContaining('Build the page.'), 'Be careful.']);
  });

  it('reaches a task at work rather than one that waits before it', async () => {
    const session = await sessionWith([{ depends_on: ['b'] }, { name: 'b' }]);
    const agent = session.agentOf(3).connect();
    unwrap(await session.runtime.send(session.call(), { text: 'Be careful.', delivery: 'steer' }));
    expect(
      agent
        .read()
        .commandsOf('message')
        .map(({ text }) => text)
        .at(-1),
    ).toBe('Be careful.');
  });
});
