import { describe, expect, it } from 'vitest';
import { everyStatement } from '../../support/every-statement.ts';
import type { NodePlatform } from '../../support/node-platform.ts';
import { asked, checkpoint, text } from './fake-agent.ts';
import { SessionInProcess, TTL_MS } from './harness.ts';
import { HttpAgent } from './http-agent.ts';

const [ONE, TWO] = ['11111111-8a52-4f0c-9d0b-0d6f3a1b2c3d', '22222222-8a52-4f0c-9d0b-0d6f3a1b2c3d'];

interface Fixture {
  session: SessionInProcess;
  agent: HttpAgent;
}

/** A started session, and an agent without sockets to which it was handed out. */
async function handedOut(platform?: NodePlatform): Promise<Fixture> {
  const session = new SessionInProcess(platform ? { platform } : {});
  await session.create();
  await session.act('start');
  const agent = new HttpAgent(session, ONE);
  agent.handOut();
  return { session, agent };
}

async function working(platform?: NodePlatform): Promise<Fixture> {
  const fixture = await handedOut(platform);
  fixture.agent.report();
  return fixture;
}

const failureOf = (outcome: { ok: boolean; failure?: { code: string } }) => outcome.failure?.code;

describe('an agent without sockets', () => {
  it('that refuses a task is not asked again, and another agent is', async () => {
    const { session, agent } = await working();
    expect(agent.release('refused')).toMatchObject({ ok: true });
    await session.advance(1_000);
    const asked = session.destinations.requests.at(-1);
    expect(asked).toMatchObject({
      epoch: 2,
      requirements: { refusing_instances: [`http:${ONE}`], avoid_agents: [ONE] },
    });
  });

  it('has no lease before its first report, and another one that was handed the task out may be first', async () => {
    const { session, agent } = await handedOut();
    const other = new HttpAgent(session, TWO);
    expect(other.handOut()).toMatchObject({ ok: true });
    expect(session.row('leases')).toBeUndefined();
    expect(other.report(text('a', 0, 'x'))).toMatchObject({ ok: true, value: { acked: 1 } });
    expect(failureOf(agent.report(text('a', 0, 'y')))).toBe('lease_gone');
    expect(failureOf(agent.result())).toBe('lease_gone');
    expect((await session.folded()).status).toBe('running');
    await session.settle();
    expect([...session.destinations.accepted.values()]).toEqual([TWO]);
  });

  it('is handed nothing out without the proof of the registry', async () => {
    const { session } = await handedOut();
    const forged = new HttpAgent(session, TWO, 2);
    expect(failureOf(forged.handOut())).toBe('lease_gone');
    expect(failureOf(forged.report())).toBe('not_found');
  });

  it('loses its lease after a silence, costs an attempt, and its late reports are counted', async () => {
    const { session, agent } = await working();
    await session.advance(TTL_MS / 2);
    expect(agent.report()).toMatchObject({ ok: true });
    await session.advance(TTL_MS - 1);
    expect(await session.status()).toBe('degraded');
    await session.advance(1);
    expect((await session.view()).tasks).toMatchObject([{ status: 'pending', attempt: 2 }]);
    expect(failureOf(agent.report(text('a', 0, 'late')))).toBe('stale_lease');
    expect(failureOf(agent.result())).toBe('stale_lease');
    expect(session.rows('refusals')).toMatchObject([{ epoch: 1, count: 2 }]);
    expect((await session.events()).some(({ type }) => type === 'text.delta')).toBe(false);
  });

  it('gets its time again when the object was down meanwhile', async () => {
    const { session, agent } = await working();
    session.restart(TTL_MS * 3);
    await session.alarmLate();
    expect(agent.report(text('a', 0, 'x'))).toMatchObject({ ok: true, value: { acked: 1 } });
    expect(await session.status()).toBe('running');
  });

  it('goes on after an eviction, and keeps nothing of a refused report', async () => {
    const { session, agent } = await working();
    session.evict();
    expect(failureOf(agent.report(text('a', 0, 'x'), checkpoint('a').at(-1)!))).toBe('validation_failed');
    expect(agent.report(text('a', 0, 'x'))).toMatchObject({ ok: true, value: { acked: 1 } });
  });
});

describe('nothing is lost', () => {
  it('a message that only an unseen hand-out had comes as a command', async () => {
    const { session, agent } = await handedOut();
    await session.runtime.send(session.call(), { text: 'More' });
    agent.handOut();
    expect(agent.report()).toMatchObject({ value: { commands: [{ type: 'message', data: { number: 2 } }] } });
    expect(agent.result()).toMatchObject({ value: { final: false } });
  });

  it('a result and a release are answered again after the next epoch was granted', async () => {
    const { session, agent } = await working();
    const failure = { status: 'failed', error: { code: 'x', message: 'x', retryable: true } } as const;
    expect(agent.result(failure)).toMatchObject({ value: { final: true } });
    await session.advance(1_000);
    const next = new HttpAgent(session, TWO, 2);
    next.handOut();
    next.report();
    expect(agent.result(failure)).toMatchObject({ value: { final: true } });
    expect(failureOf(agent.result())).toBe('result_differs');
    expect(next.release()).toMatchObject({ ok: true });
    const third = new HttpAgent(session, ONE, 3);
    third.handOut();
    third.report();
    expect(next.release()).toMatchObject({ ok: true });
    expect(session.rows('refusals')).toEqual([]);
  });

  it('the registry learns who holds the lease, even if its session tells it something else first', async () => {
    const { session, agent } = await handedOut();
    session.destinations.away = { registry: true };
    agent.report();
    await session.runtime.update(session.call(), { priority: 'high' });
    await session.settle();
    session.destinations.away = {};
    await session.advance(60_000);
    expect([...session.destinations.accepted.values()]).toEqual([ONE]);
  });

  it('an agent that was registered again goes on under its lease with its new token', async () => {
    const { session, agent } = await working();
    const renewed = new HttpAgent(session, ONE, 1, 'another-token');
    expect(renewed.report(text('a', 0, 'x'))).toMatchObject({ ok: true });
    expect(session.row('leases')).toMatchObject({ token_id: 'another-token' });
    expect(agent.id).toBe(renewed.id);
  });
});

describe('a report is refused, and changes nothing', () => {
  it('when it acknowledges a command that was never sent', async () => {
    const { session, agent } = await working();
    expect(failureOf(agent.acknowledge(1_000))).toBe('validation_failed');
    await session.runtime.send(session.call(), { text: 'More' });
    expect(agent.report()).toMatchObject({ value: { commands: [{ type: 'message' }] } });
  });

  it('when it names a message that does not exist', async () => {
    const { agent } = await working();
    expect(
      failureOf(agent.report(checkpoint('a', { messages_done: 9, patch: null, conversation: null }).at(-1)!)),
    ).toBe('validation_failed');
    expect(failureOf(agent.result({ messages_done: 9 }))).toBe('validation_failed');
  });

  it('when it adds a chunk to a file that is complete', async () => {
    const { session, agent } = await working();
    const chunk = (index: number, file?: { path: string; mime_type: string }) =>
      agent.report({
        type: 'artifact.chunk',
        data: { artifact_id: TWO, index, data: btoa('abc'), ...(file && { file }) },
      });
    expect(chunk(0, { path: 'a.txt', mime_type: 'text/plain' })).toMatchObject({ ok: true });
    expect(failureOf(chunk(1))).toBe('validation_failed');
    expect(session.rows('artifact_chunks')).toHaveLength(1);
  });
});

it('a request for an approval after the end is rejected with a command, beside the one to stop', async () => {
  const { session, agent } = await working();
  await session.act('cancel');
  expect(agent.report(asked('r1'))).toMatchObject({
    value: { commands: [{ type: 'cancel' }, { type: 'approval_reply', data: { decision: 'reject' } }] },
  });
});

it('the end of a lease that is asked to finish comes sooner, and the answer says when', async () => {
  const { session, agent } = await working();
  const ends = () => {
    const report = agent.report();
    return report.ok ? Date.parse(report.value.lease_expires_at!) - session.platform.clock : null;
  };
  expect(ends()).toBe(TTL_MS);
  await session.act('pause');
  expect(ends()).toBe(45_000);
});

it('the files of a task are those of its last attempt that has sent some', async () => {
  const { session, agent } = await working();
  const file = (path: string) => ({ path, content: 'a', encoding: 'utf-8', mime_type: 'text/plain' }) as const;
  const error = { code: 'x', message: 'x', retryable: true };
  agent.result({ status: 'failed', error, artifacts: [file('one.txt'), file('two.txt')] });
  await session.advance(1_000);
  const next = new HttpAgent(session, TWO, 2);
  next.handOut();
  next.result({ artifacts: [file('three.txt')] });
  const files = session.runtime.parts.files.page({ page_size: 10 });
  expect(files).toMatchObject({ value: { items: [{ path: 'three.txt', epoch: 2 }] } });
  expect(session.rows('artifacts')).toHaveLength(1);
});

describe('a throw before any statement changes nothing, and a retry leads to the same result', () => {
  it.each<[string, (platform: NodePlatform) => Promise<Fixture>, (agent: HttpAgent) => unknown]>([
    ['the first report', handedOut, (agent) => agent.report(text('a', 0, 'x'))],
    ['a report without events', working, (agent) => agent.report()],
    ['an approval', working, (agent) => agent.report(asked('r1'))],
    ['a first result', handedOut, (agent) => agent.result()],
    [
      'a result with a file and usage',
      working,
      (agent) =>
        agent.result({
          artifacts: [{ path: 'a.txt', content: 'a', encoding: 'utf-8', mime_type: 'text/plain' }],
          usage: { input_tokens: 1, output_tokens: 1, cost_usd: 1 },
        }),
    ],
    [
      'a failure',
      working,
      (agent) => agent.result({ status: 'failed', error: { code: 'x', message: 'x', retryable: true } }),
    ],
    ['a release', working, (agent) => agent.release()],
  ])('%s', async (_name, setup, mutate) => {
    const steps = await everyStatement(
      setup,
      ({ agent }) => mutate(agent),
      () => [],
    );
    expect(steps).toBeGreaterThan(1);
  });
});
