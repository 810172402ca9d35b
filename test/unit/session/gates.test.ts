import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import type { TaskChange } from '../../../src/ports/sessions.ts';
import { IMPLICIT_TASK, taskIdOf } from '../../../src/protocol/common/ids.ts';
import { MAX_GATES } from '../../../src/protocol/common/limits.ts';
import type { ApprovalView } from '../../../src/protocol/session/approval.ts';
import { CreateGraphRequest } from '../../../src/protocol/session/task-requests.ts';
import { result } from './fake-agent.ts';
import { failureOf, SESSION_ID, SessionInProcess, unwrap } from './harness.ts';

type NewTask = Partial<z.input<ReturnType<typeof CreateGraphRequest>>['tasks'][number]>;
const id = (number: number) => taskIdOf(SESSION_ID, number);

function tryToAdd(session: SessionInProcess, tasks: NewTask[]) {
  const full = tasks.map((task, index) => ({ title: `Task ${index + 2}`, description: `Do ${index + 2}`, ...task }));
  return session.runtime.createTasks(session.call(), CreateGraphRequest().parse({ tasks: full }));
}

/** A started session with these tasks, from number 2 on. */
async function started(tasks: NewTask[], changes: Record<string, unknown> = {}): Promise<SessionInProcess> {
  const session = new SessionInProcess();
  await session.create(changes);
  unwrap(await tryToAdd(session, tasks));
  await session.act('start');
  return session;
}

const statuses = (session: SessionInProcess) => session.runtime.parts.records.tasks().map(({ status }) => status);
const approvals = async (session: SessionInProcess): Promise<ApprovalView[]> =>
  unwrap(await session.runtime.approvals(session.call())).items;
const openOnes = async (session: SessionInProcess) =>
  (await approvals(session)).filter(({ status }) => status === 'open');
async function answer(session: SessionInProcess, decision: 'once' | 'reject'): Promise<void> {
  const [first] = await openOnes(session);
  unwrap(await session.runtime.answer(session.call(), first!.id, { decision }));
}
const change = (session: SessionInProcess, number: number, what: TaskChange) =>
  session.runtime.changeTask(session.call(), id(number), what);
const done = (session: SessionInProcess, number: number) => session.agentOf(number).connect().send(result(99));

const CHAIN: NewTask[] = [
  { name: 'a' },
  { name: 'b', depends_on: ['a'], requires_approval: true },
  { depends_on: ['b'] },
];

describe('a task that requires an approval', () => {
  it('shows the beginning of its prompt, and cuts no character in two', async () => {
    const session = await started([{ description: `.${'🙂'.repeat(2_000)}`, requires_approval: true }]);
    const [approval] = await approvals(session);
    const prompt = approval!.detail.prompt as string;
    expect(prompt.length).toBeLessThanOrEqual(2_000);
    expect(prompt.isWellFormed()).toBe(true);
  });

  it('is asked about when it could start, and asks for no agent before a person has approved it', async () => {
    const session = await started(CHAIN);
    expect(await approvals(session)).toEqual([]);
    done(session, 2);
    expect(statuses(session)).toEqual(['in_progress', 'completed', 'blocked', 'pending']);
    const [approval] = await approvals(session);
    expect(approval).toMatchObject({ kind: 'task_gate', task_id: id(3), title: 'Start “Task 3”?', status: 'open' });
    const view = await session.view();
    expect(view).toMatchObject({ status: 'queued', open_approvals: 1 });
    expect(view.tasks![2]).toMatchObject({
      requires_approval: true,
      blocked_by: { kind: 'task_gate', approval_id: approval!.id, message: 'Waits for somebody to approve its start.' },
    });
    await session.settle();
    expect(session.destinations.requests.map(({ task_id }) => task_id)).toEqual([id(2)]);

    await answer(session, 'once');
    expect(statuses(session)).toEqual(['in_progress', 'completed', 'ready', 'pending']);
    expect((await session.view()).tasks![2]).toMatchObject({ requires_approval: true, blocked_by: null });
    done(session, 3);
    done(session, 4);
    expect(await session.status()).toBe('completed');
  });

  it('is cancelled when it is rejected, and what depends on it is skipped with the cause', async () => {
    const session = await started(CHAIN);
    done(session, 2);
    await answer(session, 'reject');
    expect(statuses(session)).toEqual(['failed', 'completed', 'cancelled', 'skipped']);
    expect((await session.view()).tasks![3]).toMatchObject({ caused_by: id(3) });
    expect(await session.status()).toBe('partially_completed');
  });

  it('fails when nobody answers in time, whatever the session’s default, and a retry asks again', async () => {
    const session = await started(CHAIN, { approval_timeout_seconds: 60, approval_default: 'once' });
    done(session, 2);
    await session.advance(60_000);
    expect(statuses(session)).toEqual(['failed', 'completed', 'failed', 'skipped']);
    expect(await session.view()).toMatchObject({ status: 'failed', error: { code: 'approval_expired' } });
    await session.act({ action: 'retry', body: { from: 'last' } });
    expect(statuses(session)).toEqual(['in_progress', 'completed', 'blocked', 'pending']);
    await answer(session, 'once');
    done(session, 3);
    done(session, 4);
    expect(await session.status()).toBe('completed');
  });

  it('is not judged by the time in which the control plane was down', async () => {
    const session = await started(CHAIN, { approval_timeout_seconds: 60 });
    done(session, 2);
    session.restart(120_000);
    await session.alarmLate();
    expect(statuses(session)[2]).toBe('blocked');
    await session.advance(60_000);
    expect(statuses(session)[2]).toBe('failed');
  });

  it('stays approved when it is tried and done again', async () => {
    const session = await started([{ requires_approval: true }]);
    await answer(session, 'once');
    session
      .agentOf(2)
      .connect()
      .send({ type: 'released', data: { reason: 'lost', message: 'lost' } });
    await session.advance(1_000);
    expect(session.task(2).status).toBe('ready');
    unwrap(await change(session, 2, { type: 'status', body: { status: 'failed' } }));
    unwrap(await change(session, 2, { type: 'retry', body: { with_dependents: true } }));
    expect(session.task(2).status).toBe('ready');
  });

  it('can be approved while the session is paused, and starts when it goes on', async () => {
    const session = await started([{ requires_approval: true }]);
    await session.act('pause');
    expect(await session.status()).toBe('paused');
    expect(session.task(2).status).toBe('blocked');
    await answer(session, 'once');
    expect(session.task(2).status).toBe('pending');
    await session.act('resume');
    expect(session.task(2).status).toBe('ready');
  });

  it('is still asked about after a pause, a resume and an eviction', async () => {
    const session = await started([{ requires_approval: true }]);
    await session.act('pause');
    session.evict();
    await session.act('resume');
    expect(session.task(2).status).toBe('blocked');
    expect(await openOnes(session)).toHaveLength(1);
  });
});

describe('the approval of a task’s start', () => {
  it.each([
    [
      'is cancelled',
      (session: SessionInProcess) => change(session, 3, { type: 'status', body: { status: 'cancelled' } }),
    ],
    ['ends with its session', (session: SessionInProcess) => session.tryTo('cancel')],
    [
      'requires none any more',
      (session: SessionInProcess) => change(session, 3, { type: 'update', body: { requires_approval: false } }),
    ],
    ['is removed', (session: SessionInProcess) => session.runtime.removeTask(session.call(), id(3), { cascade: true })],
    [
      'has to wait for another one again',
      (session: SessionInProcess) =>
        change(session, 3, {
          type: 'add_dependency',
          body: { depends_on_task_id: id(5), dependency_type: 'finish_to_start', is_required: true },
        }),
    ],
  ])('is withdrawn when the task %s', async (_, act) => {
    const session = await started([...CHAIN, {}]);
    done(session, 2);
    expect(await openOnes(session)).toHaveLength(1);
    unwrap<unknown>(await act(session));
    expect(await approvals(session)).toMatchObject([{ status: 'withdrawn' }]);
    expect(session.task(3)?.blocked_by ?? null).toBeNull();
  });
});

describe('a task with subtasks that requires an approval', () => {
  const PARENT: NewTask[] = [
    { name: 'parent', requires_approval: true },
    { name: 'one', parent: 'parent' },
    { parent: 'parent' },
    { parent: 'parent', depends_on: ['one'], requires_approval: true },
    {},
  ];

  it('keeps all of them by one approval, and then each by its own', async () => {
    const session = await started(PARENT);
    expect(statuses(session)).toEqual(['ready', 'blocked', 'blocked', 'blocked', 'pending', 'ready']);
    expect(await openOnes(session)).toMatchObject([{ task_id: id(2) }]);
    expect((await session.view()).tasks![2]?.blocked_by?.message).toContain('the start of “Task 2”');
    await answer(session, 'once');
    expect(statuses(session)).toEqual(['ready', 'ready', 'ready', 'ready', 'pending', 'ready']);
    done(session, 3);
    expect(await openOnes(session)).toMatchObject([{ task_id: id(5) }]);
  });

  it('is cancelled with all of them', async () => {
    const session = await started(PARENT);
    await answer(session, 'reject');
    expect(statuses(session)).toEqual(['in_progress', 'cancelled', 'cancelled', 'cancelled', 'cancelled', 'ready']);
  });

  it('keeps its approval when it is split after the question', async () => {
    const session = await started([{ requires_approval: true }]);
    unwrap(await tryToAdd(session, [{ parent: id(2) }]));
    expect(statuses(session)).toEqual(['blocked', 'blocked', 'blocked']);
    expect(await openOnes(session)).toMatchObject([{ task_id: id(2) }]);
    await answer(session, 'once');
    expect(session.task(3).status).toBe('ready');
  });
});

describe('bad requests', () => {
  it('no approval can be required of a task that asks for an agent already', async () => {
    const session = await started([{}]);
    const refused = await change(session, 2, { type: 'update', body: { requires_approval: true } });
    expect(failureOf(refused).code).toBe('illegal_transition');
    expect(session.task(2).gate).toBeNull();
  });

  it('an approval can be required of the session’s own task before it starts', async () => {
    const session = new SessionInProcess();
    await session.create();
    unwrap(await change(session, IMPLICIT_TASK, { type: 'update', body: { requires_approval: true } }));
    await session.act('start');
    expect(statuses(session)).toEqual(['blocked']);
    await answer(session, 'reject');
    expect(await session.status()).toBe('cancelled');
  });

  it('no more tasks require an approval than people could answer', async () => {
    const session = new SessionInProcess();
    await session.create();
    const gated = { requires_approval: true };
    const refused = await tryToAdd(session, Array<NewTask>(MAX_GATES + 1).fill(gated));
    expect(failureOf(refused).errors).toMatchObject([{ path: 'tasks' }]);
    unwrap(await tryToAdd(session, [...Array<NewTask>(MAX_GATES).fill(gated), {}]));
    const another = await change(session, MAX_GATES + 2, { type: 'update', body: gated });
    expect(failureOf(another).code).toBe('limit_reached');
  });
});
