import { beforeEach, describe, expect, it } from 'vitest';
import { everyStatement } from '../../support/every-statement.ts';
import type { NodePlatform } from '../../support/node-platform.ts';
import { checkpoint, released, result } from './fake-agent.ts';
import { failureOf, SessionInProcess, unwrap } from './harness.ts';
import { HttpAgent } from './http-agent.ts';

const ONE = '11111111-8a52-4f0c-9d0b-0d6f3a1b2c3d';

/** Lets an agent on a socket do a task, with work. */
function work(session: SessionInProcess, task: number): void {
  const frames = checkpoint(`work ${task}`, { messages_done: 0, commit: `commit of ${task}` });
  session
    .agentOf(task)
    .connect()
    .send(...frames, result(9_999));
}

/**
 * A session whose task 4 begins with the merged work of 2 and 3, which are the checkpoints 1 and 2. It names its
 * repository, so that agents of which no root commit is known can go on with it.
 */
async function fanIn(platform?: NodePlatform): Promise<SessionInProcess> {
  const session = new SessionInProcess(platform ? { platform } : {});
  await session.create({ repository: { url: 'https://example.com/app.git' } });
  await session.addTasks({ name: 'a' }, { name: 'b' }, { depends_on: ['a', 'b'] });
  await session.act('start');
  for (const task of [2, 3]) work(session, task);
  return session;
}

const agentOf = (session: SessionInProcess, task: number, id = ONE) =>
  new HttpAgent(session, id, session.task(task).epoch, undefined, task);

describe('an agent without sockets', () => {
  let session: SessionInProcess;
  beforeEach(async () => {
    session = await fanIn();
  });

  it('that does not merge is not given a task that begins with merged work, and is not asked again', async () => {
    const agent = agentOf(session, 4);
    agent.canMerge = false;
    expect(failureOf(agent.handOut())).toMatchObject({ code: 'lease_gone' });
    await session.settle();
    expect(session.destinations.requests.at(-1)).toMatchObject({ epoch: 2, requirements: { avoid_agents: [ONE] } });
  });

  it('is given the works to merge, and reports a conflict as its first report, which blocks the task', async () => {
    const agent = agentOf(session, 4);
    expect(unwrap(agent.handOut()).start).toMatchObject({ from: [1, 2], parents: [1, 2] });
    unwrap(agent.conflict([1], 2));
    expect(session.task(4)).toMatchObject({ status: 'blocked', attempts_used: 0 });
    expect(session.task(5)).toMatchObject({ kind: 'resolve', status: 'ready' });
    unwrap(agent.conflict([1], 2));
    expect(session.rows('approvals'), 'the same again changes nothing').toHaveLength(1);
    expect(failureOf(agent.report()).code, 'the lease has ended').toBe('stale_lease');
    expect(failureOf(agent.release()).code).toBe('stale_lease');
  });

  it('resolves the conflict of others from both sides, also where another agent has left it', async () => {
    agentOf(session, 4).handOut();
    unwrap(agentOf(session, 4).conflict([1], 2));
    const frames = checkpoint('half', { messages_done: 0, commit: 'commit of half' });
    session
      .agentOf(5, 'AGENT-THIRD')
      .connect()
      .send(...frames, released('shutdown'));
    await session.advance(1_000);
    const none = agentOf(session, 5);
    none.canMerge = false;
    expect(failureOf(none.handOut()).code).toBe('lease_gone');
    await session.advance(1_000);
    const agent = agentOf(session, 5, '22222222-8a52-4f0c-9d0b-0d6f3a1b2c3d');
    expect(unwrap(agent.handOut())).toMatchObject({ kind: 'resolve', start: { from: [3], parents: [1, 2] } });
    expect(unwrap(agent.result())).toMatchObject({ final: true });
    expect(session.task(4).status).toBe('ready');
  });

  it('is refused a conflict of works with which its task does not begin, and keeps its lease', () => {
    const agent = agentOf(session, 4);
    agent.handOut();
    unwrap(agent.report());
    expect(failureOf(agent.conflict([1], 7))).toMatchObject({ code: 'validation_failed' });
    expect(agent.report()).toMatchObject({ ok: true });
    expect(session.rows('approvals')).toEqual([]);
  });
});

it('a throw before any statement of a conflict changes nothing, and a retry leads to the same result', async () => {
  const steps = await everyStatement(
    async (platform) => {
      const agent = agentOf(await fanIn(platform), 4);
      agent.handOut();
      return agent;
    },
    (agent) => agent.conflict([1], 2),
  );
  expect(steps).toBeGreaterThan(1);
});
