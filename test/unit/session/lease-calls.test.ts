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
