import { describe, expect, it } from 'vitest';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import { DeliverRequest, type DeliveryReport } from '../../../src/protocol/session/deliver.ts';
import { checkpoint, failure, released, result, uuidOf } from './fake-agent.ts';
import { failureOf, SESSION_ID, SessionInProcess, unwrap } from './harness.ts';

const COMMIT = 'c'.repeat(40);
const BRANCH = 'oio/a-session-0198c2f0';

const reported = (changes: Partial<DeliveryReport> = {}): AgentFrameBody => ({
  type: 'delivery',
  data: { state: 'delivered', branch: BRANCH, commit: COMMIT, pushed: false, remote: null, reason: null, ...changes },
});
const delivered = [reported(), result(0, { text: 'Delivered.' })];

const deliver = (session: SessionInProcess, request: Record<string, unknown> = {}) =>
  session.runtime.deliver(session.call(), DeliverRequest().parse(request));

/** A session whose agent has changed a file and is done. */
async function worked(changes: Record<string, unknown> = {}) {
  const session = new SessionInProcess();
  const agent = await session.begun(changes);
  agent.send(...checkpoint('one'), result());
  return session;
}

describe('a session with deliver', () => {
  it('completes only when its work is delivered, with the result of the work', async () => {
    const session = await worked({ deliver: { push: true, message: 'By hand' } });
    expect(await session.view()).toMatchObject({
      status: 'queued',
      result: null,
      delivery: { state: 'waiting', branch: BRANCH, commit: null, remote: 'origin', pushed: false },
    });
    expect(session.task(2)).toMatchObject({ kind: 'deliver', status: 'ready', title: `Deliver to ${BRANCH}` });
    const agent = session.agentOf(2).connect();
    const { created_at, base_commit } = (await session.view()).checkpoints![0]!;
    expect(agent.assignment).toMatchObject({
      kind: 'deliver',
      checkpoint: null,
      messages_last: 0,
      delivery: {
        ...{ branch: BRANCH, message: 'By hand', remote: 'origin', base_commit },
        at: Math.floor(Date.parse(created_at) / 1_000),
        patch_artifact_id: uuidOf('one patch'),
      },
    });
    expect((await session.view()).delivery).toMatchObject({ state: 'running', agent_name: 'AGENT-2' });
    agent.send(reported({ pushed: true, remote: 'origin' }), result(0, { text: 'Delivered.' }));
    expect(await session.view()).toMatchObject({
      status: 'completed',
      result: { text: 'Done.', success: true },
      delivery: { state: 'delivered', commit: COMMIT, pushed: true, reason: null },
    });
    expect((await session.view()).tasks!.map(({ depends_on }) => depends_on.map(({ task_id }) => task_id))).toEqual([
      [],
      [SESSION_ID.replace(/.{8}$/, '00000001')],
    ]);
  });

  it('fails with the reason if the branch is in conflict, and delivers again when it is retried', async () => {
    const session = await worked({ deliver: {} });
    const reason = 'The branch exists.';
    const error = { code: 'delivery_conflict', message: reason, retryable: false };
    session
      .agentOf(2)
      .connect()
      .send(reported({ state: 'conflict', reason }), result(0, { status: 'failed', error }));
    expect(await session.view()).toMatchObject({ status: 'failed', error, delivery: { state: 'conflict', reason } });
    await session.act({ action: 'retry', body: { from: 'last' } });
    expect(session.task(1).status).toBe('completed');
    expect((await session.view()).delivery).toMatchObject({ state: 'waiting', reason: null, commit: null });
    session
      .agentOf(2)
      .connect()
      .send(...delivered);
    expect(await session.view()).toMatchObject({ status: 'completed', delivery: { state: 'delivered' } });
  });

  it('delivers after all other tasks, and only if each was done as a whole', async () => {
    for (const outcome of ['completed', 'partial'] as const) {
      const session = new SessionInProcess();
      await session.createWithTasks(2, { deliver: {} });
      await session.act('start');
      const [one, two] = [session.agent().connect(), session.agentOf(2).connect()];
      one.send(...checkpoint('one'), result());
      expect(session.rows('tasks')).toHaveLength(2);
      two.send(result(2, { status: outcome }));
      expect(session.rows('tasks')).toHaveLength(outcome === 'completed' ? 3 : 2);
      if (outcome === 'partial') {
        expect(await session.view()).toMatchObject({ status: 'partially_completed', delivery: { state: 'failed' } });
      }
    }
  });

  it('completes without a delivery if no file has changed, and says so', async () => {
    const session = new SessionInProcess();
    (await session.begun({ deliver: {} })).send(result());
    expect(await session.view()).toMatchObject({
      status: 'completed',
      result: { text: 'Done.' },
      delivery: { state: 'failed', reason: expect.stringContaining('has changed no file'), task_id: null },
    });
  });

  it('can be asked for while the session runs', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const asked = unwrap(await deliver(session, { branch: 'mine' }));
    expect(asked).toMatchObject({ state: 'waiting', branch: 'mine', task_id: null });
    expect(unwrap(await deliver(session, { branch: 'mine' }))).toEqual(asked);
    agent.send(...checkpoint('one'), result());
    expect(session.task(2).status).toBe('ready');
    expect(failureOf(await deliver(session, { branch: 'other' })).code).toBe('not_deliverable');
  });
});

describe('a delivery of a session that has ended', () => {
  it('is answered with the branch and the commit, also when it is asked for again', async () => {
    const session = await worked();
    const { version } = await session.view();
    expect(unwrap(await deliver(session))).toMatchObject({ state: 'waiting', branch: BRANCH, commit: null });
    expect(await session.status()).toBe('completed');
    const agent = session.agentOf(2).connect();
    expect(agent.assignment?.delivery?.message).toBe(`A session\n\nSession: ${SESSION_ID}`);
    expect(await session.status()).toBe('completed');
    agent.send(...delivered);
    expect(agent.over).toBe('ended');
    const first = unwrap(await deliver(session));
    expect(first).toMatchObject({ state: 'delivered', branch: BRANCH, commit: COMMIT, agent_name: 'AGENT-2' });
    expect(unwrap(await deliver(session))).toEqual(first);
    expect(session.rows('tasks')).toHaveLength(2);
    expect(await session.view()).toMatchObject({
      status: 'completed',
      version: version + 1,
      result: { text: 'Done.' },
    });
  });

  it('says by an event what it has come to, and its task has its own result', async () => {
    const session = await worked();
    await deliver(session);
    session
      .agentOf(2)
      .connect()
      .send(...delivered);
    const types = (await session.events()).map(({ type }) => type).filter((type) => type !== 'task.status');
    const delivery = types.slice(types.indexOf('delivery.requested'));
    expect(delivery).toEqual(['delivery.requested', 'lease.granted', 'delivery', 'lease.ended']);
    expect((await session.folded()).transcript.at(-1)).toMatchObject({
      text: `Delivered as commit ${COMMIT.slice(0, 10)} on the branch ${BRANCH}.`,
    });
    const taskOf = async (number: number) =>
      unwrap(await session.runtime.task(session.call(), SESSION_ID.replace(/.{8}$/, `0000000${number}`), false));
    expect((await taskOf(1)).result).toMatchObject({ text: 'Done.' });
    expect((await taskOf(2)).result).toMatchObject({ text: 'Delivered.' });
  });

  it('is taken over by another agent when the first is lost, and then has only what that one reports', async () => {
    const session = await worked();
    await deliver(session);
    const first = session.agentOf(2).connect();
    first.client!.close();
    await session.advance(200_000);
    const second = session.agentOf(2, 'AGENT-NEXT').connect();
    expect(second.assignment?.delivery).toEqual(first.assignment?.delivery);
    first.connect().send(reported({ commit: 'd'.repeat(40) }), result(0));
    expect(first.over).toBe('gone');
    second.send(...delivered);
    expect(unwrap(await deliver(session))).toMatchObject({
      state: 'delivered',
      commit: COMMIT,
      agent_name: 'AGENT-NEXT',
    });
    expect(await session.status()).toBe('completed');
  });

  it('is tried again after a failure that may pass, and starts again on request after one that does not', async () => {
    const session = await worked();
    await deliver(session);
    const error = { code: 'delivery_failed', message: 'The remote cannot be reached.', retryable: true };
    const failed = [reported({ state: 'failed', reason: error.message }), result(0, { status: 'failed', error })];
    session
      .agentOf(2)
      .connect()
      .send(...failed);
    expect((await session.view()).delivery).toMatchObject({ state: 'waiting' });
    await session.advance(60_000);
    expect(session.task(2).status).toBe('ready');
    const last = { ...error, retryable: false };
    session
      .agentOf(2)
      .connect()
      .send(reported({ state: 'failed', reason: error.message }), result(0, { status: 'failed', error: last }));
    expect(await session.view()).toMatchObject({
      status: 'completed',
      delivery: { state: 'failed', reason: error.message },
    });
    expect(unwrap(await deliver(session))).toMatchObject({ state: 'waiting' });
    session
      .agentOf(3)
      .connect()
      .send(...delivered);
    expect((await session.view()).delivery).toMatchObject({ state: 'delivered' });
  });

  it('is not taken by an agent that takes it for other work', async () => {
    const session = await worked();
    await deliver(session);
    session.agentOf(2, 'AGENT-OLD').connect().send(result(0));
    await session.advance(60_000);
    expect((await session.view()).tasks![1]).toMatchObject({
      status: 'ready',
      refusals: [{ agent_name: 'AGENT-OLD' }],
    });
    expect(session.task(2).attempts_used).toBe(0);
  });

  it('goes on while the session runs again, is paused and is cancelled', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(...checkpoint('one'), failure(false));
    await deliver(session);
    const delivering = session.agentOf(2).connect();
    await session.act({ action: 'retry', body: { from: 'last' } });
    await session.act('pause');
    await session.act('cancel');
    expect([await session.status(), session.task(2).status, delivering.over]).toEqual(['cancelled', 'assigned', null]);
    delivering.send(...delivered);
    expect(await session.view()).toMatchObject({ status: 'cancelled', delivery: { state: 'delivered' } });
  });

  it('ends with the session when that is deleted, and can be cancelled alone', async () => {
    const session = await worked();
    await deliver(session);
    const id = SESSION_ID.replace(/.{8}$/, '00000002');
    unwrap(await session.runtime.changeTask(session.call(), id, { type: 'status', body: { status: 'cancelled' } }));
    expect((await session.view()).delivery).toMatchObject({ state: 'failed', reason: 'The task is cancelled.' });
    await deliver(session);
    await session.settle();
    unwrap(await session.runtime.remove(session.call()));
    await session.settle();
    expect([...session.destinations.slots].filter(([key]) => key.includes('00000003'))).toEqual([
      [expect.anything(), 'cancelled'],
    ]);
  });

  it('is refused without work, without all of the work, and while another one is under way', async () => {
    const session = new SessionInProcess();
    (await session.begun()).send(result());
    const nothing = failureOf(await deliver(session));
    expect(nothing).toMatchObject({ code: 'not_deliverable', detail: expect.stringContaining('no file') });
    for (const change of [{ local_only: true }, { lacks: ['big.bin'] }]) {
      const other = new SessionInProcess();
      (await other.begun()).send(...checkpoint('one', change), result(1, { status: 'partial' }));
      expect(failureOf(await deliver(other)).code).toBe('not_deliverable');
      expect(other.rows('tasks')).toHaveLength(1);
    }
    const busy = await worked();
    await deliver(busy, { branch: 'one' });
    expect(failureOf(await deliver(busy, { branch: 'two' })).detail).toContain('under way');
    expect(busy.rows('tasks')).toHaveLength(2);
  });

  it('costs its agent nothing: neither its performance nor a rating follow from it', async () => {
    const session = await worked();
    await deliver(session);
    session
      .agentOf(2)
      .connect()
      .send(reported({ state: 'failed', reason: 'no' }), failure(false));
    expect((await session.view()).tasks![1]).toMatchObject({ status: 'failed', last_assignment: null });
  });
});

it('a report of a delivery from a task that does not deliver is rejected', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  agent.send(reported());
  expect((await session.events()).at(-1)).toMatchObject({
    type: 'frame.rejected',
    data: { reason: 'the task does not deliver' },
  });
});

it('a released delivery waits for its next agent', async () => {
  const session = await worked();
  await deliver(session);
  const agent = session.agentOf(2).connect();
  agent.send(released('shutdown'));
  await session.advance(1_000);
  expect(session.task(2).status).toBe('ready');
});

describe('a delivery on request of a session that is then retried', () => {
  /** A session of which a task has failed, with a delivery that waits for an agent. */
  async function retried(): Promise<SessionInProcess> {
    const session = new SessionInProcess();
    const agent = await session.begun({ max_parallel: 1 });
    agent.send(...checkpoint('one'), failure(false));
    await deliver(session);
    return session;
  }
  const retry = { action: 'retry', body: { from: 'last' } } as const;

  it('takes no slot of the tasks of the session', async () => {
    const session = await retried();
    await session.act(retry);
    await session.settle();
    expect(session.task(2)).toMatchObject({ status: 'ready', aside: 1 });
    expect(session.task(1).reserved_at).not.toBeNull();
  });

  it('is in the way of another one only while it is under way', async () => {
    const session = await retried();
    session
      .agentOf(2)
      .connect()
      .send(...delivered);
    await session.act(retry);
    expect(unwrap(await deliver(session, { branch: 'two' }))).toMatchObject({ state: 'waiting', branch: 'two' });
    session.agent(2, 'AGENT-TWO').connect().send(result());
    expect(session.task(3)).toMatchObject({ kind: 'deliver', status: 'ready', aside: 0 });
    expect(failureOf(await deliver(session, { branch: 'three' })).detail).toContain('under way');
    const { id } = (await session.view()).tasks![0]!;
    const again = { type: 'retry', body: { with_dependents: false } } as const;
    session
      .agentOf(3)
      .connect()
      .send(reported({ branch: 'two', state: 'failed' }), result(0));
    expect(await session.status()).toBe('failed');
    unwrap(await session.runtime.changeTask(session.call(), id, again));
    expect(failureOf(await deliver(session, { branch: 'three' })).detail).not.toContain('under way');
  });
});

it('only an agent completes a delivery; a session that is completed before has delivered nothing', async () => {
  const session = await worked({ deliver: {} });
  const id = SESSION_ID.replace(/.{8}$/, '00000002');
  const complete = { type: 'status', body: { status: 'completed' } } as const;
  expect(failureOf(await session.runtime.changeTask(session.call(), id, complete)).detail).toContain('Only an agent');
  expect(session.task(2).status).toBe('ready');
  const body = { result: { success: true } };
  expect(await session.act({ action: 'complete', body })).toMatchObject({
    status: 'completed',
    delivery: { state: 'failed', commit: null, reason: 'The session was completed before.' },
  });
  expect(unwrap(await deliver(session))).toMatchObject({ state: 'waiting' });
});
