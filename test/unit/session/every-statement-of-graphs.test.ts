import { describe, expect, it } from 'vitest';
import { IMPLICIT_TASK, taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import { DecomposeTaskRequest } from '../../../src/protocol/session/decomposition.ts';
import { DeliverRequest } from '../../../src/protocol/session/deliver.ts';
import { everyStatement } from '../../support/every-statement.ts';
import { at, everyStatementOfFrames, type Fixture, type Setup, sent } from './every-statement.fixture.ts';
import { checkpoint, conflict, failure, released, result } from './fake-agent.ts';
import { type NewTask, SESSION_ID, type SessionInProcess, unwrap } from './harness.ts';

const id = (number: number) => taskIdOf(SESSION_ID, number);
const COMMIT = 'c'.repeat(40);
const BRANCH = 'oio/a-session-0198c2f0';

const deliver = (session: SessionInProcess, request: object = {}) =>
  session.runtime.deliver(session.call(), DeliverRequest().parse(request));
const decompose = (session: SessionInProcess, request: object = {}) =>
  session.runtime.decompose(session.call(), id(IMPLICIT_TASK), DecomposeTaskRequest().parse(request), []);

/** Lets an agent do a task, with work. */
function work(session: SessionInProcess, task: number, name = `AGENT-${task}`): void {
  const frames = checkpoint(`work ${task} of ${name}`, { messages_done: 0, commit: `commit of ${task}` });
  session
    .agentOf(task, name)
    .connect()
    .send(...frames, result(9_999));
}

const ASKING = `status = 'ready' AND reserved_at IS NOT NULL`;

/** Agents do one of the tasks that ask for an agent. Then another one asks, or the session has ended. */
async function goesOn(session: SessionInProcess): Promise<void> {
  await session.advance(60_000);
  const [first] = session.rows<{ number: number; kind: string }>('tasks', ASKING);
  if (first!.kind === 'deliver') session.agentOf(first!.number).connect().send(delivered, result(0));
  else work(session, first!.number, 'AGENT-LAST');
  if (session.rows('tasks', ASKING).length === 0) expect(await session.status()).toBe('completed');
}

/** A started session with tasks from number 2 on. */
const graph =
  (...tasks: NewTask[]): Setup =>
  async (session) => {
    await session.create();
    await session.addTasks(...tasks);
    await session.act('start');
    return undefined;
  };
const created: Setup = async (session) => void (await session.create({ title: 'A CRUD' })) as undefined;
const running: Setup = (session) => session.begun();
const worked: Setup = async (session) => (await session.begun()).send(...checkpoint('one'), result());
const failedDelivery: Setup = async (session) => {
  await worked(session);
  unwrap(await deliver(session));
  session.agentOf(2).connect().send(failure(false));
  return undefined;
};

describe('a throw before any statement changes nothing, and a retry leads to the same result', () => {
  it.each<[string, Setup, (fixture: Fixture) => unknown]>([
    ['a delivery that is asked for while the session runs', running, ({ session }) => deliver(session)],
    ['a delivery of a session that has ended', worked, ({ session }) => deliver(session, { push: true })],
    ['a delivery that is asked for again after it failed', failedDelivery, ({ session }) => deliver(session)],
    ['a split by a template', created, ({ session }) => decompose(session)],
    ['a split by an agent', created, ({ session }) => decompose(session, { strategy: 'agent' })],
    [
      'a split of a task that asks for an agent',
      async (session) => {
        await created(session);
        await session.act('start');
        return undefined;
      },
      ({ session }) => decompose(session, { strategy: 'agent' }),
    ],
    [
      'an answer to a conflict',
      async (session) => {
        await inConflict(session);
        return undefined;
      },
      ({ session }) => {
        const { id: approval } = session.row<{ id: string }>('approvals')!;
        return session.runtime.answer(session.call(), approval, { decision: 'once', answers: [['ours']] });
      },
    ],
  ])('%s', async (_name, setup, mutate) => {
    expect(await everyStatement(at(setup), mutate, sent)).toBeGreaterThan(3);
  });
});

const DELIVERY = {
  state: 'delivered',
  branch: BRANCH,
  commit: COMMIT,
  pushed: false,
  remote: null,
  reason: null,
} as const;
const delivered: AgentFrameBody = { type: 'delivery', data: DELIVERY };

/** The agent of a delivery that is the last task of its session, and of one after its end. */
const deliversLast: Setup = async (session) => {
  (await session.begun({ deliver: {} })).send(...checkpoint('one'), result());
  return session.agentOf(2).connect();
};
const deliversLater: Setup = async (session) => {
  await worked(session);
  unwrap(await deliver(session));
  return session.agentOf(2).connect();
};

const PLAN = JSON.stringify({
  tasks: [
    { name: 'a', title: 'First', description: 'Do the first.' },
    { name: 'b', title: 'Second', description: 'Do the second.', depends_on: ['a'] },
    { name: 'c', title: 'Third', description: 'Do the third.', depends_on: ['a'] },
  ],
});
const plans: Setup = async (session) => {
  await created(session);
  unwrap(await decompose(session, { strategy: 'agent' }));
  await session.act('start');
  return session.agentOf(2).connect();
};
/** Its first plan was refused. */
const plansAgain: Setup = async (session) => (await plans(session))!.send(result(2, { text: 'I do not know.' }));

const FAN_IN: NewTask[] = [{ name: 'a' }, { name: 'b' }, { depends_on: ['a', 'b'] }];
const merges: Setup = async (session) => {
  await graph(...FAN_IN)(session);
  for (const task of [2, 3]) work(session, task);
  return session.agentOf(4).connect();
};
async function inConflict(session: SessionInProcess): Promise<void> {
  (await merges(session))!.send(conflict([1], 2, 'a.txt'));
}
const resolves: Setup = async (session) => {
  await inConflict(session);
  return session.agentOf(5, 'AGENT-THIRD').connect();
};
/** The last but one of the tasks whose works are merged in the end. */
const ends: Setup = async (session) => {
  await graph({}, {})(session);
  work(session, 2);
  return session.agentOf(3).connect();
};

const error = { code: 'delivery_conflict', message: 'The branch exists.', retryable: false };
const notDelivered: AgentFrameBody[] = [
  { type: 'delivery', data: { ...DELIVERY, state: 'conflict', commit: null, reason: error.message } },
  result(0, { status: 'failed', error }),
];
const resolved = [...checkpoint('resolved', { messages_done: 0, commit: 'commit of 5' }), result(9_999)];
const ended = async (session: SessionInProcess) => expect(['completed', 'failed']).toContain(await session.status());

describe('a throw before any statement of a batch of frames neither loses nor duplicates a frame', () => {
  it.each<[string, Setup, AgentFrameBody[], (session: SessionInProcess) => unknown]>([
    [
      'the end of the work, after which a task delivers it',
      (s) => s.begun({ deliver: {} }),
      [...checkpoint('one'), result()],
      goesOn,
    ],
    ['a delivery at the end', deliversLast, [delivered, result(0)], ended],
    ['a delivery after the end', deliversLater, [delivered, result(0)], ended],
    ['a delivery whose branch is in conflict', deliversLast, notDelivered, ended],
    ['a delivery that was never reported', deliversLast, [result(0)], () => undefined],
    ['a delivery that its agent gives back', deliversLater, [released('shutdown')], goesOn],
    ['a plan', plans, [result(9_999, { text: PLAN })], goesOn],
    [
      'a plan that cannot be used, with the request for another one',
      plans,
      [result(9_999, { text: 'No.' })],
      () => undefined,
    ],
    [
      'a second plan that cannot be used, after which a template is',
      plansAgain,
      [result(9_999, { text: 'No.' })],
      goesOn,
    ],
    ['a planner that fails', plans, [failure(false)], goesOn],
    ['works that cannot be merged', merges, [conflict([1], 2, 'a.txt')], goesOn],
    ['a resolution', resolves, resolved, goesOn],
    [
      'the last task, after which one merges the works of all',
      ends,
      [...checkpoint('b', { messages_done: 0 }), result(9_999)],
      goesOn,
    ],
  ])('%s', (_name, setup, bodies, goOn) => everyStatementOfFrames(setup, bodies, goOn));
});
