import { describe, expect, it } from 'vitest';
import { IMPLICIT_TASK, taskIdOf } from '../../../src/protocol/common/ids.ts';
import { MAX_TASK_DEPTH } from '../../../src/protocol/common/limits.ts';
import { DecomposeTaskRequest } from '../../../src/protocol/session/decomposition.ts';
import { CreateGraphRequest } from '../../../src/protocol/session/task-requests.ts';
import { checkpoint, failure, result, uuidOf } from './fake-agent.ts';
import { failureOf, type NewTask, SESSION_ID, SessionInProcess, TASK_ID, unwrap } from './harness.ts';

const id = (number: number) => taskIdOf(SESSION_ID, number);
const hours = (likely: number) => ({ optimistic_hours: likely, likely_hours: likely, pessimistic_hours: likely });

function tryToAdd(session: SessionInProcess, tasks: NewTask[], graph_version?: number) {
  const full = tasks.map((task, index) => ({ title: `Task ${index}`, description: `Do part ${index}`, ...task }));
  const request = CreateGraphRequest().parse({ tasks: full, graph_version });
  return session.runtime.createTasks(session.call(), request);
}

async function add(session: SessionInProcess, ...tasks: NewTask[]): Promise<string[]> {
  return unwrap(await tryToAdd(session, tasks)).task_ids;
}

const statuses = (session: SessionInProcess) => session.runtime.parts.records.tasks().map(({ status }) => status);

/** Lets an agent do the task. */
const done = (session: SessionInProcess, task: number, text = `Did ${task}.`) =>
  session.agentOf(task).connect().send(result(99, { text }));

/** A → B, A → C, (B, C) → D under the session's own task, which is number 1. */
const DIAMOND = [
  { name: 'a', title: 'First of all', estimate: hours(1) },
  { name: 'b', depends_on: ['a'], estimate: hours(2) },
  { name: 'c', depends_on: ['a'], estimate: hours(5) },
  { name: 'd', depends_on: ['b', 'c'], estimate: hours(1) },
];

describe('a graph', () => {
  it('asks for agents with the priorities of its tasks', async () => {
    const session = new SessionInProcess();
    await session.create();
    await add(session, { priority: 'blocker' }, {});
    await session.act('start');
    await session.settle();
    const asked = session.destinations.requests.map(({ task_id, task_priority }) => [task_id, task_priority]);
    expect(asked).toEqual([
      [id(2), 'blocker'],
      [id(3), undefined],
    ]);
  });

  it('is done in its order, in parallel where it allows, each task by its own prompt with what came before', async () => {
    const session = new SessionInProcess();
    await session.create();
    expect(await add(session, ...DIAMOND)).toEqual([2, 3, 4, 5].map(id));
    await session.act('start');
    await session.settle();
    expect(statuses(session)).toEqual(['ready', 'ready', 'pending', 'pending', 'pending']);
    expect(session.destinations.requests.map(({ task_id }) => task_id)).toEqual([id(2)]);

    const first = session.agentOf(2).connect();
    expect(first.assignment).toMatchObject({ task_id: id(2), title: 'First of all', messages_last: 2 });
    expect(first.commandsOf('message')).toEqual([{ number: 2, text: 'Do part 0', delivery: 'follow_up' }]);
    expect(await session.status()).toBe('running');
    first.send(result(99, { text: 'The ground is laid.' }));
    expect(first.over).toBe('ended');
    expect(await session.status()).toBe('queued');
    expect(statuses(session)).toEqual(['in_progress', 'completed', 'ready', 'ready', 'pending']);

    const [text] = session
      .agentOf(4)
      .connect()
      .commandsOf('message')
      .map((message) => message.text);
    expect(text).toContain('Do part 2');
    expect(text).toContain('## First of all\n\nThe ground is laid.');
    done(session, 3);
    expect(statuses(session)[4]).toBe('pending');
    done(session, 4);
    done(session, 5);
    expect(statuses(session)).toEqual(Array(5).fill('completed'));
    expect(await session.status()).toBe('completed');
  });

  it('goes on with the longest path first, and with no more tasks at a time than the session allows', async () => {
    const session = new SessionInProcess();
    await session.create({ max_parallel: 2 });
    await add(session, { estimate: hours(1) }, { estimate: hours(3) }, { estimate: hours(2) }, { priority: 'blocker' });
    await session.act('start');
    await session.settle();
    expect(session.destinations.requests.map(({ task_id }) => task_id)).toEqual([id(5), id(3)]);
    done(session, 5);
    await session.settle();
    expect(session.destinations.requests.at(-1)?.task_id).toBe(id(4));
    expect(statuses(session).filter((status) => status === 'ready')).toHaveLength(3);
  });

  it('can grow while the session runs', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    await add(session, { depends_on: [TASK_ID] }, {});
    // An agent has begun with the session's own task, so the others stand beside it.
    expect(session.task(2).parent).toBeNull();
    expect(statuses(session)).toEqual(['assigned', 'pending', 'ready']);
    agent.send(result());
    expect(await session.status()).toBe('queued');
    done(session, 2);
    done(session, 3);
    expect(await session.status()).toBe('completed');
  });

  it('takes the session’s own task from the queue when that gets subtasks', async () => {
    const session = new SessionInProcess();
    await session.create();
    await session.act('start');
    await add(session, {});
    await session.settle();
    expect(session.destinations.slots.get(`${TASK_ID}:1`)).toBe('cancelled');
    expect(session.task(2)).toMatchObject({ parent: IMPLICIT_TASK, status: 'ready' });
    expect(await session.status()).toBe('queued');
  });

  it('starts a task that follows exactly one other from the work of that one, in a conversation of its own', async () => {
    const session = new SessionInProcess();
    await session.create();
    await add(session, { name: 'a' }, { name: 'b', depends_on: ['a'] }, { depends_on: ['a', 'b'] });
    await session.act('start');
    const first = session.agentOf(2).connect();
    expect(first.assignment?.checkpoint).toBeNull();
    first.send(...checkpoint('one', { messages_done: 2 }), result(99));
    const { checkpoint: start, messages_done } = session.agentOf(3).connect().assignment!;
    expect(messages_done, 'its own prompt is message 3').toBe(2);
    expect(start).toMatchObject({ number: 1, patch_artifact_id: uuidOf('one patch'), conversation_artifact_id: null });
    session
      .agentOf(3)
      .connect()
      .send(...checkpoint('two', { messages_done: 3 }), result(99));
    expect(unwrap(await session.runtime.diff(session.call()))).toMatchObject({ checkpoint: 2 });
  });

  it('asks for what the session and the task require', async () => {
    const session = new SessionInProcess();
    await session.create({ required_capabilities: ['testing'], required_labels: ['os=linux'] });
    await add(session, { required_capabilities: ['code_review', 'testing'], required_labels: ['gpu=yes'] });
    await session.act('start');
    await session.settle();
    expect(session.destinations.requests[0]?.requirements).toMatchObject({
      required_capabilities: ['testing', 'code_review'],
      required_labels: ['os=linux', 'gpu=yes'],
    });
  });

  it('fails with a task whose attempts are used up, skips what required it at once, and is done by a retry', async () => {
    const session = new SessionInProcess();
    await session.create();
    await add(
      session,
      { name: 'a', max_attempts: 1 },
      { name: 'b', depends_on: ['a'] },
      { name: 'c', depends_on: ['b'] },
      {},
    );
    await session.act('start');
    session.agentOf(2).connect().send(failure(true));
    expect(statuses(session)).toEqual(['in_progress', 'failed', 'skipped', 'skipped', 'ready']);
    const { tasks } = await session.view(['tasks']);
    expect(tasks!.map(({ caused_by }) => caused_by)).toEqual([null, null, id(2), id(2), null]);
    done(session, 5);
    expect(await session.view()).toMatchObject({ status: 'failed', error: { code: 'model_broken' } });

    await session.act({ action: 'retry', body: { from: 'last' } });
    expect(statuses(session)).toEqual(['in_progress', 'ready', 'pending', 'pending', 'completed']);
    for (const number of [2, 3, 4]) done(session, number);
    expect(await session.status()).toBe('completed');
  });

  it('stops the agent of a task that cannot end any more, and takes its last checkpoint', async () => {
    const session = new SessionInProcess();
    await session.create();
    await add(
      session,
      { name: 'a', max_attempts: 1 },
      { depends_on: [{ task: 'a', dependency_type: 'finish_to_finish' }] },
    );
    await session.act('start');
    const second = session.agentOf(3).connect();
    session.agentOf(2).connect().send(failure(false));
    expect(session.task(3)).toMatchObject({ status: 'skipped', cause: 2 });
    expect(second.commandsOf('stop')).toEqual([{ within_ms: 0 }]);
    expect(await session.status()).toBe('failed');
    // The agent is silent: its lease ends all the same.
    await session.advance(61_000);
    expect(session.runtime.parts.records.liveLeases()).toEqual([]);
  });

  it('keeps the end of a task whose agent is late with its last checkpoint when a pause ends its lease', async () => {
    const session = new SessionInProcess();
    await session.create();
    await add(
      session,
      { name: 'a', max_attempts: 1 },
      { depends_on: [{ task: 'a', dependency_type: 'finish_to_finish' }] },
      {},
    );
    await session.act('start');
    session.agentOf(3).connect();
    session.agentOf(4).connect();
    session.agentOf(2).connect().send(failure(false));
    expect(session.task(3).status).toBe('skipped');
    await session.act('pause');
    await session.advance(61_000);
    expect(statuses(session).slice(2)).toEqual(['skipped', 'paused']);
    expect(await session.status()).toBe('paused');
  });

  it('frees the agent of a task whose work is done, and completes the task when the others allow it', async () => {
    const session = new SessionInProcess();
    await session.create();
    await add(session, { name: 'a' }, { depends_on: [{ task: 'a', dependency_type: 'finish_to_finish' }] });
    await session.act('start');
    expect(done(session, 3).over).toBe('ended');
    expect(session.task(3)).toMatchObject({ status: 'in_progress', outcome: 'whole' });
    expect((await session.view(['tasks'])).tasks![2]!.waiting_on).toEqual([id(2)]);
    expect(await session.status()).toBe('queued');
    // Neither a pause nor an eviction makes it work again.
    await session.act('pause');
    session.evict();
    await session.act('resume');
    expect(session.task(3).status).toBe('in_progress');
    done(session, 2);
    expect(await session.status()).toBe('completed');
  });

  it('is an event with its version, which the folded state has', async () => {
    const session = new SessionInProcess();
    await session.create();
    await add(session, { name: 'a', title: 'Lay the ground' }, { depends_on: ['a'] });
    const changes = (await session.events()).filter(({ type }) => type === 'graph.changed');
    expect(changes).toMatchObject([{ task: 0, data: { version: 2 } }]);
    expect((await session.folded()).tasks[3]).toMatchObject({ title: 'Task 1', parent: 1, depends_on: [2] });
  });
});

describe('a change of the graph is refused, and changes nothing,', () => {
  async function refused(tasks: NewTask[], version?: number, begin = (session: SessionInProcess) => session.create()) {
    const session = new SessionInProcess();
    await begin(session);
    const before = [session.rows('tasks'), session.rows('session'), session.rows('event_batches')];
    const outcome = failureOf(await tryToAdd(session, tasks, version));
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
    await add(session, { name: 'a' }, { depends_on: ['a'] });
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
    await add(session, {}, {});
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
    await add(
      session,
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
    expect(await add(session, {})).toEqual([id(6)]);
    await session.act('start');
    session.agentOf(6).connect();
    expect(failureOf(await remove(6)).detail).toContain('Cancel it');
  });

  it('ends from outside with its subtasks, and the session follows', async () => {
    const session = new SessionInProcess();
    await session.create();
    await add(session, { name: 'a' }, { name: 'b', parent: 'a' }, { depends_on: ['a'] }, {});
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
    await add(session, { name: 'a' }, { depends_on: ['a'] }, { depends_on: [optional] });
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

describe('the view of a graph', () => {
  it('has levels, the critical path, slack, and what more agents would change', async () => {
    const session = new SessionInProcess();
    await session.create();
    await add(session, ...DIAMOND);
    const graph = unwrap(await session.runtime.graph(session.call()));
    expect(graph.levels).toEqual([[id(1), id(2)], [id(3), id(4)], [id(5)]]);
    expect(graph.critical_path).toEqual([id(2), id(4), id(5)]);
    expect(graph.critical_path_hours).toBe(7);
    expect(graph.nodes.find(({ task_id }) => task_id === id(3))).toMatchObject({ slack_hours: 3, estimated_hours: 2 });
    expect(graph.edges).toHaveLength(4);
    const finishWith = async (agents: number) => {
      const { at, predicted_finish_at } = unwrap(await session.runtime.graph(session.call(), agents));
      return (Date.parse(predicted_finish_at) - Date.parse(at)) / 3_600_000;
    };
    expect(await finishWith(1)).toBe(9);
    expect(await finishWith(2)).toBe(7);
  });

  it('corrects the estimates of tasks by what others of their kind took, and predicts with that', async () => {
    const session = new SessionInProcess();
    await session.create();
    const of = (capability: 'testing' | 'documentation') => ({
      estimate: hours(1),
      required_capabilities: [capability],
    });
    await add(session, of('testing'), of('testing'), of('testing'), of('documentation'), {
      required_capabilities: ['testing'],
    });
    await session.act('start');
    const agents = [2, 3].map((task) => session.agentOf(task).connect());
    for (let minute = 0; minute < 30; minute++) {
      for (const agent of agents) await agent.ping(30_000);
    }
    for (const agent of agents) agent.send(result(99, { text: 'Done.' }));
    const graph = unwrap(await session.runtime.graph(session.call(), 1));
    const node = (number: number) => graph.nodes.find(({ task_id }) => task_id === id(number))!;
    // Two results at half of the estimate, with the weight of four that were right.
    expect(node(4)).toMatchObject({ estimated_hours: 1, confidence: 2 / 6 });
    expect(node(4).corrected_hours).toBeCloseTo(0.5 ** (2 / 6), 2);
    expect(node(5)).toMatchObject({ estimated_hours: 1, corrected_hours: 1, confidence: 0 });
    expect(node(6)).toMatchObject({ estimated_hours: null, corrected_hours: null });
    const left = (Date.parse(graph.predicted_finish_at) - Date.parse(graph.at)) / 3_600_000;
    expect(left, 'with an hour for the task without an estimate').toBeCloseTo(0.5 ** (2 / 6) + 1 + 1, 1);
  });

  it('follows the time: a task that takes longer than it should makes the whole no shorter', async () => {
    const session = new SessionInProcess();
    await session.create();
    await add(session, { estimate: hours(1) });
    await session.act('start');
    const agent = session.agentOf(2).connect();
    await agent.ping(1_800_000);
    expect(unwrap(await session.runtime.graph(session.call())).critical_path_hours).toBeCloseTo(0.5, 1);
  });
});

it('a task is read with its estimate, its complexity, its result and its subtasks', async () => {
  const session = new SessionInProcess();
  await session.create();
  await add(session, { estimate: { optimistic_hours: 1, likely_hours: 4, pessimistic_hours: 13 } });
  await session.act('start');
  done(session, 2, 'It is done.');
  const task = unwrap(await session.runtime.task(session.call(), TASK_ID, true));
  expect(task).toMatchObject({ description: 'Do it', status: 'completed', complexity_level: 'moderate' });
  expect(task.subtasks).toMatchObject([
    { estimated_hours: 5, complexity_level: 'complex', deviation_hours: 2, result: { text: 'It is done.' } },
  ]);
  expect(failureOf(await session.runtime.task(session.call(), id(9), false)).code).toBe('not_found');
  const page = unwrap(await session.runtime.tasks(session.call(), { page_size: 1 }));
  expect(page.items.map((item) => item.id)).toEqual([TASK_ID]);
  expect(page.next_cursor).not.toBeNull();
});

it('a graph of ten thousand tasks is created in one call, in events that fit into rows', async () => {
  const session = new SessionInProcess();
  await session.create();
  const ids = await add(
    session,
    ...Array.from({ length: 9_999 }, (_, index) => ({
      name: `t${index}`,
      depends_on: index < 3 ? [] : [`t${index >> 1}`],
    })),
  );
  expect(ids).toHaveLength(9_999);
  expect(failureOf(await tryToAdd(session, [{}])).errors).toMatchObject([{ path: 'tasks' }]);
  const plan = DecomposeTaskRequest().parse({ strategy: 'agent' });
  expect(failureOf(await session.runtime.decompose(session.call(), ids.at(-1)!, plan, [])).code).toBe('limit_reached');
  const longest = Math.max(...session.rows<{ events: string }>('event_batches').map(({ events }) => events.length));
  expect(longest).toBeLessThan(262_144);
  await session.act('start');
  done(session, 2);
  expect(await session.status()).toBe('queued');
});

it('the graph of an object that has just woken keeps nothing of a transaction that fails', async () => {
  const session = new SessionInProcess();
  await session.create();
  session.evict();
  const { storedGraph, graph, kit } = session.runtime.parts;
  const { store } = kit;
  expect(() =>
    store.transact(() => {
      storedGraph.add('A task of a transaction that fails');
      expect(graph.leaves()).toHaveLength(2);
      throw new Error('fails');
    }),
  ).toThrow('fails');
  expect(graph.leaves()).toHaveLength(1);
  expect([...graph.tasks.tasks.keys()]).toEqual([1]);
});

it('a graph whose tasks have many dependencies is recorded in events that each fit into a row', async () => {
  const session = new SessionInProcess();
  await session.create();
  const tasks = Array.from({ length: 200 }, (_, index) => ({
    name: `${index}`,
    depends_on: Array.from({ length: index }, (_, other) => `${other}`),
  }));
  await add(session, ...tasks);
  const events = (await session.events()).flatMap((event) => (event.type === 'graph.changed' ? [event.data] : []));
  expect(events.length).toBeGreaterThan(1);
  for (const event of events) expect(JSON.stringify(event).length).toBeLessThan(200_000);
  expect(new Set(events.map(({ version }) => version)).size).toBe(1);
  expect(events.flatMap((event) => event.tasks.map(({ number }) => number))).toEqual(
    tasks.map((_, index) => index + 2),
  );
});

it('the registry hears of the new priority of a task that asks for an agent', async () => {
  const session = new SessionInProcess();
  await session.create();
  await add(session, {});
  await session.act('start');
  unwrap(await session.runtime.changeTask(session.call(), id(2), { type: 'update', body: { priority: 'blocker' } }));
  await session.settle();
  expect(session.destinations.requests.at(-1)).toMatchObject({ task_id: id(2), task_priority: 'blocker' });
});
