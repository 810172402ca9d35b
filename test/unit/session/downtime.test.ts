import { describe, expect, it } from 'vitest';
import { requestFor } from './actions.fixture.ts';
import { asked, checkpoint, type FakeAgent, note, released, result } from './fake-agent.ts';
import { SessionInProcess, TTL_MS, unwrap } from './harness.ts';

async function typesOf(session: SessionInProcess): Promise<string[]> {
  return (await session.events()).map(({ type }) => type);
}

describe('a lease after a downtime of the control plane', () => {
  it('is extended once by the overdue alarm, and uses no attempt', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    await agent.ping(600_000);
    session.restart(300_000);
    await session.alarmLate();
    expect(await typesOf(session)).toContain('lease.extended');
    await session.advance(15_000);
    agent.append(note('kept on disk')).connect().flush();
    expect(agent.over).toBeNull();
    await agent.ping(120_000);
    expect(await session.view()).toMatchObject({ status: 'running', tasks: [{ epoch: 1, attempt: 1 }] });
  });

  it('is extended even if no alarm was overdue, because a socket is gone without a close event', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    await agent.ping(45_000);
    session.restart(10);
    await session.advance(59_000);
    expect((await typesOf(session)).filter((type) => type === 'lease.extended')).toHaveLength(1);
    agent.connect();
    expect(agent.over).toBeNull();
    expect((await session.view()).tasks).toMatchObject([{ epoch: 1, attempt: 1 }]);
  });

  it('is lost after the one extension if its agent does not return', async () => {
    const session = new SessionInProcess();
    await session.begun();
    session.restart(300_000);
    await session.alarmLate();
    expect(await session.status()).toBe('running');
    await session.advance(TTL_MS - 1);
    expect(await session.status()).toBe('running');
    await session.advance(1);
    expect(await session.status()).toBe('orphaned');
  });

  it('is extended again after the next downtime if its agent had returned', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    for (let restart = 1; restart <= 3; restart++) {
      session.restart(300_000);
      await session.alarmLate();
      agent.connect();
      await agent.ping(20_000);
      expect((await typesOf(session)).filter((type) => type === 'lease.extended')).toHaveLength(restart);
    }
    expect((await session.view()).tasks).toMatchObject([{ epoch: 1, attempt: 1 }]);
  });
});

describe.each(['pause', 'stop'] as const)('%s while the control plane goes down', (action) => {
  const target = action === 'pause' ? 'paused' : 'stopped';

  it.each([
    { when: 'for longer than the deadline', away: 46_000, before: 0 },
    { when: 'for longer than the deadline and the lease', away: 300_000, before: 0 },
    { when: 'just before the deadline', away: 10, before: 44_985 },
  ])('$when: waits for the agent, whose last checkpoint is stored', async ({ away, before }) => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    await session.act(requestFor(action));
    await agent.ping(before);
    session.restart(away);
    agent.append(...checkpoint('last', { messages_done: 0 }), released(target));
    await session.alarmLate();
    await session.advance(2_000);
    expect(await session.view()).toMatchObject({ requested_action: action });
    agent.connect().flush();
    expect(agent).toMatchObject({ over: 'ended', saved: agent.head - 1 });
    expect(await session.view()).toMatchObject({ status: target, checkpoint_count: 1 });
  });

  it('takes effect if the agent does not return in the time that it gets again', async () => {
    const session = new SessionInProcess();
    await session.begun();
    await session.act(requestFor(action));
    session.restart(300_000);
    await session.alarmLate();
    await session.advance(44_999);
    expect(await session.status()).toBe('running');
    await session.advance(1);
    expect(await session.status()).toBe(target);
  });
});

it('a pause takes the lease of the agent that is silent, and waits for the one that still sends', async () => {
  const session = new SessionInProcess();
  await session.createWithTasks(2);
  await session.act('start');
  const [silent, busy] = [session.agentOf(1).connect(), session.agentOf(2).connect()];
  await session.act('pause');
  await session.advance(40_000);
  busy.send(note('still packing'));
  await session.advance(5_000);
  expect([silent.read().over, busy.read().over]).toEqual(['lease_lost', null]);
  busy.send(...checkpoint('last', { messages_done: 0 }), released('paused'));
  expect(busy).toMatchObject({ over: 'ended', saved: busy.head - 1 });
  expect(await session.status()).toBe('paused');
});

describe('an approval that expires while the control plane is down', () => {
  async function expired(
    changes: Record<string, unknown>,
    { before = 10_000, away = 1_000_000, connects = true } = {},
  ) {
    const session = new SessionInProcess();
    const agent = await session.begun({ max_duration_seconds: 86_400, ...changes });
    agent.send(asked('r1'));
    await agent.ping(before);
    session.restart(away);
    await session.alarmLate();
    if (connects) agent.connect();
    const approvals = async () => unwrap(await session.runtime.approvals(session.call())).items;
    return { session, agent, approvals, back: session.platform.clock };
  }

  it('stays open, and people have time again to answer it', async () => {
    const { session, agent, approvals, back } = await expired({ approval_timeout_seconds: 60 });
    const [open] = await approvals();
    expect(open).toMatchObject({ status: 'open', expires_at: new Date(back + 60_000).toISOString() });
    expect((await session.folded()).approvals).toEqual([open]);
    await agent.ping(59_999);
    unwrap(await session.runtime.answer(session.call(), open!.id, { decision: 'once' }));
    expect(agent.commandsOf('approval_reply')).toMatchObject([{ ask_id: 'r1', decision: 'once' }]);
  });

  it.each([
    { what: 'a second after its time', before: 0, away: 61_000, connects: true },
    { what: 'just before its time, and the agent is not', before: 10_000, away: 49_990, connects: false },
  ])('stays open too if the control plane is back $what', async (downtime) => {
    const { session, approvals } = await expired({ approval_timeout_seconds: 60 }, downtime);
    await session.advance(20);
    expect(await approvals()).toMatchObject([{ status: 'open' }]);
  });

  it('is answered with its default if nobody answers then', async () => {
    const { agent, approvals } = await expired({ approval_timeout_seconds: 60 });
    await agent.ping(60_000);
    expect(await approvals()).toMatchObject([{ status: 'expired', answer: { decision: 'reject' } }]);
  });

  it('stays open for at most 15 minutes', async () => {
    const { agent, approvals } = await expired({ approval_timeout_seconds: 1_000 });
    await agent.ping(899_999);
    expect(await approvals()).toMatchObject([{ status: 'open' }]);
    await agent.ping(1);
    expect(await approvals()).toMatchObject([{ status: 'expired' }]);
  });
});

describe('a time limit that is reached while the control plane is down', () => {
  async function down(): Promise<{ session: SessionInProcess; agent: FakeAgent }> {
    const session = new SessionInProcess();
    const agent = await session.begun({ max_duration_seconds: 60 });
    await agent.ping(30_000);
    session.restart(45_000);
    await session.alarmLate();
    return { session, agent };
  }

  it('lets the agent return with the result that it had finished before', async () => {
    const { session, agent } = await down();
    agent.append(...checkpoint('last'), result());
    await session.advance(29_000);
    agent.connect().flush();
    expect(agent).toMatchObject({ over: 'ended', saved: agent.head - 1 });
    expect(await session.view()).toMatchObject({ status: 'completed', result: { text: 'Done.' } });
  });

  it('ends the session if the agent does not return, or has not finished', async () => {
    for (const comesBack of [false, true]) {
      const { session, agent } = await down();
      if (comesBack) agent.connect().send(note('still at it'));
      await session.advance(29_999);
      expect(await session.status()).not.toBe('timeout');
      await session.advance(1);
      expect(await session.status()).toBe('timeout');
    }
  });
});
