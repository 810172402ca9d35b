import { describe, expect, it } from 'vitest';
import { failure, modelRetry, note, released, text, usage } from './fake-agent.ts';
import { SessionInProcess, TASK_ID, TTL_MS } from './harness.ts';

async function typesOf(session: SessionInProcess): Promise<string[]> {
  return (await session.events()).map(({ type }) => type);
}

describe('granting a lease', () => {
  it('requires an agent whose clone has the session’s repository URL as a remote', async () => {
    const session = new SessionInProcess();
    await session.create({ repository: { url: 'git@github.com:acme/web.git' } });
    await session.act('start');
    await session.settle();
    expect(session.destinations.requests.at(-1)?.requirements.repository_key).toBe('github.com/acme/web');
  });

  it('gives the lease to the first of two agents, and tells the other one gone', async () => {
    const session = new SessionInProcess();
    await session.create();
    await session.act('start');
    const first = session.agent(1, 'AGENT-ONE').connect();
    const second = session.agent(1, 'AGENT-TWO').connect();
    expect(first.over).toBeNull();
    expect(second.over).toBe('gone');
    expect(second.client?.closedBy).not.toBeNull();
    expect(await session.view()).toMatchObject({ status: 'running', tasks: [{ agent_name: 'AGENT-ONE' }] });
    expect((await typesOf(session)).filter((type) => type === 'lease.granted')).toHaveLength(1);
  });

  it('treats another instance of the same agent as another agent', async () => {
    const session = new SessionInProcess();
    await session.begun();
    const again = session.agent(1, 'AGENT-ONE');
    again.instanceId = again.streamId;
    expect(again.connect().over).toBe('gone');
  });

  it('refuses an epoch that was never offered or was withdrawn', async () => {
    const session = new SessionInProcess();
    await session.create();
    expect(session.agent(1).connect().over, 'not started').toBe('gone');
    await session.act('start');
    expect(session.agent(2).connect().over, 'not opened yet').toBe('gone');
    await session.act('pause');
    expect(session.agent(1).connect().over, 'withdrawn').toBe('gone');
    await session.act('resume');
    expect(session.agent(2).connect().over).toBeNull();
  });

  it('binds the session to the repository of its first lease', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(released('shutdown'));
    await session.advance(1);
    expect(session.destinations.requests.at(-1)?.requirements.repository).toBe('root-commit');
    const elsewhere = session.agent(2, 'AGENT-TWO');
    elsewhere.repository = 'other-root';
    expect(elsewhere.connect().over).toBe('gone');
    expect(session.agent(2, 'AGENT-THREE').connect().over).toBeNull();
  });

  it('lets a shallow clone continue a session that names its remote, and leaves the session bound', async () => {
    const session = new SessionInProcess();
    await session.create({ repository: { url: 'git@github.com:acme/web.git' } });
    await session.act('start');
    session.agent(1).connect().send(released('shutdown'));
    await session.advance(1);
    const shallow = session.agent(2, 'AGENT-TWO');
    shallow.repository = null;
    expect(shallow.connect().over).toBeNull();
    shallow.send(released('shutdown'));
    await session.advance(1);
    const { repository, repository_key } = session.destinations.requests.at(-1)!.requirements;
    expect([repository, repository_key]).toEqual(['root-commit', 'github.com/acme/web']);
  });

  it('sends no commands to a socket without a claim, which keeps no lease alive', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const stranger = session.openRun(1);
    await session.act('pause');
    expect(stranger.received).toEqual([]);
    agent.client?.close();
    for (let i = 0; i < 7; i++) {
      stranger.ping();
      await session.advance(10_000);
    }
    expect(await session.status(), 'the agent was lost, and the session paused without it').toBe('paused');
  });
});

describe('a lease stays alive', () => {
  it('as long as the agent pings, even if it sends no frames during a long tool call', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const before = await session.events();
    await agent.ping(1_800_000);
    expect(await session.status()).toBe('running');
    expect(await session.events(), 'and nothing is written for it').toEqual(before);
  });

  it('through a broken connection, so that the same agent resumes it', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    await agent.ping(300_000);
    agent.client?.close();
    await session.advance(45_000);
    agent.append(note('while away'));
    agent.connect().flush();
    expect(agent.over).toBeNull();
    expect(agent.acked).toBe(1);
    expect(await typesOf(session)).not.toContain('lease.extended');
    await agent.ping(60_000);
    expect(await session.view()).toMatchObject({ status: 'running', tasks: [{ epoch: 1, attempt: 1 }] });
  });

  it('on its newest connection; the older one is closed, which has no effect', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const old = agent.client!;
    agent.connect();
    expect(old.closedBy?.code).toBe(4012);
    session.runtime.sockets.closed(old.socket);
    expect(session.row('leases')).toMatchObject({ closed_at: null });
    agent.client?.close();
    expect(session.row('leases'), 'the older socket may still be listed').toMatchObject({
      closed_at: expect.any(Number),
    });
  });

  it('while its agent is quiet, and the session is degraded until the next frame', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    await session.advance(TTL_MS / 2);
    expect(await session.status()).toBe('degraded');
    agent.send(note('here'));
    expect(await session.status()).toBe('running');
    await session.advance(TTL_MS / 2 + 5_000);
    expect(await session.status()).toBe('degraded');
    agent.client?.close();
    agent.connect();
    expect(await session.status(), 'a reconnect is a sign of life').toBe('running');
  });

  it('while its model is retried, and the session is degraded until the next progress', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(modelRetry(1), modelRetry(2));
    expect(await session.status()).toBe('degraded');
    await agent.ping(TTL_MS);
    expect(await session.status(), 'pings are no progress').toBe('degraded');
    agent.send(text('part', 0, 'at last'));
    expect(await session.status()).toBe('running');
  });
});

describe('the end of a lease', () => {
  it('counts the turn that was cut off with it as unpriced, and counts no turn again that had ended', async () => {
    const session = new SessionInProcess();
    const first = await session.begun();
    first.send(text('p', 0, 'whole'), usage(0.5));
    first.client?.close();
    await session.advance(TTL_MS + 1_000);
    expect((await session.view()).usage).toMatchObject({ turns: 1, unpriced_turns: 0 });
    const second = session.agent(2, 'AGENT-TWO').connect();
    second.send(text('q', 0, 'cut'));
    second.client?.close();
    await session.advance(TTL_MS);
    expect((await session.view()).usage).toMatchObject({ turns: 2, unpriced_turns: 1, cost_usd: 0.5 });
  });

  it('when its agent is silent until it expires: the session is orphaned, and queued under the next epoch after a pause', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.client?.close();
    await session.advance(TTL_MS);
    expect(await session.status()).toBe('orphaned');
    expect((await session.view()).health_score).toBe(0.5);
    await session.advance(999);
    expect(await session.status()).toBe('orphaned');
    await session.advance(1);
    expect(await session.view()).toMatchObject({
      status: 'queued',
      tasks: [{ epoch: 2, attempt: 2, status: 'ready' }],
    });
    expect(session.destinations.slots.get(`${TASK_ID}:1`)).toBe('released');
    expect(session.destinations.slots.get(`${TASK_ID}:2`)).toBe('reserved');
    expect(agent.connect().over, 'too late').toBe('lease_lost');
    expect(session.agent(2, 'AGENT-TWO').connect().assignment).toMatchObject({ epoch: 2 });
    expect(await session.status()).toBe('running');
  });

  it('one lifetime after its agent was last seen, even if the agent had only pinged and closed its socket cleanly', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    await agent.ping(300_000);
    agent.client?.close();
    // The last ping came ten seconds before the close.
    await session.advance(TTL_MS - 10_000);
    expect(await session.status()).toBe('orphaned');
    expect(await typesOf(session)).not.toContain('lease.extended');
  });

  it('even if its socket never closed', async () => {
    const session = new SessionInProcess();
    await session.begun();
    await session.advance(TTL_MS);
    expect(await session.status()).toBe('orphaned');
  });

  it('with a longer pause after each loss, until the session fails after the last attempt', async () => {
    const session = new SessionInProcess();
    await session.create({ max_attempts: 3 });
    await session.act('start');
    const waits: number[] = [];
    for (const epoch of [1, 2, 3]) {
      session.agent(epoch).connect().client?.close();
      await session.advance(TTL_MS);
      const due = session.dueAt('requeue:1');
      if (due !== null) waits.push(due - session.platform.clock);
      await session.advance(5_000);
    }
    expect(waits).toEqual([1_000, 2_000]);
    expect(await session.view()).toMatchObject({
      status: 'failed',
      error: { code: 'attempts_exhausted', retryable: true },
      legal_actions: ['retry'],
      tasks: [{ attempt: 3, status: 'failed' }],
    });
  });

  it('without using an attempt or a pause when the agent shuts down', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun({ max_attempts: 1 });
    agent.send(released('shutdown'));
    expect(agent.over).toBe('ended');
    await session.advance(0);
    await session.advance(1);
    expect(await session.view()).toMatchObject({ status: 'queued', tasks: [{ attempt: 1, epoch: 2 }] });
  });

  it('with pauses that grow when agents hand it back one after the other', async () => {
    const session = new SessionInProcess();
    await session.begun({ max_attempts: 1 });
    const pauses: number[] = [];
    for (let epoch = 1; epoch <= 9; epoch++) {
      if (epoch > 1) session.agent(epoch).connect();
      session.agent(epoch).connect().send(released('shutdown'));
      pauses.push(session.dueAt('requeue:1')! - session.platform.clock);
      await session.advance(pauses.at(-1)!);
      await session.advance(1);
    }
    expect(pauses).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    await session.agent(10).connect().ping(60_000);
    expect(await session.status()).toBe('running');
    session.agent(10).connect().send(released('shutdown'));
    expect(session.dueAt('requeue:1')! - session.platform.clock, 'after a minute of work').toBe(0);
  });

  it('ends with a failed result: a retryable failure is retried, any other one is final', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun({ max_attempts: 2 });
    agent.send(failure(true));
    expect(agent.over).toBe('ended');
    expect(await session.status()).toBe('queued');
    await session.advance(1_000);
    session.agent(2).connect().send(failure(true));
    expect(await session.view()).toMatchObject({ status: 'failed', error: { code: 'model_broken' } });

    const other = new SessionInProcess();
    (await other.begun()).send(failure(false));
    expect(await other.view()).toMatchObject({ status: 'failed', error: { code: 'model_broken', retryable: false } });
  });
});

describe('the session’s request to the registry', () => {
  it('is repeated under the same epoch while no agent claims the task', async () => {
    const session = new SessionInProcess();
    await session.create();
    await session.act('start');
    await session.advance(180_000);
    expect(session.destinations.requests.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 1]);
  });

  it('is made under the next epoch when the registry has already ended the reservation', async () => {
    const session = new SessionInProcess();
    await session.create();
    session.destinations.slotState = { state: 'ended' };
    const ended = session.act('start');
    await Promise.resolve();
    session.destinations.slotState = { state: 'queued', place: 1 };
    await ended;
    await session.settle();
    expect((await session.view()).tasks?.[0]?.epoch).toBe(session.destinations.requests.at(-1)?.epoch);
    expect(session.agent(session.destinations.requests.at(-1)!.epoch).connect().over).toBeNull();
  });

  it('is delivered when an unreachable registry returns', async () => {
    const session = new SessionInProcess();
    session.destinations.away = { registry: true };
    await session.create();
    expect((await session.act('start')).status).toBe('queued');
    await session.advance(30_000);
    expect(session.destinations.requests).toEqual([]);
    session.destinations.away = {};
    await session.advance(300_000);
    expect(session.destinations.slots.get(`${TASK_ID}:1`)).toBe('reserved');
  });
});
