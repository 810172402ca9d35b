import { describe, expect, it } from 'vitest';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { Title } from '../../../src/protocol/session/title.ts';
import { checked, checkpoint, conflict, failure, result } from './fake-agent.ts';
import { failureOf, type NewTask, SESSION_ID, SessionInProcess, unwrap } from './harness.ts';

const id = (number: number) => taskIdOf(SESSION_ID, number);

/** A started session with tasks from number 2 on. */
async function sessionWith(...tasks: NewTask[]): Promise<SessionInProcess> {
  const session = new SessionInProcess();
  await session.create();
  await session.addTasks(...tasks);
  await session.act('start');
  return session;
}

/** Lets an agent do a task, with work. */
function work(session: SessionInProcess, task: number, name = `AGENT-${task}`): void {
  const commit = `commit of ${task}`;
  session
    .agentOf(task, name)
    .connect()
    .send(...checkpoint(`work ${task} of ${name}`, { messages_done: 0, commit }), result(9_999));
}

/** 2 and 3 side by side, then 4. The works of 2 and 3 are the checkpoints 1 and 2. */
const FAN_IN: NewTask[] = [
  { name: 'a', title: 'Add the flag', description: 'Add a flag.' },
  { name: 'b', title: 'Rename the file' },
  { title: 'Test both', depends_on: ['a', 'b'] },
];

/** A session whose task 4 is blocked by a conflict, which task 5 resolves. */
async function inConflict(): Promise<SessionInProcess> {
  const session = await sessionWith(...FAN_IN);
  work(session, 2);
  work(session, 3);
  const agent = session
    .agentOf(4)
    .connect()
    .send(conflict([1], 2, 'src/a.ts', 'b.txt'));
  expect(agent.over).toBe('ended');
  return session;
}

const statusOf = (session: SessionInProcess, task: number) => session.task(task).status;

describe('a conflict of works', () => {
  it('blocks the task at no cost, and is shown with its files, as an item and as an event', async () => {
    const session = await inConflict();
    const view = await session.view(['tasks', 'approvals']);
    const [, , , blocked, resolve] = view.tasks!;
    const [approval] = view.approvals!;
    expect(view).toMatchObject({ status: 'queued', open_approvals: 1 });
    expect(blocked).toMatchObject({
      status: 'blocked',
      attempt: 1,
      waiting_on: [id(5)],
      blocked_by: { kind: 'conflict', approval_id: approval!.id },
    });
    expect(blocked!.blocked_by!.message).toBe(
      'The work of “Rename the file” conflicts with that of “Add the flag” in src/a.ts (both changed the same lines), b.txt (both changed the same lines).',
    );
    expect(resolve).toMatchObject({ kind: 'resolve', status: 'ready', parent_task_id: id(1) });
    expect(approval).toMatchObject({ kind: 'conflict', task_id: id(4), expires_at: null });
    expect(approval!.questions.map(({ question }) => question)).toEqual([
      'Which version of src/a.ts should be kept?',
      'Which version of b.txt should be kept?',
    ]);
    expect(approval!.detail).toMatchObject({ files: [{ path: 'src/a.ts', ours: 'one\n', theirs: 'two\n' }, {}] });
    const event = (await session.events()).find(({ type }) => type === 'task.conflict');
    expect(event).toMatchObject({ task: 4, data: { resolve: 5, ours: [2], theirs: 3, total: 2 } });
    expect((await session.folded()).tasks[5]).toMatchObject({ depends_on: [2, 3] });
  });

  it('has a title and texts within their bounds, which cut no character in two', async () => {
    const title = '🙂'.repeat(49);
    const session = await sessionWith(
      { name: 'a', title, description: `.${'🙂'.repeat(2_500)}` },
      { name: 'b', title },
      { depends_on: ['a', 'b'] },
    );
    work(session, 2);
    work(session, 3);
    session
      .agentOf(4)
      .connect()
      .send(conflict([1], 2, 'a'));
    const resolve = session.task(5).title;
    expect(Title().safeParse(resolve).data).toBe(resolve);
    const [approval] = (await session.view(['approvals'])).approvals!;
    const { ours } = approval!.detail as { ours: { intent: string }[] };
    expect([resolve, ours[0]!.intent].map((text) => text.isWellFormed())).toEqual([true, true]);
  });

  it('is resolved by an agent that has made neither work, from both; then the task begins with that', async () => {
    const session = await inConflict();
    await session.settle();
    const asked = session.destinations.requests.at(-1)!;
    expect(asked.requirements).toMatchObject({ required_capabilities: ['conflict_resolution'] });
    const authors = ['AGENT-2', 'AGENT-3'].map((name) => session.agentOf(5, name));
    expect(asked.requirements.avoid_agents).toEqual(authors.map((author) => author.id));
    for (const name of ['AGENT-2', 'AGENT-3']) expect(session.agentOf(5, name).connect().over).toBe('gone');

    const third = session.agentOf(5, 'AGENT-THIRD').connect();
    expect(third.assignment).toMatchObject({
      kind: 'resolve',
      resolution: { blocked_task_id: id(4), choices: null },
      start: { from: [1, 2], parents: [1, 2] },
    });
    const [prompt] = third.commandsOf('message');
    expect(prompt!.text).toContain('## Add the flag\n\nAdd a flag.');
    third.send(...checkpoint('resolved', { messages_done: 0, commit: 'commit of 5' }), result(9_999));
    expect(statusOf(session, 4)).toBe('ready');
    expect((await session.view(['approvals'])).approvals).toMatchObject([{ status: 'withdrawn' }]);
    expect(session.agentOf(4).connect().assignment!.start).toMatchObject({ from: [3], parents: [3] });
    work(session, 4);
    expect(await session.view()).toMatchObject({ status: 'completed', result: { commit: 'commit of 4' } });
  });

  it('is decided by a person file by file, also while an agent resolves it; any agent then carries it out', async () => {
    const session = await inConflict();
    expect(session.agentOf(5, 'AGENT-2').connect().over).toBe('gone');
    await session.settle();
    const agent = session
      .agentOf(5, 'AGENT-THIRD')
      .connect()
      .send(...checkpoint('half', { messages_done: 0 }));
    const [approval] = (await session.view(['approvals'])).approvals!;
    const answer = (...answers: string[][]) =>
      session.runtime.answer(session.call(), approval!.id, { decision: 'once', answers });
    expect(failureOf(await answer(['ours'], ['mine']))).toMatchObject({ errors: [{ path: 'answers' }] });
    unwrap(await answer(['ours'], ['theirs']));
    expect(agent.read().over).toBe('lease_lost');
    await session.settle();
    expect(session.destinations.requests.at(-1)!.requirements).toMatchObject({
      required_capabilities: [],
      avoid_agents: [],
    });
    expect((await session.view(['tasks'])).tasks![4]).not.toHaveProperty('refusals');
    const author = session.agentOf(5, 'AGENT-2').connect();
    const choices = [
      { path: 'src/a.ts', side: 'ours' },
      { path: 'b.txt', side: 'theirs' },
    ];
    expect(author.assignment).toMatchObject({ resolution: { choices }, start: { from: [1, 2] }, checkpoint: null });
    author.send(...checkpoint('chosen', { messages_done: 0 }), result(9_999));
    expect(statusOf(session, 4)).toBe('ready');
  });

  it('is carried out by an author of the works, once a person has decided, although it was turned away before', async () => {
    const session = await inConflict();
    session.agentOf(5, 'AGENT-2').connect();
    expect((await session.view()).tasks![4]!.refusals).toHaveLength(1);
    const [approval] = (await session.view(['approvals'])).approvals!;
    const answers = [['ours'], ['theirs']];
    unwrap(await session.runtime.answer(session.call(), approval!.id, { decision: 'once', answers }));
    await session.settle();
    expect(session.destinations.requests.at(-1)!.requirements).not.toHaveProperty('refusing_instances');
    const author = session.agentOf(5, 'AGENT-2').connect();
    expect(author.assignment).toMatchObject({ kind: 'resolve' });
  });

  it('lets the task fail if a person says so, and ends its resolution', async () => {
    const session = await inConflict();
    const [approval] = (await session.view(['approvals'])).approvals!;
    unwrap(await session.runtime.answer(session.call(), approval!.id, { decision: 'reject' }));
    expect([4, 5].map((task) => statusOf(session, task))).toEqual(['failed', 'cancelled']);
    expect(await session.view()).toMatchObject({ status: 'failed', error: { code: 'merge_conflict' } });
  });

  it('ends with the task that it blocks', async () => {
    const session = await inConflict();
    const agent = session.agentOf(5, 'AGENT-THIRD').connect();
    unwrap(await session.runtime.changeTask(session.call(), id(4), { type: 'status', body: { status: 'cancelled' } }));
    expect(agent.commandsOf('stop')).toHaveLength(1);
    expect(statusOf(session, 5)).toBe('cancelled');
    expect((await session.view(['approvals'])).approvals).toMatchObject([{ status: 'withdrawn' }]);
  });

  it.each([
    { action: 'fail', body: { error: { message: 'Enough.' } } },
    { action: 'complete', body: { result: { success: true } } },
  ] as const)('ends with its session: $action', async (action) => {
    const session = await inConflict();
    await session.act(action as never);
    expect([4, 5].map((task) => statusOf(session, task))).toEqual([expect.any(String), 'cancelled']);
    expect(['failed', 'completed']).toContain(await session.status());
  });

  it('ends with its session at the time limit', async () => {
    const session = new SessionInProcess();
    await session.create({ max_duration_seconds: 60 });
    await session.addTasks(...FAN_IN, { title: 'Go on for long' });
    await session.act('start');
    for (const task of [2, 3]) work(session, task);
    const other = session.agentOf(5).connect();
    session
      .agentOf(4)
      .connect()
      .send(conflict([1], 2, 'b.txt'));
    for (let each = 0; each < 5; each++) await other.ping(30_000);
    expect(await session.view()).toMatchObject({ status: 'timeout' });
  });

  it('comes back if its task is tried again after a person has refused to resolve it', async () => {
    const session = await inConflict();
    const [approval] = (await session.view(['approvals'])).approvals!;
    unwrap(await session.runtime.answer(session.call(), approval!.id, { decision: 'reject' }));
    await session.act({ action: 'retry', body: { from: 'last' } });
    expect(statusOf(session, 4)).toBe('ready');
    const again = session.agentOf(4).connect();
    again.send(conflict([1], 2, 'b.txt'));
    expect(session.task(6)).toMatchObject({ kind: 'resolve', status: 'ready' });
  });

  it('is not resolved by a word: only its task is cancelled or failed, or a person chooses', async () => {
    const session = await inConflict();
    for (const status of ['completed', 'skipped'] as const) {
      const refused = await session.runtime.changeTask(session.call(), id(5), { type: 'status', body: { status } });
      expect(failureOf(refused).detail).toContain('Answer the question');
    }
  });

  it('skips the task if nobody could resolve it, and is tried again by a retry', async () => {
    const session = await inConflict();
    session.agentOf(5, 'AGENT-THIRD').connect().send(failure(false));
    expect(session.task(4)).toMatchObject({ status: 'skipped', cause: 5 });
    expect(await session.status()).toBe('failed');
    await session.act({ action: 'retry', body: { from: 'last' } });
    expect([4, 5].map((task) => statusOf(session, task))).toEqual(['pending', 'ready']);
    work(session, 5, 'AGENT-THIRD');
    expect(statusOf(session, 4)).toBe('ready');
  });

  it('outlives a pause and a restart of the object', async () => {
    const session = await inConflict();
    await session.act('pause');
    expect(await session.status()).toBe('paused');
    session.evict();
    await session.act('resume');
    expect([4, 5].map((task) => statusOf(session, task))).toEqual(['blocked', 'ready']);
    work(session, 5, 'AGENT-THIRD');
    expect(statusOf(session, 4)).toBe('ready');
  });

  it('can follow another one, with the work that has resolved that', async () => {
    const session = await sessionWith({ name: 'a' }, { name: 'b' }, { name: 'c' }, { depends_on: ['a', 'b', 'c'] });
    for (const task of [2, 3, 4]) work(session, task);
    session
      .agentOf(5)
      .connect()
      .send(conflict([1], 2, 'x'));
    work(session, 6, 'AGENT-THIRD');
    const again = session.agentOf(5).connect();
    expect(again.assignment!.start!.from, 'by the number of the task').toEqual([3, 4]);
    again.send(conflict([3], 4, 'x'));
    expect(session.task(7)).toMatchObject({ kind: 'resolve', status: 'ready' });
    work(session, 7, 'AGENT-FOURTH');
    expect(session.agentOf(5).connect().assignment!.start!.from).toEqual([5]);
  });

  it('is refused if it names works with which the task does not begin', async () => {
    const session = await sessionWith(...FAN_IN);
    work(session, 2);
    work(session, 3);
    const agent = session
      .agentOf(4)
      .connect()
      .send(conflict([1], 7, 'x'));
    expect(agent.over).toBe('lease_lost');
    expect((await session.events()).some(({ type }) => type === 'frame.rejected')).toBe(true);
    expect(session.rows('approvals')).toEqual([]);
  });
});

describe('a session whose tasks are done', () => {
  it('merges the work of several last tasks in one more, whose work is that of the session', async () => {
    const session = await sessionWith({}, {});
    work(session, 2);
    work(session, 3);
    expect(await session.status()).toBe('queued');
    expect(session.task(4)).toMatchObject({ kind: 'integrate', status: 'ready', parent: null });
    const agent = session.agentOf(4).connect();
    expect(agent.assignment).toMatchObject({
      kind: 'integrate',
      messages_done: 0,
      messages_last: 0,
      start: { from: [1, 2] },
    });
    expect(agent.commandsOf('message')).toEqual([]);
    agent.send(...checkpoint('all', { messages_done: 0, commit: 'commit of all' }), result(0, { text: 'Merged.' }));
    expect(await session.view()).toMatchObject({
      status: 'completed',
      result: { text: 'Merged.', commit: 'commit of all' },
    });
    expect(unwrap(await session.runtime.diff(session.call()))).toMatchObject({
      checkpoint: 3,
      commit: 'commit of all',
    });
  });

  it('needs no more if one of them has all work, or none has any', async () => {
    const chain = await sessionWith({ name: 'a' }, { depends_on: ['a'] });
    work(chain, 2);
    work(chain, 3);
    expect(await chain.view()).toMatchObject({ status: 'completed', result: { commit: 'commit of 3' } });
    const talk = await sessionWith({}, {});
    for (const task of [2, 3]) talk.agentOf(task).connect().send(result(9_999));
    expect(await talk.status()).toBe('completed');
  });

  it('runs its checks on the whole, if more than one task has worked', async () => {
    const session = new SessionInProcess();
    await session.create({ checks: ['npm test'] });
    await session.addTasks({ name: 'a' }, { depends_on: ['a'] });
    await session.act('start');
    work(session, 2);
    work(session, 3);
    expect(session.task(4)).toMatchObject({ kind: 'integrate', status: 'ready' });
    expect(session.agentOf(4).connect().assignment).toMatchObject({
      start: { from: [2] },
      checks: [{ command: 'npm test' }],
    });

    const alone = new SessionInProcess();
    await alone.create({ checks: ['npm test'] });
    await alone.act('start');
    work(alone, 1);
    expect(alone.rows('tasks')).toHaveLength(1);
  });

  it('is not merged if a task has failed', async () => {
    const session = await sessionWith({ max_attempts: 1 }, {}, {});
    session.agentOf(2).connect().send(failure(false));
    work(session, 3);
    work(session, 4);
    expect(await session.status()).toBe('failed');
    expect(session.rows('tasks')).toHaveLength(4);
  });

  it('merges again if a task was added meanwhile', async () => {
    const session = await sessionWith({}, {});
    for (const task of [2, 3]) work(session, task);
    const agent = session.agentOf(4).connect();
    await session.addTasks({ parent: null });
    agent.send(...checkpoint('all', { messages_done: 0 }), result(0));
    expect(session.task(4).status).toBe('completed');
    work(session, 5);
    expect(session.rows('tasks')).toHaveLength(5);
    expect(session.agentOf(4).connect().assignment!.start).toMatchObject({ from: [3, 4] });
    work(session, 4);
    expect(await session.status()).toBe('completed');
  });

  it('runs its checks again on what it then merges', async () => {
    const session = new SessionInProcess();
    await session.create({ checks: ['npm test'] });
    await session.addTasks({}, {});
    await session.act('start');
    for (const task of [2, 3]) work(session, task);
    const agent = session.agentOf(4).connect();
    await session.addTasks({ parent: null });
    agent.send(...checkpoint('all', { messages_done: 0 }), ...checked(0, 1), result(9_999));
    expect(session.task(4).status).toBe('completed');
    work(session, 5);
    work(session, 4);
    expect(await session.view()).toMatchObject({
      status: 'partially_completed',
      error: { message: expect.stringContaining('check') },
    });
  });

  it('resolves a conflict at its end as well', async () => {
    const session = await sessionWith({}, {});
    for (const task of [2, 3]) work(session, task);
    session
      .agentOf(4)
      .connect()
      .send(conflict([1], 2, 'x'));
    expect(session.task(4)).toMatchObject({ status: 'blocked' });
    work(session, 5, 'AGENT-THIRD');
    work(session, 4);
    expect(await session.status()).toBe('completed');
  });
});
