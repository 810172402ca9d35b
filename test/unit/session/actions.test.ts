import { describe, expect, it } from 'vitest';
import { legalActions } from '../../../src/domain/session/session-machine.ts';
import { SessionAction, SessionStatus } from '../../../src/protocol/common/enums.ts';
import { requestFor, WAYS } from './actions.fixture.ts';
import { checkpoint, modelRetry, note, released, result, usage } from './fake-agent.ts';
import { failureOf, SessionInProcess, TASK_ID } from './harness.ts';

const MINUTE_MS = 60_000;

describe.each(SessionStatus().options)('a session in the status %s', (status) => {
  it('can be reached, and has the same status in its view, its log and the directory', async () => {
    const session = new SessionInProcess();
    await WAYS[status](session);
    expect(await session.status()).toBe(status);
    expect((await session.folded()).status).toBe(status);
    await session.settle();
    expect(session.destinations.entry?.summary.status).toBe(status);
  });

  it.each(SessionAction().options)(
    "accepts '%s' if it is legal, and otherwise refuses it with the legal actions and changes nothing",
    async (action) => {
      const session = new SessionInProcess();
      await WAYS[status](session);
      await session.settle();
      const before = session.platform.dump();
      const outcome = await session.tryTo(requestFor(action));
      if (legalActions(status).includes(action)) {
        expect(outcome.ok).toBe(true);
        expect((await session.folded()).status).toBe(await session.status());
      } else {
        expect(failureOf(outcome)).toMatchObject({ code: 'illegal_transition', legal_actions: legalActions(status) });
        await session.settle();
        expect(session.platform.dump()).toEqual(before);
      }
    },
  );
});

describe('an outside executor, with no agent connected', () => {
  it('starts a session and completes it while it is queued', async () => {
    const session = new SessionInProcess();
    await session.create();
    expect((await session.act('start')).status).toBe('queued');
    const view = await session.act({ action: 'complete', body: { result: { success: true, files: 3 } } });
    expect(view).toMatchObject({
      status: 'completed',
      result: { success: true, files: 3 },
      health_score: 1,
      error: null,
    });
    await session.settle();
    expect(session.destinations.slots.get(`${TASK_ID}:1`), 'no agent is requested any more').toBe('cancelled');
    expect([...session.destinations.runs.values()]).toMatchObject([{ run: 1, status: 'completed', agent_id: null }]);
  });

  it('fails a session by a result without success', async () => {
    const session = new SessionInProcess();
    await WAYS.queued(session);
    const result = { success: false, summary: 'The build is red.' };
    const view = await session.act({ action: 'complete', body: { result } });
    expect(view).toMatchObject({ status: 'failed', result, error: { message: 'The build is red.' }, health_score: 0 });
  });

  it('fails a session with its own error code and retryable flag', async () => {
    const session = new SessionInProcess();
    await WAYS.running(session);
    const error = { code: 'build_broken', message: 'npm test exited 1', retryable: true };
    expect(await session.act({ action: 'fail', body: { error } })).toMatchObject({ status: 'failed', error });
  });
});

describe.each(['pause', 'stop'] as const)('%s while an agent works', (action) => {
  const target = action === 'pause' ? 'paused' : 'stopped';

  it('asks the agent to stop after its step, which then takes a checkpoint and releases its slot', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const view = await session.act(requestFor(action));
    expect(view).toMatchObject({ status: 'running', requested_action: action });
    expect(agent.commandsOf(action)).toEqual([{ within_ms: 30_000 }]);
    agent.send(...checkpoint('boundary', { messages_done: 0 }), released(target));
    expect(agent.over).toBe('ended');
    expect(await session.view()).toMatchObject({ status: target, requested_action: null, checkpoint_count: 1 });
    expect((await session.folded()).requested_action).toBeNull();
    await session.settle();
    expect(session.destinations.slots.get(`${TASK_ID}:1`)).toBe('released');
  });

  it('takes effect without the agent when the agent does not release the lease in time', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    await session.act(requestFor(action));
    await agent.ping(44_999);
    expect(await session.status()).toBe('running');
    await session.advance(1);
    expect(await session.status()).toBe(target);
    expect(agent.read().over).toBe('lease_lost');
  });

  it('takes effect when the agent is lost or fails before it releases the lease', async () => {
    const session = new SessionInProcess({ config: { lease_ttl_ms: 20_000 } });
    const lost = await session.begun();
    await session.act(requestFor(action));
    lost.client?.close();
    await session.advance(20_000);
    expect(await session.status()).toBe(target);

    const other = new SessionInProcess();
    const failing = await other.begun();
    await other.act(requestFor(action));
    failing.send(result(0, { status: 'failed', error: { code: 'x', message: 'x', retryable: true } }));
    expect(await other.status(), 'a failed attempt is not retried').toBe(target);
  });
});

it('a repeated pause asks the agent once, and a stop after a pause replaces it', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  await session.act('pause');
  await session.act('pause');
  expect(agent.commandsOf('pause')).toHaveLength(1);
  await session.act(requestFor('stop'));
  agent.send(released('paused'));
  expect(await session.status()).toBe('stopped');
});

it('resume requests a lease under the next epoch, which continues from the checkpoint', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  await session.act('pause');
  agent.send(...checkpoint('one', { messages_done: 1 }), released('paused'));
  expect((await session.act('resume')).status).toBe('queued');
  await session.settle();
  expect(session.destinations.slots.get(`${TASK_ID}:2`)).toBe('reserved');
  expect(agent.connect().over, 'the old epoch is over').toBe('ended');

  const next = session.agent(2, 'AGENT-TWO').connect();
  expect(next.assignment).toMatchObject({ epoch: 2, messages_done: 1, messages_last: 1, checkpoint: { number: 1 } });
  expect(next.commandsOf('message'), 'the prompt is done').toEqual([]);
  expect(await session.view()).toMatchObject({ status: 'running', tasks: [{ attempt: 1 }] });
});

it('the next agent learns what the run has used, but not what earlier runs used', async () => {
  const session = new SessionInProcess();
  const first = await session.begun();
  first.send(usage(0.5), usage(0.25), released('lost'));
  await session.advance(60_000);
  const second = session.agent(2).connect();
  expect(second.assignment?.usage_before).toEqual({ turns: 2, cost_usd: 0.75 });
  second.send(result(1, { status: 'failed', error: { code: 'max_turns', message: 'enough', retryable: false } }));
  await session.act({ action: 'retry', body: { from: 'last' } });
  expect(session.agent(3).connect().assignment?.usage_before).toEqual({ turns: 0, cost_usd: 0 });
});

it('only time in running or degraded counts towards the session’s time limit', async () => {
  const session = new SessionInProcess();
  await session.create({ max_duration_seconds: 60 });
  await session.advance(3_600_000);
  await session.act('start');
  await session.advance(3_600_000);
  const agent = session.agent().connect();
  await session.advance(20_000);
  agent.send(modelRetry());
  expect(await session.status()).toBe('degraded');
  await session.advance(20_000);
  await session.act('pause');
  agent.send(released('paused'));
  await session.advance(3_600_000);
  expect(await session.view()).toMatchObject({ status: 'paused', active_seconds: 40 });
  await session.act('resume');
  session.agent(2).connect();
  await session.advance(19_999);
  expect(await session.status()).toBe('running');
  await session.advance(1);
  expect(await session.view()).toMatchObject({
    status: 'timeout',
    active_seconds: 60,
    error: { code: 'timeout', message: 'The session reached its time limit of 60 seconds.', retryable: true },
  });
});

it('a session that reaches its time limit while it waits says for what', async () => {
  const session = new SessionInProcess();
  await session.begun({ max_duration_seconds: 60 }).then((agent) => agent.send(modelRetry(1, 7_200_000)));
  await session.advance(60_000);
  const { error } = await session.view();
  expect(error?.message).toMatch(
    /^The session reached its time limit of 60 seconds while its model failed and was to be asked again at \S+Z\. The model says: “overloaded”\.$/,
  );
});

it('each run that ended is recorded once, with its own time and usage', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  await session.advance(2_000);
  agent.send(usage(1), released('refused'));
  await session.act(requestFor('stop'));
  await session.act(requestFor('retry'));
  const next = session.agent(2).connect();
  await session.advance(3_000);
  next.send(usage(2), usage(3), result());
  await session.settle();
  expect([...session.destinations.runs.values()]).toMatchObject([
    { run: 1, status: 'stopped', active_ms: 2_000, usage: { turns: 1, cost_usd: 1 } },
    { run: 2, status: 'completed', active_ms: 3_000, attempts: 1, usage: { turns: 2, cost_usd: 5 } },
  ]);
  expect((await session.view()).usage).toMatchObject({ turns: 3, cost_usd: 6 });
});

describe('an action on a session that has an agent', () => {
  it('a pause waits for an agent that still sends frames, but only for a limited time', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    await session.act('pause');
    for (let waited = 0; waited < 4 * MINUTE_MS; waited += 30_000) {
      await session.advance(30_000);
      agent.send(note('still packing'));
    }
    expect(await session.status()).toBe('running');
    for (let waited = 0; waited < 2 * MINUTE_MS; waited += 30_000) {
      agent.send(note('and packing'));
      await session.advance(30_000);
    }
    expect(await session.status()).toBe('paused');
  });

  it('a retry with a message gives the agent that message after the earlier prompts', async () => {
    const session = new SessionInProcess();
    await session.begun();
    await session.act({ action: 'fail', body: { error: { message: 'the tests fail' } } });
    await session.act({ action: 'retry', body: { from: 'last', message: 'Mend the tests.' } });
    const agent = session.agent((await session.view()).tasks![0]!.epoch).connect();
    expect(agent.commandsOf('message').map(({ text }) => text)).toEqual(['Do it', 'Mend the tests.']);
    agent.send(result(2));
    expect(await session.status()).toBe('completed');
  });
});
