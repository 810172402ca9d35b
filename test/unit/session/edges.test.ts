import { describe, expect, it } from 'vitest';
import { asked, note, result } from './fake-agent.ts';
import { failureOf, requested, SESSION_ID, SessionInProcess, TASK_ID } from './harness.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

describe('an ask that cannot be taken in', () => {
  it('is answered by a rejection, so that the agent does not wait for ever', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const tooLarge = asked('r1');
    Object.assign((tooLarge as { data: object }).data, { detail: { diff: 'x'.repeat(300_000) } });
    agent.send(tooLarge);
    expect(await session.view()).toMatchObject({ open_approvals: 0 });
    expect((await session.events()).at(-1)).toMatchObject({ type: 'frame.rejected' });
    expect(agent.commandsOf('approval_reply')).toMatchObject([{ ask_id: 'r1', decision: 'reject' }]);
  });

  it('because a hundred are open is rejected too', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(...Array.from({ length: 101 }, (_, index) => asked(`r${index}`)));
    expect(await session.view()).toMatchObject({ open_approvals: 100 });
    expect(agent.commandsOf('approval_reply')).toMatchObject([{ ask_id: 'r100', decision: 'reject' }]);
  });

  it('may come again after its withdrawal, and is asked anew', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(asked('r1'), { type: 'approval.withdrawn', data: { ask_id: 'r1', reason: 'restarted' } });
    expect(await session.view()).toMatchObject({ open_approvals: 0 });
    agent.send(asked('r1'));
    expect(await session.view()).toMatchObject({ open_approvals: 1 });
  });
});

describe('a reservation', () => {
  it('that an agent accepts and never presents is given up for a new one', async () => {
    const session = new SessionInProcess();
    session.homes.slotState = { state: 'accepted', agent_id: SESSION_ID };
    await session.create();
    await session.act('start');
    await session.settle();
    expect(session.homes.requests.map(({ epoch }) => epoch)).toEqual([1]);
    await session.advance(MINUTE_MS);
    expect(session.homes.slots.get(`${TASK_ID}:1`)).toBe('cancelled');
    expect(session.homes.requests.at(-1)).toMatchObject({ epoch: 2 });
    session.agent(2).connect();
    expect(await session.status()).toBe('running');
  });

  it('that stands is asked for again with a priority that has changed', async () => {
    const session = new SessionInProcess();
    await session.create();
    await session.act('start');
    await session.runtime.update(session.call(), { priority: 'critical' });
    await session.settle();
    expect(session.homes.requests.at(-1)).toMatchObject({ epoch: 1, priority: 'critical' });
  });
});

describe('an agent that refuses the work', () => {
  it('says why in the log, and is avoided from then on', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send({ type: 'released', data: { reason: 'refused', message: 'This clone has no commit abc.' } });
    expect((await session.folded()).transcript.at(-2)).toMatchObject({
      kind: 'note',
      text: 'This clone has no commit abc.',
    });
    await session.advance(MINUTE_MS);
    expect(session.homes.requests.at(-1)).toMatchObject({ epoch: 2, requirements: { avoid_agents: [agent.id] } });
  });

  it('as the last one leaves its reason as the session’s error', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun({ max_attempts: 1 });
    agent.send({ type: 'released', data: { reason: 'refused', message: 'No such model.' } });
    expect(await session.view()).toMatchObject({
      status: 'failed',
      error: { code: 'agent_refused', message: expect.stringContaining('No such model.') },
    });
  });
});

describe('an agent’s own words', () => {
  it('fit every view, however long they are', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const error = { code: 'c'.repeat(1_000), message: 'm'.repeat(100_000), retryable: false };
    agent.send(result(0, { status: 'failed', error }));
    const view = await session.view();
    expect(view.status).toBe('failed');
    expect([view.error?.code.length, view.error?.message.length]).toEqual([100, 5_000]);
  });
});

describe('a pause', () => {
  it('waits for an agent that is still sending, but not for ever', async () => {
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
});

describe('a retry', () => {
  it('with a message has the agent do that after what is done', async () => {
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

describe('what grows', () => {
  it('is trimmed also when nobody but people writes', async () => {
    const session = new SessionInProcess({ config: { max_log_events: 20 } });
    await session.create();
    for (let n = 0; n < 30; n++) await session.runtime.update(session.call(), { title: `Title ${n}` });
    await session.advance(MINUTE_MS);
    expect((await session.events()).length).toBeLessThan(30);
    expect((await session.folded()).title).toBe('Title 29');
  });

  it('counts refused connections one by one up to a bound, and the rest together', async () => {
    const session = new SessionInProcess();
    await session.begun();
    session.platform.logger = () => {};
    for (let n = 0; n < 150; n++) session.openRun(1).send({ type: 'frames', frames: [] });
    const refusals = session.rows<{ connection: string; count: number }>('refusals');
    expect(refusals.length).toBe(101);
    expect(refusals.reduce((sum, { count }) => sum + count, 0)).toBe(150);
  });

  it('asks an agent for one checkpoint at a time', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    for (let n = 0; n < 3; n++) await session.runtime.requestCheckpoint(session.call());
    expect(agent.commandsOf('checkpoint')).toHaveLength(1);
    agent.acknowledge(...agent.commands.map(({ id }) => id));
    await session.runtime.requestCheckpoint(session.call());
    expect(agent.commandsOf('checkpoint')).toHaveLength(2);
  });
});

describe('an Idempotency-Key', () => {
  it('of a create is refused for another body even when the first answer is no longer kept', async () => {
    const session = new SessionInProcess();
    await session.runtime.create(session.call({ key: 'k', fingerprint: 'one' }), SESSION_ID, requested());
    await session.advance(2 * DAY_MS);
    const other = session.call({ key: 'k', fingerprint: 'two' });
    expect(failureOf(await session.runtime.create(other, SESSION_ID, requested())).code).toBe('idempotency_mismatch');
    const same = session.call({ key: 'k', fingerprint: 'one' });
    expect(await session.runtime.create(same, SESSION_ID, requested())).toMatchObject({ value: { id: SESSION_ID } });
  });

  it('gives the first answer again though the session has been deleted since', async () => {
    const session = new SessionInProcess();
    await session.create();
    const call = session.call({ key: 'start' });
    const first = await session.runtime.act(call, { action: 'start' });
    await session.runtime.remove(session.call());
    expect(await session.runtime.act(call, { action: 'start' })).toEqual(first);
    expect(failureOf(await session.tryTo('start')).code).toBe('not_found');
  });
});
