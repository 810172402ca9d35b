import { describe, expect, it } from 'vitest';
import { IMPLICIT_TASK } from '../../../src/protocol/common/ids.ts';
import { DecomposeTaskRequest } from '../../../src/protocol/session/decomposition.ts';
import { DIAMOND, done, hours, id, statuses } from './diamond.fixture.ts';
import { checkpoint, failure, result, uuidOf } from './fake-agent.ts';
import { failureOf, SessionInProcess, TASK_ID, unwrap } from './harness.ts';

describe('a graph', () => {
  it('asks for agents with the priorities of its tasks', async () => {
    const session = new SessionInProcess();
    await session.create();
    await session.addTasks({ priority: 'blocker' }, {});
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
    expect(await session.addTasks(...DIAMOND)).toEqual([2, 3, 4, 5].map(id));
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
    await session.addTasks(
      { estimate: hours(1) },
      { estimate: hours(3) },
      { estimate: hours(2) },
      { priority: 'blocker' },
    );
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
    await session.addTasks({ depends_on: [TASK_ID] }, {});
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
    await session.addTasks({});
    await session.settle();
    expect(session.destinations.slots.get(`${TASK_ID}:1`)).toBe('cancelled');
    expect(session.task(2)).toMatchObject({ parent: IMPLICIT_TASK, status: 'ready' });
    expect(await session.status()).toBe('queued');
  });

  it('starts a task that follows exactly one other from the work of that one, in a conversation of its own', async () => {
    const session = new SessionInProcess();
    await session.create();
    await session.addTasks({ name: 'a' }, { name: 'b', depends_on: ['a'] }, { depends_on: ['a', 'b'] });
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
    await session.addTasks({ required_capabilities: ['code_review', 'testing'], required_labels: ['gpu=yes'] });
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
    await session.addTasks(
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
    await session.addTasks(
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
    await session.addTasks(
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
    await session.addTasks({ name: 'a' }, { depends_on: [{ task: 'a', dependency_type: 'finish_to_finish' }] });
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
    await session.addTasks({ name: 'a', title: 'Lay the ground' }, { depends_on: ['a'] });
    const changes = (await session.events()).filter(({ type }) => type === 'graph.changed');
    expect(changes).toMatchObject([{ task: 0, data: { version: 2 } }]);
    expect((await session.folded()).tasks[3]).toMatchObject({ title: 'Task 1', parent: 1, depends_on: [2] });
  });
});

it('a graph of ten thousand tasks is created in one call, in events that fit into rows', async () => {
  const session = new SessionInProcess();
  await session.create();
  const ids = await session.addTasks(
    ...Array.from({ length: 9_999 }, (_, index) => ({
      name: `t${index}`,
      depends_on: index < 3 ? [] : [`t${index >> 1}`],
    })),
  );
  expect(ids).toHaveLength(9_999);
  expect(failureOf(await session.tryToAddTasks([{}])).errors).toMatchObject([{ path: 'tasks' }]);
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
  await session.addTasks(...tasks);
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
  await session.addTasks({});
  await session.act('start');
  unwrap(await session.runtime.changeTask(session.call(), id(2), { type: 'update', body: { priority: 'blocker' } }));
  await session.settle();
  expect(session.destinations.requests.at(-1)).toMatchObject({ task_id: id(2), task_priority: 'blocker' });
});
