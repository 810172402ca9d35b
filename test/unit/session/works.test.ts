import { describe, expect, it } from 'vitest';
import { insertOrReplace } from '../../../durable-objects/kit/storage/insert-or-replace.ts';
import type { WorkName } from '../../../src/domain/graph/works.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { MAX_CHECKPOINTS, MAX_WORKS } from '../../../src/protocol/common/limits.ts';
import { checkpoint, failure, released, result, uuidOf } from './fake-agent.ts';
import { type NewTask, SESSION_ID, SessionInProcess, unwrap } from './harness.ts';

const id = (number: number) => taskIdOf(SESSION_ID, number);
const BASE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

/** A started session with tasks from number 2 on. */
async function sessionWith(...tasks: NewTask[]): Promise<SessionInProcess> {
  const session = new SessionInProcess();
  await session.create({ max_parallel: 20 });
  await session.addTasks(...tasks);
  await session.act('start');
  return session;
}

/** Lets an agent do a task, with work whose commit is named after it. */
function work(session: SessionInProcess, task: number, name = `work ${task}`): void {
  const commit = `commit of ${name}`;
  session
    .agentOf(task)
    .connect()
    .send(...checkpoint(name, { messages_done: 0, commit }), result(99));
}

/** Lets an agent do a task without any work. */
function talk(session: SessionInProcess, task: number): void {
  session.agentOf(task).connect().send(result(99));
}

/** Completes tasks with the work of a checkpoint of their own number, without agents. */
function haveDone(
  session: SessionInProcess,
  first: number,
  last: number,
  parentsOf: (task: number) => WorkName[],
): void {
  const { kit, transitions } = session.runtime.parts;
  const view = { base_commit: BASE, local_only: false };
  kit.store.transact(() => {
    for (let task = first; task <= last; task++) {
      const made = {
        task,
        checkpoint: task,
        parents: parentsOf(task),
        is_root: false,
        commit: `c${task}`,
        authors: [],
      };
      const work = JSON.stringify(made);
      insertOrReplace(kit.store, 'checkpoints', { number: task, task, view: JSON.stringify(view), files: '[]', work });
      transitions.task(task, { status: 'completed', outcome: 'whole', work, reserved_at: null });
    }
    transitions.settle({ reason: 'completed' });
  });
}

const DIAMOND = [
  { name: 'a' },
  { name: 'b', depends_on: ['a'] },
  { name: 'c', depends_on: ['a'] },
  { name: 'd', depends_on: ['b', 'c'] },
];

describe('an assignment', () => {
  it('begins with the last works before its task, and has all from which they were made as commits', async () => {
    const session = await sessionWith(...DIAMOND);
    work(session, 2);
    work(session, 4);
    work(session, 3);
    const { start, checkpoint: restored } = session.agentOf(5).connect().assignment!;
    expect(start).toMatchObject({ base_commit: BASE, from: [3, 2], parents: [3, 2] });
    expect(
      start?.works.map(({ checkpoint: number, task_id, parents, commit }) => [number, task_id, parents, commit]),
    ).toEqual([
      [1, id(2), [], 'commit of work 2'],
      [3, id(3), [1], 'commit of work 3'],
      [2, id(4), [1], 'commit of work 4'],
    ]);
    expect(start?.works[0]).toMatchObject({ base_commit: BASE, patch_artifact_id: uuidOf('work 2 patch') });
    expect(restored, 'nothing has the files of both').toBeNull();
  });

  it('takes no part of tasks without work, and looks for work behind them', async () => {
    const session = await sessionWith(...DIAMOND);
    work(session, 2);
    talk(session, 3);
    talk(session, 4);
    const { start, checkpoint: restored } = session.agentOf(5).connect().assignment!;
    expect(start).toMatchObject({ from: [1], parents: [1] });
    expect(restored).toMatchObject({ number: 1, conversation_artifact_id: null });
  });

  it('is the same after a lost connection, and of the next agent, which has the parents of the work it goes on with', async () => {
    const session = await sessionWith(...DIAMOND);
    for (const task of [2, 3, 4]) work(session, task);
    const first = session.agentOf(5).connect();
    const given = first.assignment!.start;
    expect(first.connect().assignment!.start).toEqual(given);
    first.send(...checkpoint('half', { commit: 'commit of half' }), released('shutdown'));
    await session.advance(60_000);
    const { start, checkpoint: restored } = session.agentOf(5, 'AGENT-NEXT').connect().assignment!;
    expect(start).toMatchObject({ from: [4], parents: [2, 3] });
    expect(start?.works.at(-1)).toMatchObject({ checkpoint: 4, task_id: id(5), parents: [2, 3] });
    expect(restored).toMatchObject({ number: 4, conversation_artifact_id: uuidOf('half conversation') });
  });

  it('merges the own work with that of an earlier task that was done again meanwhile', async () => {
    const session = await sessionWith(...DIAMOND);
    for (const task of [2, 3, 4]) work(session, task);
    session
      .agentOf(5)
      .connect()
      .send(...checkpoint('half'), failure(true));
    unwrap(
      await session.runtime.changeTask(session.call(), id(3), { type: 'retry', body: { with_dependents: false } }),
    );
    work(session, 3, 'again');
    await session.advance(60_000);
    const { start, checkpoint: restored } = session.agentOf(5).connect().assignment!;
    expect(start).toMatchObject({ from: [5, 4], parents: [5, 4] });
    expect(start?.works.map(({ checkpoint: number }) => number)).toEqual([1, 2, 5, 3, 4]);
    expect(restored?.conversation_artifact_id).toBe(uuidOf('half conversation'));
  });

  it('of a task that is done again follows the work from which others have begun, whether it goes on from it or not', async () => {
    const session = await sessionWith({ name: 'a' }, { name: 'b', depends_on: ['a'] }, { depends_on: ['b'] });
    work(session, 2);
    work(session, 3);
    const retry = (number: number, with_dependents: boolean) =>
      session.runtime.changeTask(session.call(), id(number), { type: 'retry', body: { with_dependents } });
    unwrap(await retry(2, true));
    const again = session.agentOf(2).connect();
    expect(again.assignment!.start).toMatchObject({ from: [1], parents: [1], works: [{ checkpoint: 1 }] });
    expect(again.assignment!.checkpoint, 'its conversation goes on').toMatchObject({ number: 1 });
    again.send(...checkpoint('half', { commit: 'commit of half' }), released('shutdown'));
    await session.advance(60_000);
    const next = session.agentOf(2, 'AGENT-NEXT').connect();
    expect(next.assignment!.start, 'a takeover is of the same work').toMatchObject({ from: [3], parents: [1] });
    next.send(...checkpoint('again', { messages_done: 0, commit: 'commit of again' }), result(99));
    expect(session.agentOf(3).connect().assignment!.start).toMatchObject({ from: [4, 2], parents: [4, 2] });
    work(session, 3, 'b again');
    unwrap(await retry(2, false));
    session.runtime.parts.kit.store.transact(() => session.runtime.parts.records.updateTask(2, { restore: 'fresh' }));
    const fresh = session.agentOf(2, 'AGENT-FRESH');
    expect(fresh.connect().assignment!.start).toMatchObject({ from: [], parents: [4] });
    fresh.send(released('shutdown'));
    await session.advance(60_000);
    expect(session.agentOf(2).connect().assignment!.start).toMatchObject({ from: [], parents: [4] });
  });

  it('has no work of a task that has failed, or of an agent without git', async () => {
    const session = await sessionWith(
      { name: 'a', max_attempts: 1 },
      { name: 'b' },
      { depends_on: [{ task: 'a', is_required: false }, 'b'] },
    );
    session
      .agentOf(2)
      .connect()
      .send(...checkpoint('failed'), failure(false));
    session
      .agentOf(3)
      .connect()
      .send(...checkpoint('talk', { base_commit: null, patch: null }), result(99));
    expect(session.agentOf(4).connect().assignment!.start).toMatchObject({ from: [], works: [] });
  });

  it('is for agents that can merge, if it needs a merge; any other one counts as having refused', async () => {
    const session = await sessionWith({ name: 'a' }, { name: 'b' }, { depends_on: ['a', 'b'] });
    work(session, 2);
    const old = session.agentOf(3);
    old.canMerge = false;
    expect(old.connect().over, 'this task needs no merge').toBeNull();
    old.send(...checkpoint('one'), result(99));
    const late = session.agentOf(4, 'AGENT-OLD');
    late.canMerge = false;
    expect(late.connect().over).toBe('gone');
    await session.settle();
    expect(session.destinations.requests.at(-1)).toMatchObject({ epoch: 2, requirements: { avoid_agents: [late.id] } });
    expect((await session.view(['tasks'])).tasks![3]).toMatchObject({
      status: 'ready',
      refusals: [{ agent_name: 'AGENT-OLD', message: expect.stringContaining('cannot merge') }],
    });
    expect(session.agentOf(4).connect().assignment?.start?.from).toEqual([1, 2]);
  });

  it('may be had by an agent that has refused it, if it then begins with other works', async () => {
    const session = await sessionWith({ name: 'a' }, { name: 'b' }, { depends_on: ['a', 'b'] });
    work(session, 2);
    work(session, 3);
    const old = session.agentOf(4, 'AGENT-OLD');
    old.canMerge = false;
    expect(old.connect().over).toBe('gone');
    const body = { depends_on_task_id: id(2) };
    unwrap(await session.runtime.changeTask(session.call(), id(4), { type: 'remove_dependency', body }));
    expect((await session.view(['tasks'])).tasks![3]).not.toHaveProperty('refusals');
    const again = session.agentOf(4, 'AGENT-OLD');
    again.canMerge = false;
    expect(again.connect().assignment?.start?.from).toEqual([2]);
  });

  it('has the commit that the first agent named as the base of all work, unless the session names one', async () => {
    const session = await sessionWith({}, {});
    const first = session.agentOf(2);
    first.headCommit = 'a'.repeat(40);
    expect(first.connect().assignment?.start?.base_commit).toBe('a'.repeat(40));
    const second = session.agentOf(3);
    second.headCommit = 'b'.repeat(40);
    expect(second.connect().assignment?.start?.base_commit).toBe('a'.repeat(40));

    const other = new SessionInProcess();
    await other.create({ repository: { base_commit: 'c'.repeat(40) } });
    await other.act('start');
    const agent = other.agent();
    agent.headCommit = 'd'.repeat(40);
    expect(agent.connect().assignment?.start?.base_commit).toBe('c'.repeat(40));
  });

  it('begins a new history behind very many works, so that it does not grow without end', async () => {
    const chain = Array.from({ length: 203 }, (_, index) => ({
      name: `t${index}`,
      ...(index > 0 && { depends_on: [`t${index - 1}`] }),
    }));
    const session = await sessionWith(...chain);
    haveDone(session, 2, 202, (task) => (task === 2 ? [] : [{ task: task - 1, checkpoint: task - 1 }]));
    const before = session.agentOf(203).connect();
    expect(before.assignment!.start).toMatchObject({ from: [202], parents: [202] });
    expect(before.assignment!.start!.works).toHaveLength(201);
    before.send(...checkpoint('one more', { commit: 'commit 203' }), result(9_999));
    const { start } = session.agentOf(204).connect().assignment!;
    expect(start).toMatchObject({ from: [203], parents: [] });
    expect(start!.works, 'its files are the same, but not its commit').toMatchObject([
      { checkpoint: 203, parents: [], commit: null },
    ]);
  });
});

describe('a task', () => {
  it('fails without an agent if it would begin with more works than can be merged', async () => {
    const many = Array.from({ length: MAX_WORKS + 1 }, () => ({ parent: 'many' }));
    const session = await sessionWith({ name: 'many' }, ...many, { depends_on: ['many'] });
    haveDone(session, 3, 2 + many.length, () => []);
    expect(session.task(3 + many.length)).toMatchObject({ status: 'failed' });
    expect(await session.view()).toMatchObject({ status: 'failed', error: { code: 'too_many_works' } });
  });

  it('keeps the checkpoints from which others have begun, however often it is done again', async () => {
    const session = await sessionWith({ name: 'a' }, { depends_on: ['a'] });
    work(session, 2);
    session.agentOf(3).connect();
    unwrap(
      await session.runtime.changeTask(session.call(), id(2), { type: 'retry', body: { with_dependents: false } }),
    );
    const agent = session.agentOf(2).connect();
    for (let turn = 0; turn <= MAX_CHECKPOINTS; turn++) agent.send(...checkpoint(`turn ${turn}`));
    const kept = session.rows<{ number: number }>('checkpoints').map(({ number }) => number);
    expect(kept).toHaveLength(MAX_CHECKPOINTS + 1);
    expect(kept).toContain(1);
    expect(kept).not.toContain(2);
  });
});
