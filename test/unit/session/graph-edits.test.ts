import { describe, expect, it } from 'vitest';
import { IMPLICIT_TASK } from '../../../src/protocol/common/ids.ts';
import { MAX_TASK_DEPTH } from '../../../src/protocol/common/limits.ts';
import { done, hours, id, statuses } from './diamond.fixture.ts';
import { failure } from './fake-agent.ts';
import { failureOf, type NewTask, SessionInProcess, TASK_ID, unwrap } from './harness.ts';

describe('a change of the graph is refused, and changes nothing,', () => {
  async function refused(tasks: NewTask[], version?: number, begin = (session: SessionInProcess) => session.create()) {
    const session = new SessionInProcess();
    await begin(session);
    const before = [session.rows('tasks'), session.rows('session'), session.rows('event_batches')];
    const outcome = failureOf(await session.tryToAddTasks(tasks, version));
    expect([session.rows('tasks'), session.rows('session'), session.rows('event_batches')]).toEqual(before);
    return outcome;
  }

  it('if it closes a cycle, which it names', async () => {
    const { code, current, detail } = await refused([
      { name: 'a', title: 'Plan', depends_on: ['c'] },
      { name: 'b', title: 'Write', depends_on: ['a'] },
      { name: 'c', title: 'Test', depends_on: ['b'] },
    ]);
    expect(code).toBe('dependency_cycle');
    expect((current as { path: string[] }).path).toHaveLength(4);
    for (const title of ['Plan', 'Write', 'Test']) expect(detail).toContain(`“${title}”`);
  });

  it('if a subtask would wait for what it is a part of', async () => {
    expect((await refused([{ depends_on: [TASK_ID] }])).code).toBe('dependency_cycle');
  });

  it('if it is meant for another version of the graph', async () => {
    expect(await refused([{}], 7)).toMatchObject({ code: 'stale_graph', current: { graph_version: 1 } });
  });

  it('if it names a task that is not there, or one name twice', async () => {
    const { code, errors } = await refused([
      { name: 'a', depends_on: ['nobody'] },
      { name: 'a', parent: '0198c2f0-1a2b-8c3d-9e4f-5a6c00000001' },
    ]);
    expect(code).toBe('validation_failed');
    expect(errors?.map(({ path }) => path)).toEqual(['tasks.1.name', 'tasks.0.depends_on.0', 'tasks.1.parent']);
  });

  it('if subtasks are nested too deeply', async () => {
    const nested = Array.from({ length: MAX_TASK_DEPTH + 1 }, (_, level) => ({
      name: `t${level}`,
      parent: level === 0 ? null : `t${level - 1}`,
    }));
    expect((await refused(nested)).errors).toMatchObject([{ path: `tasks.${MAX_TASK_DEPTH}.parent` }]);
  });

  it('if the parent is being worked on, or the session has ended', async () => {
    const working = await refused([{ parent: TASK_ID }], undefined, (session) => session.begun() as never);
    expect(working).toMatchObject({ code: 'illegal_transition' });
    const ended = await refused([{}], undefined, async (session) => {
      await session.create();
      return session.act('cancel');
    });
    expect(ended).toMatchObject({ code: 'illegal_transition', legal_actions: [] });
  });
});

describe('a task of a graph', () => {
  type Change = Parameters<SessionInProcess['runtime']['changeTask']>[2];
  const tryTo = (session: SessionInProcess, task: number, change: Change) =>
    session.runtime.changeTask(session.call(), id(task), change);
  const change = async (session: SessionInProcess, task: number, wanted: Change) =>
    unwrap(await tryTo(session, task, wanted));
  const end = (session: SessionInProcess, task: number, status: 'completed' | 'failed' | 'cancelled' | 'skipped') =>
    change(session, task, { type: 'status', body: { status } });
  const waitFor = (
    other: number,
    dependency_type: 'finish_to_start' | 'finish_to_finish' = 'finish_to_start',
  ): Change => ({
    type: 'add_dependency',
    body: { depends_on_task_id: id(other), dependency_type, is_required: true },
  });

  it('can be changed until it asks for an agent, in its title and rank until it ends', async () => {
    const session = new SessionInProcess();
    await session.create();
    await session.addTasks({ name: 'a' }, { depends_on: ['a'] });
    const estimate = hours(3);
    await change(session, 3, { type: 'update', body: { description: 'Do it better', estimate, priority: 'high' } });
    await session.act('start');
    const refused = await tryTo(session, 2, { type: 'update', body: { description: 'Too late' } });
    expect(failureOf(refused).code).toBe('illegal_transition');
    await change(session, 2, { type: 'update', body: { title: 'A new title' } });
    done(session, 2);
    expect(session.agentOf(3).connect().commandsOf('message')[0]!.text).toContain('Do it better');
    const task = unwrap(await session.runtime.task(session.call(), id(3), false));
    expect(task).toMatchObject({ estimated_hours: 3, priority: 'high', estimate });
    const over = await tryTo(session, 2, { type: 'update', body: { title: 'Over' } });
    expect(failureOf(over).detail).toContain('completed');
  });

  it('waits for another one from when somebody says so, and no longer when that is taken back', async () => {
    const session = new SessionInProcess();
    await session.create();
    await session.addTasks({}, {});
    await session.act('start');
    await change(session, 3, waitFor(2));
    await session.settle();
    expect(session.task(3)).toMatchObject({ status: 'pending', reserved_at: null });
    expect(session.destinations.slots.get(`${id(3)}:1`)).toBe('cancelled');
    expect(failureOf(await tryTo(session, 2, waitFor(3))).code).toBe('dependency_cycle');
    await change(session, 3, { type: 'remove_dependency', body: { depends_on_task_id: id(2) } });
    expect(session.task(3).status).toBe('ready');
    session.agentOf(3).connect();
    expect(failureOf(await tryTo(session, 3, waitFor(2))).code).toBe('illegal_transition');
    await change(session, 3, waitFor(2, 'finish_to_finish'));
    const all = unwrap(await session.runtime.dependencies(session.call(), id(2)));
    expect(all).toMatchObject({ before: [], after: [id(3)], dependents: [{ task_id: id(3) }] });
  });

  it('is removed with its subtasks, and with those that wait for it only on request', async () => {
    const session = new SessionInProcess();
    await session.create();
    await session.addTasks(
      { name: 'a' },
      { name: 'b', parent: 'a' },
      { name: 'c', depends_on: ['b'] },
      { depends_on: ['c'] },
    );
    const remove = (task: number, cascade = false) => session.runtime.removeTask(session.call(), id(task), { cascade });
    expect(failureOf(await remove(2))).toMatchObject({ code: 'has_dependents', current: [id(4)] });
    expect(failureOf(await remove(IMPLICIT_TASK, true)).code).toBe('illegal_transition');
    unwrap(await remove(2, true));
    expect(session.rows('tasks')).toHaveLength(1);
    expect(session.rows('task_details')).toEqual([]);
    expect(Object.keys((await session.folded()).tasks)).not.toContain('2');
    // The numbers of removed tasks are not used again.
    expect(await session.addTasks({})).toEqual([id(6)]);
    await session.act('start');
    session.agentOf(6).connect();
    expect(failureOf(await remove(6)).detail).toContain('Cancel it');
  });

  it('ends from outside with its subtasks, and the session follows', async () => {
    const session = new SessionInProcess();
    await session.create();
    await session.addTasks({ name: 'a' }, { name: 'b', parent: 'a' }, { depends_on: ['a'] }, {});
    await session.act('start');
    const agent = session.agentOf(3).connect();
    expect(failureOf(await tryTo(session, 2, { type: 'status', body: { status: 'failed' } })).code).toBe(
      'illegal_transition',
    );
    await end(session, 2, 'skipped');
    expect(agent.commandsOf('stop')).toEqual([{ within_ms: 0 }]);
    expect(statuses(session).slice(1)).toEqual(['skipped', 'skipped', 'ready', 'ready']);
    await end(session, 4, 'completed');
    await end(session, 5, 'cancelled');
    expect(await session.status()).toBe('partially_completed');
    expect(failureOf(await tryTo(session, 5, { type: 'status', body: { status: 'skipped' } })).code).toBe(
      'illegal_transition',
    );
  });

  it.each([
    [false, ['in_progress', 'ready', 'pending', 'completed']],
    [true, ['ready', 'ready', 'pending', 'pending']],
  ])('starts again, with all that follow it: %s', async (with_dependents, expected) => {
    const session = new SessionInProcess();
    await session.create();
    const optional = { task: 'a', dependency_type: 'finish_to_start', is_required: false } as const;
    await session.addTasks({ name: 'a' }, { depends_on: ['a'] }, { depends_on: [optional] });
    await session.act('start');
    session.agentOf(2).connect().send(failure(false));
    done(session, 4);
    expect(statuses(session)).toEqual(['failed', 'failed', 'skipped', 'completed']);
    expect(await session.status()).toBe('failed');
    await change(session, 2, { type: 'retry', body: { with_dependents } });
    expect(statuses(session)).toEqual(expected);
    expect(await session.status()).toBe('queued');
    for (const number of with_dependents ? [2, 3, 4] : [2, 3]) done(session, number);
    expect(await session.status()).toBe('completed');
  });

  it('leaves nothing to start when all tasks have ended before', async () => {
    const session = new SessionInProcess();
    await session.create();
    await end(session, IMPLICIT_TASK, 'skipped');
    expect(await session.status()).toBe('pending');
    expect(failureOf(await session.tryTo('start')).code).toBe('illegal_transition');
    await change(session, IMPLICIT_TASK, { type: 'retry', body: { with_dependents: false } });
    await session.act('start');
    expect(await session.status()).toBe('queued');
  });
});
