import { describe, expect, it } from 'vitest';
import type { ActionRequest } from '../../../src/ports/sessions.ts';
import type { SessionStatus } from '../../../src/protocol/common/enums.ts';
import { requestFor } from './actions.fixture.ts';
import { asked, checkpoint, modelRetry, note, released, result, text, usage } from './fake-agent.ts';
import { failureOf, SessionInProcess, TASK_ID, unwrap } from './harness.ts';

describe.each([
  { request: { action: 'cancel' }, status: 'cancelled' },
  { request: requestFor('complete'), status: 'completed' },
  { request: requestFor('fail'), status: 'failed' },
] as { request: ActionRequest; status: SessionStatus }[])(
  '$request.action while an agent works',
  ({ request, status }) => {
    it('ends the session at once, and stores the last checkpoint of the agent, which stops', async () => {
      const session = new SessionInProcess();
      const agent = await session.begun();
      agent.send(asked('r1'));
      const view = await session.act(request);
      expect(view).toMatchObject({ status, open_approvals: 0 });
      expect(agent.read().over).toBeNull();
      expect(agent.commandsOf('stop')).toEqual([{ within_ms: 0 }]);
      agent.send(modelRetry(), usage(), asked('r2'), ...checkpoint('last'), released('stopped'));
      expect(agent).toMatchObject({ over: 'ended', saved: agent.head - 1 });
      const { usage: counted, ...ended } = await session.view();
      expect(ended).toMatchObject({ status, open_approvals: 0, checkpoint_count: 1, tasks: [{ epoch: 1 }] });
      expect(counted?.cost_usd).toBe(0.5);
      expect(unwrap(await session.runtime.diff(session.call())).files).toMatchObject([{ path: 'last.txt' }]);
      await session.settle();
      expect(session.destinations.slots.get(`${TASK_ID}:1`)).toBe('released');
      expect((await session.folded()).tasks[1]).toMatchObject({ agent: null });
    });

    it('stays as it is when the agent reports a result that crossed it', async () => {
      const session = new SessionInProcess();
      const agent = await session.begun();
      const before = await session.act(request);
      agent.send(result(1, { text: 'Too late.' }));
      expect(agent.over).toBe('ended');
      const { result: outcome, error } = await session.view();
      expect({ status: await session.status(), outcome, error }).toEqual({
        status,
        outcome: before.result,
        error: before.error,
      });
    });

    it('takes the lease when the agent is too late, tells it, and rejects and counts its later frames', async () => {
      const session = new SessionInProcess();
      const agent = await session.begun();
      await session.act(request);
      await agent.ping(44_999);
      expect(agent.read().over).toBeNull();
      agent.send(...checkpoint('slow').slice(0, 1));
      await agent.ping(44_999);
      expect(agent.read().over, 'it still sends').toBeNull();
      await agent.ping(1);
      expect(agent.read().over).toBe('lease_lost');
      expect(agent.client?.closedBy).not.toBeNull();
      expect((await session.view()).tasks).toMatchObject([{ epoch: 2 }]);
      await session.settle();
      expect(session.destinations.slots.get(`${TASK_ID}:1`)).toBe('released');

      const before = await session.events();
      agent.over = null;
      agent.connect();
      expect(agent.over).toBe('lease_lost');
      const stray = session.openRun(1);
      stray.send({ type: 'frames', frames: [{ n: 1, ...note('still here') }] });
      expect(stray.frames()).toMatchObject([{ type: 'lease_lost' }]);
      expect(await session.events()).toEqual(before);
      expect(session.rows('refusals')).toMatchObject([
        { epoch: 1, count: 1 },
        { epoch: 1, count: 1 },
      ]);
      expect(await session.status()).toBe(status);
    });
  },
);

describe('when the object was down after the session had ended', () => {
  it('the agent comes back, and its last checkpoint is stored', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    await session.act('cancel');
    session.restart(400_000);
    await session.alarmLate();
    expect(agent.connect().over).toBeNull();
    agent.send(...checkpoint('last'), released('stopped'));
    expect(agent).toMatchObject({ over: 'ended', saved: agent.head - 1 });
    expect(await session.view()).toMatchObject({ status: 'cancelled', checkpoint_count: 1, tasks: [{ epoch: 1 }] });
  });

  it('the lease is extended once, and ends if the agent stays away or does not finish', async () => {
    for (const comesBack of [false, true]) {
      const session = new SessionInProcess();
      const agent = await session.begun();
      await session.act('cancel');
      session.restart(400_000);
      await session.alarmLate();
      if (comesBack) agent.connect().send(note('still here'));
      await agent.ping(44_999);
      expect(await session.view()).toMatchObject({ tasks: [{ epoch: 1 }] });
      await agent.ping(1);
      expect(await session.view()).toMatchObject({ tasks: [{ epoch: 2 }] });
    }
  });
});

it('the finished run has the usage that its agent reports after the session has ended', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  agent.send(usage(1));
  await session.act('cancel');
  await session.settle();
  expect(session.destinations.runs.size, 'its agent may still report').toBe(0);
  agent.send(usage(2), released('stopped'));
  await session.settle();
  expect([...session.destinations.runs.values()]).toMatchObject([
    { run: 1, status: 'cancelled', usage: { turns: 2, cost_usd: 3 } },
  ]);
});

it('the finished run is recorded when its agent is too late', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  await session.act('cancel');
  await agent.ping(45_000);
  await session.settle();
  expect([...session.destinations.runs.values()]).toMatchObject([{ run: 1, status: 'cancelled' }]);
});

it('each run has its own usage when a retry cuts off the agent of the run before', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  await session.act(requestFor('fail'));
  agent.send(usage(2), text('cut off', 0, 'Then'));
  await session.act(requestFor('retry'));
  await session.advance(1);
  session.agent(2, 'AGENT-TWO').connect().send(usage(4), result());
  await session.settle();
  expect([...session.destinations.runs.values()]).toMatchObject([
    { run: 1, status: 'failed', usage: { turns: 2, cost_usd: 2, unpriced_turns: 1 } },
    { run: 2, status: 'completed', usage: { turns: 1, cost_usd: 4, unpriced_turns: 0 } },
  ]);
});

it('a retry takes the lease of an agent that still sends the last checkpoint of the run before', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  await session.act(requestFor('fail'));
  await session.act(requestFor('retry'));
  expect(agent.read().over).toBe('lease_lost');
  await session.advance(1);
  expect(session.agent(2, 'AGENT-TWO').connect().assignment).toMatchObject({ epoch: 2 });
  expect(await session.status()).toBe('running');
});

it('a person completes no task at work, because what follows would begin without its last work', async () => {
  const session = new SessionInProcess();
  await session.create();
  const [first] = await session.addTasks({ name: 'a' }, { depends_on: ['a'] });
  await session.act('start');
  const agent = session.agentOf(2).connect().send(note('on it'));
  const complete = () =>
    session.runtime.changeTask(session.call(), first!, { type: 'status', body: { status: 'completed' } });
  expect(failureOf(await complete())).toMatchObject({
    code: 'illegal_transition',
    detail: expect.stringContaining('pause the session'),
  });
  expect(session.task(2).status).toBe('in_progress');
  await session.act('pause');
  agent.send(...checkpoint('saved'), released('paused'));
  unwrap(await complete());
  await session.act('resume');
  expect(session.agentOf(3).connect().assignment?.start?.from).toEqual([1]);
});

it('the result of a session that is completed at work names no commit, because another one may follow', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  agent.send(...checkpoint('first', { commit: 'first' }));
  const { result: outcome } = await session.act(requestFor('complete'));
  agent.send(...checkpoint('last', { commit: 'last' }), released('stopped'));
  expect(outcome).toEqual({ success: true });
  expect(unwrap(await session.runtime.diff(session.call()))).toMatchObject({ commit: 'last' });
});
