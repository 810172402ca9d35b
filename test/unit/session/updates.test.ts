import { describe, expect, it } from 'vitest';
import { UpdateSessionRequest } from '../../../src/protocol/session/requests.ts';
import { everyStatement } from '../../support/every-statement.ts';
import type { NodePlatform } from '../../support/node-platform.ts';
import { checked, checkpoint, released, result, tool, uuidOf } from './fake-agent.ts';
import { failureOf, SessionInProcess, unwrap } from './harness.ts';
import { HttpAgent } from './http-agent.ts';

const update = (session: SessionInProcess, changes: object) =>
  session.runtime.update(session.call(), UpdateSessionRequest().parse(changes));

/** A started session with tasks from number 2 on. */
async function sessionWith(count: number, changes: object = {}, platform?: NodePlatform): Promise<SessionInProcess> {
  const session = new SessionInProcess(platform ? { platform } : {});
  await session.create({ ...changes });
  await session.addTasks(...Array.from({ length: count }, () => ({})));
  await session.act('start');
  return session;
}

const asking = (session: SessionInProcess) => session.rows('tasks', 'reserved_at IS NOT NULL').length;

describe('max_parallel', () => {
  it('lets more tasks ask for an agent as soon as it grows, and fewer begin after it shrinks', async () => {
    const session = await sessionWith(6, { max_parallel: 2 });
    expect(asking(session)).toBe(2);
    expect(unwrap(await update(session, { max_parallel: 5 }))).toMatchObject({ max_parallel: 5, status: 'queued' });
    expect(asking(session)).toBe(5);
    unwrap(await update(session, { max_parallel: 1 }));
    for (const task of [2, 3]) session.agentOf(task).connect().send(result(99));
    expect(asking(session), 'what asks already is not taken back').toBe(3);
    expect(unwrap(await update(session, { max_parallel: null })).max_parallel, 'the default').toBe(4);
    expect(asking(session)).toBe(4);
  });

  it('starts nothing in a session that is paused, or has ended', async () => {
    const session = await sessionWith(2, { max_parallel: 1 });
    await session.act('pause');
    unwrap(await update(session, { max_parallel: 2 }));
    expect([await session.status(), asking(session)]).toEqual(['paused', 0]);
    await session.act('cancel');
    unwrap(await update(session, { max_parallel: 3 }));
    expect(await session.status()).toBe('cancelled');
  });

  it('changes with all that follows, or not at all', async () => {
    const steps = await everyStatement(
      (platform) => sessionWith(4, { max_parallel: 1 }, platform),
      (session) => update(session, { max_parallel: 3 }),
    );
    expect(steps).toBeGreaterThan(3);
  });
});

it('on_conflict_risk: from its change on, the agent of the later task is told', async () => {
  const session = await sessionWith(2);
  const agents = [2, 3].map((task) => session.agentOf(task).connect());
  const edit = (path: string) => {
    const input = { filePath: path, oldString: 'a', newString: 'b' };
    for (const agent of agents)
      agent.send(tool({ tool: 'edit', state: 'completed', input }), { type: 'file.edited', data: { path } });
  };
  edit('one.ts');
  expect(agents[1]!.commandsOf('message')).toHaveLength(1);
  unwrap(await update(session, { on_conflict_risk: 'steer' }));
  edit('two.ts');
  expect(agents[1]!.commandsOf('message')[1]).toMatchObject({ delivery: 'steer' });
  expect(unwrap(await update(session, { on_conflict_risk: null })).on_conflict_risk).toBe('note');
  expect(unwrap(await update(session, { merge_strategy: 'prefer_source' })).merge_strategy).toBe('prefer_source');
  expect(unwrap(await update(session, { merge_strategy: null })).merge_strategy).toBe('manual');
});

describe('the checks of a session', () => {
  const CHECKS = { checks: ['npm test', 'npm run lint'] };
  const OTHER = { checks: ['npm run all'] };

  it('stay those of the agent that works already, also after its reconnect and an eviction', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun(CHECKS);
    expect(unwrap(await update(session, OTHER)).checks).toEqual([{ command: 'npm run all', timeout_seconds: 600 }]);
    unwrap(await update(session, { checks: null }));
    session.evict();
    expect(agent.connect().assignment?.checks).toMatchObject([{ command: 'npm test' }, { command: 'npm run lint' }]);
    agent.send(...checked(0, 1), ...checked(1, 1, { outcome: 'failed', exit_code: 1 }), result());
    expect(await session.status(), 'the second one is judged').toBe('running');
    agent.send(...checked(0, 2), ...checked(1, 2), result(2));
    expect(await session.view()).toMatchObject({
      status: 'completed',
      result: { checks: [{}, { outcome: 'passed' }] },
    });
  });

  it('are new ones for the next agent, of which the outcomes of others say nothing', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun(CHECKS);
    unwrap(await update(session, OTHER));
    agent.send(...checkpoint('half', { messages_done: 0 }), ...checked(0, 1), ...checked(1, 1), released('shutdown'));
    await session.advance(60_000);
    const next = session.agentOf(1, 'AGENT-NEXT').connect();
    expect(next.assignment).toMatchObject({ checks: [{ command: 'npm run all' }], check_round: 2 });
    next.send(result());
    expect((await session.view()).error).toMatchObject({ code: 'checks_not_run' });
  });

  it('stay those of an agent without sockets to which the task was handed out', async () => {
    const session = new SessionInProcess();
    await session.create(CHECKS);
    await session.act('start');
    const agent = new HttpAgent(session, uuidOf('http'));
    agent.handOut();
    unwrap(await update(session, OTHER));
    unwrap(agent.report(...checked(0, 1), ...checked(1, 1)));
    expect(unwrap(agent.result())).toMatchObject({ final: true, session_status: 'completed' });
  });

  it('run before the first prompt of a task as its agent was given them', async () => {
    const session = new SessionInProcess();
    await session.create(CHECKS);
    await session.addTasks({ name: 'a' }, { name: 'b' }, { depends_on: ['a', 'b'] });
    await session.act('start');
    for (const task of [2, 3]) {
      const frames = checkpoint(`${task}`, { messages_done: 0 });
      session
        .agentOf(task)
        .connect()
        .send(...frames, result(99));
    }
    const agent = session.agentOf(4).connect();
    unwrap(await update(session, { checks: [] }));
    agent.send(...checked(0, 0), ...checked(1, 0));
    expect((await session.events()).filter(({ type }) => type === 'frame.rejected')).toEqual([]);
  });

  it('count in the retry of a session that has failed, and change no more in one that is completed', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun({ ...CHECKS, max_check_rounds: 0 });
    agent.send(...checked(0, 1, { outcome: 'failed', exit_code: 127 }), ...checked(1, 1), result());
    expect(await session.status()).toBe('failed');
    unwrap(await update(session, { ...OTHER, max_check_rounds: 1 }));
    await session.act({ action: 'retry', body: { from: 'last' } });
    const next = session.agentOf(1).connect();
    expect(next.assignment?.checks).toMatchObject([{ command: 'npm run all' }]);
    next.send(...checked(0, 2), result());
    expect(await session.status()).toBe('completed');
    expect(failureOf(await update(session, CHECKS))).toMatchObject({ code: 'illegal_transition' });
    expect((await session.view()).checks).toHaveLength(1);
  });

  it('are taken only within their bounds', () => {
    const takes = (changes: object) => UpdateSessionRequest().safeParse(changes).success;
    expect(takes({ checks: [{ command: 'npm test', timeout_seconds: 5 }], max_check_rounds: 0 })).toBe(true);
    const bad = [{ checks: [''] }, { checks: Array(21).fill('a') }, { max_check_rounds: 6 }, { max_parallel: 0 }];
    for (const one of [...bad, { on_conflict_risk: 'ask' }, { checks: 'npm test' }]) expect(takes(one)).toBe(false);
  });
});
