import { describe, expect, it } from 'vitest';
import { PASS_MS } from '../../../src/domain/dispatch/pass.ts';
import { taskIdOf, taskNumber } from '../../../src/protocol/common/ids.ts';
import { failure, released } from './fake-agent.ts';
import { type NewTask, SESSION_ID, SessionInProcess, TTL_MS, unwrap } from './harness.ts';
import { SharedAgent } from './shared-agent.ts';

const CHAIN: NewTask[] = [{ name: 'a' }, { name: 'b', depends_on: ['a'] }, { name: 'c', depends_on: ['b'] }];

interface Options {
  changes?: Record<string, unknown>;
  facts?: object;
  passMs?: number;
}

/** A started session with these tasks, whose numbers begin at 2, and an agent that works on the first one. */
async function atWork(tasks: NewTask[], { changes = {}, facts, passMs = PASS_MS }: Options = {}) {
  const session = new SessionInProcess();
  session.destinations.passMs = passMs;
  const agent_id = new SharedAgent(session).agent.agent_id;
  session.destinations.slotState = { state: 'offered', agent_id, pass_ms: passMs };
  await session.create(changes);
  await session.addTasks(...tasks);
  await session.act('start');
  await session.settle();
  const agent = new SharedAgent(session, 'AGENT-ONE', facts).claim(2);
  return { session, agent };
}

const statuses = (session: SessionInProcess) => session.runtime.parts.records.tasks().map(({ status }) => status);
/** The tasks that the registry was asked for. */
const asked = ({ destinations }: SessionInProcess) => destinations.requests.map(({ task_id }) => taskNumber(task_id));
const passes = ({ destinations }: SessionInProcess) =>
  destinations.passes.map(({ from, request }) => [taskNumber(from.task_id), taskNumber(request.task_id)]);

describe('the next task of the agent whose lease ends', () => {
  it('comes with the end of the lease, on the same socket, without a request to the registry', async () => {
    const { session, agent } = await atWork(CHAIN);
    agent.finish(2);
    expect(agent.passed.map(({ assignment }) => assignment)).toMatchObject([{ task_id: taskIdOf(SESSION_ID, 3) }]);
    expect(statuses(session)).toEqual(['in_progress', 'completed', 'assigned', 'pending']);
    agent.finish(3).finish(4);
    await session.settle();
    expect([await session.status(), asked(session), passes(session)]).toEqual([
      'completed',
      [2],
      [
        [2, 3],
        [3, 4],
      ],
    ]);
    expect(session.destinations.slots.get(`${taskIdOf(SESSION_ID, 4)}:1`)).toBe('released');
    expect(agent.client.closedBy?.code).toBe(4011);
  });

  it('has its prompt beside the assignment, with what the task before has reported', async () => {
    const { session, agent } = await atWork(CHAIN);
    const [next] = agent.finish(2).passed;
    expect(next!.assignment).toMatchObject({ messages_done: 2, messages_last: 3 });
    expect(next!.messages).toMatchObject([{ number: 3 }]);
    expect(next!.messages[0]!.text).toContain('Did 2.');
    expect(agent.heard.filter(({ type }) => type === 'command')).toHaveLength(1);
    expect(session.rows('commands')).toEqual([]);
  });

  it('is stored in the transaction that takes the result', async () => {
    const { session, agent } = await atWork(CHAIN);
    const before = session.platform.commits;
    agent.finish(2).finish(3);
    expect(session.platform.commits - before).toBe(2);
  });

  it('is the first one that it can do', async () => {
    const { session, agent } = await atWork([
      { name: 'a' },
      { depends_on: ['a'], priority: 'high', required_capabilities: ['testing'] },
      { depends_on: ['a'] },
    ]);
    agent.finish(2);
    await session.settle();
    expect([agent.passed.length, passes(session), asked(session)]).toEqual([1, [[2, 4]], [2, 3]]);
  });

  it('may require what the agent has presented', async () => {
    const { session, agent } = await atWork(
      [{ name: 'a' }, { depends_on: ['a'], required_capabilities: ['testing'], required_labels: ['cores>=4'] }],
      { facts: { capabilities: ['testing', 'debugging'], labels: ['cores=8'] } },
    );
    agent.finish(2);
    await session.settle();
    expect([passes(session), asked(session)]).toEqual([[[2, 3]], [2]]);
  });

  it('may be one that waits in the queue of the registry', async () => {
    const { session, agent } = await atWork([{}, {}], { changes: { max_parallel: 2 } });
    expect(asked(session)).toEqual([2, 3]);
    agent.finish(2);
    await session.settle();
    expect([passes(session), statuses(session)]).toEqual([[[2, 3]], ['in_progress', 'completed', 'assigned']]);
    expect(session.dueAt('reserve:3')).toBeNull();
  });

  it('is asked of the registry by an agent that does not share its socket', async () => {
    const session = new SessionInProcess();
    await session.create();
    session.destinations.passMs = PASS_MS;
    await session.addTasks(...CHAIN);
    await session.act('start');
    const agent = session.agentOf(2).connect();
    agent.send({ type: 'result', data: { status: 'completed', text: '', messages_done: 9, error: null } });
    await session.settle();
    expect([agent.over, asked(session), passes(session)]).toEqual(['ended', [2, 3], []]);
  });

  it('is asked of the registry without its word', async () => {
    const { session, agent } = await atWork(CHAIN, { passMs: 0 });
    agent.finish(2);
    await session.settle();
    expect([passes(session), asked(session), agent.client.closedBy?.code]).toEqual([[], [2, 3], 4011]);
  });

  it('is asked of the registry when its word is too old', async () => {
    const { session, agent } = await atWork(CHAIN);
    for (let rest = PASS_MS; rest > 0; rest -= TTL_MS / 4) {
      agent.client.ping();
      await session.advance(TTL_MS / 4);
    }
    agent.finish(2);
    await session.settle();
    expect([passes(session), asked(session)]).toEqual([[], [2, 3]]);
  });

  it('follows after an eviction too, by the word that came before the grant', async () => {
    const { session, agent } = await atWork(CHAIN);
    session.evict();
    agent.finish(2);
    await session.settle();
    expect(passes(session)).toEqual([[2, 3]]);
  });

  it('is told to the registry even if the task before is rated meanwhile', async () => {
    const { session, agent } = await atWork(CHAIN);
    session.platform.logger = () => undefined;
    session.destinations.away = { registry: true };
    agent.finish(2);
    unwrap(await session.runtime.rate(session.call(), taskIdOf(SESSION_ID, 2), { quality: 1 }));
    session.destinations.away = {};
    await session.advance(600_000);
    expect(passes(session)).toEqual([[2, 3]]);
  });

  it('does not follow a failure, a release or a pause', async () => {
    const retried = await atWork([{}, {}]);
    retried.agent.send(2, failure(true));
    const left = await atWork([{}, {}]);
    left.agent.send(2, released('shutdown'));
    const paused = await atWork(CHAIN);
    await paused.session.act('pause');
    paused.agent.finish(2);
    for (const { session } of [retried, left, paused]) await session.settle();
    expect([retried, left, paused].map(({ session }) => passes(session))).toEqual([[], [], []]);
    expect(await paused.session.status()).toBe('paused');
  });
});

describe('an agent that did not hear of its next task', () => {
  it('hears of it when it claims the ended lease on its next socket', async () => {
    const { session, agent } = await atWork(CHAIN);
    agent.isDeaf = true;
    agent.finish(2);
    agent.isDeaf = false;
    agent.reconnect();
    expect(agent.passed).toMatchObject([
      { assignment: { task_id: taskIdOf(SESSION_ID, 3) }, messages: [{ number: 3 }] },
    ]);
    agent.finish(3).finish(4);
    expect(await session.status()).toBe('completed');
  });

  it('loses it after a silence, and the next agent does it', async () => {
    const { session, agent } = await atWork(CHAIN);
    agent.finish(2);
    agent.client.vanish();
    await session.advance(3 * TTL_MS);
    expect(session.rows('leases', `task = 3 AND ended = 'lost'`)).toHaveLength(1);
    await session.settle();
    expect(asked(session)).toContain(3);
  });

  it('is not told by another process that claims the ended lease', async () => {
    const { session, agent } = await atWork(CHAIN);
    agent.finish(2);
    const other = new SharedAgent(session, 'AGENT-TWO');
    other.claim(2, 1);
    expect([other.passed, other.heard.at(-1)?.type]).toEqual([[], 'gone']);
  });
});
