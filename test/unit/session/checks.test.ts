import { describe, expect, it } from 'vitest';
import type { AssignmentResult } from '../../../src/ports/agent-registry.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import type { CheckResult } from '../../../src/protocol/session/checks.ts';
import { CreateGraphRequest } from '../../../src/protocol/session/task-requests.ts';
import { checked, checkpoint, failure, result, uuidOf } from './fake-agent.ts';
import { SESSION_ID, SessionInProcess, unwrap } from './harness.ts';
import { HttpAgent } from './http-agent.ts';

const CHECKS = { checks: ['npm test', { command: 'npm run lint', timeout_seconds: 30 }] };

const turn = (message: number): AgentFrameBody => ({
  type: 'turn.started',
  data: { turn: message, message, model: null, agent: null },
});
const red = (round: number, output = 'expected 4, got 5') =>
  checked(0, round, { outcome: 'failed', exit_code: 1, output });
const green = (index: number, round: number) => checked(index, round);

async function begun(changes: Record<string, unknown> = {}) {
  const session = new SessionInProcess();
  const results: (AssignmentResult | undefined)[] = [];
  session.destinations.registry.release = async (_task, _epoch, said) => void results.push(said);
  return { session, results, agent: await session.begun({ ...CHECKS, ...changes }) };
}

describe('a session with checks', () => {
  it('gives them to its agent, each with a limit of time', async () => {
    const { agent, session } = await begun();
    const checks = [
      { command: 'npm test', timeout_seconds: 600 },
      { command: 'npm run lint', timeout_seconds: 30 },
    ];
    expect(agent.assignment).toMatchObject({ checks, check_round: 1 });
    expect(await session.view()).toMatchObject({ checks, max_check_rounds: 2 });
  });

  it('is completed if all of them pass, and its result says how each ended', async () => {
    const { session, agent } = await begun();
    agent.send(turn(1), ...green(0, 1), ...green(1, 1), result());
    const { status, result: said } = await session.view();
    expect(status).toBe('completed');
    expect(said).toMatchObject({
      success: true,
      checks: [
        { command: 'npm test', outcome: 'passed', exit_code: 0, ms: 1_200, output: 'ok' },
        { command: 'npm run lint', outcome: 'passed' },
      ],
    });
  });

  it('gives failed ones back as the next prompt, under the same lease, and is completed when they pass then', async () => {
    const { session, agent } = await begun();
    agent.send(turn(1), ...red(1), ...green(1, 1), ...checkpoint('a'), result());
    expect(await session.status()).toBe('running');
    expect(agent.commandsOf('message')).toMatchObject([{ number: 1 }, { number: 2, delivery: 'follow_up' }]);
    const { text } = agent.commandsOf('message')[1]!;
    expect(text).toContain('1 check failed');
    expect(text).toContain('## npm test\n\nIt ended with exit code 1 after 1.2 s.\n\n```\nexpected 4, got 5\n```');
    expect(text).toContain('- npm run lint');
    agent.send(turn(2), ...green(0, 2), ...green(1, 2), result(2));
    expect(await session.status()).toBe('completed');
    expect((await session.folded()).transcript).toContainEqual(
      expect.objectContaining({ kind: 'prompt', number: 2, by: 'checks' }),
    );
  });

  it('fails with their output when no round is left, whatever its agent says', async () => {
    const { session, agent, results } = await begun({ max_check_rounds: 1 });
    agent.send(turn(1), ...red(1), ...green(1, 1), result());
    agent.send(turn(2), ...red(2, 'still 5'), ...green(1, 2), result(2));
    await session.settle();
    const { status, error, result: said } = await session.view();
    expect(status).toBe('failed');
    expect(error).toMatchObject({ code: 'checks_failed', retryable: false });
    expect(error!.message).toContain('“npm test”: It ended with exit code 1');
    expect(error!.message).toContain('still 5');
    expect((said!.checks as CheckResult[]).map(({ outcome }) => outcome)).toEqual(['failed', 'passed']);
    expect(results).toMatchObject([{ status: 'failed', own_fault: false, checks: { passed: false, rounds: 1 } }]);
  });

  it('with no rounds fails at once', async () => {
    const { session, agent } = await begun({ max_check_rounds: 0 });
    agent.send(turn(1), ...red(1), ...green(1, 1), result());
    expect(await session.status()).toBe('failed');
  });

  it('is done in part if its agent did not run them since its last prompt', async () => {
    for (const frames of [
      [result()],
      [...green(0, 1), ...green(1, 1), turn(1), result()],
      [...green(0, 1), result()],
    ]) {
      const { session, agent } = await begun();
      agent.send(...frames);
      expect(await session.view()).toMatchObject({
        status: 'partially_completed',
        error: { code: 'checks_not_run' },
        result: { success: false },
      });
    }
  });

  it('does not take an interrupted check for a failed one', async () => {
    const { session, agent } = await begun();
    agent.send(...checked(0, 1, { outcome: 'interrupted', exit_code: null }), ...green(1, 1), result());
    expect((await session.view()).error?.code).toBe('checks_not_run');
  });

  it('lets a failure of the work itself stand', async () => {
    const { session, agent } = await begun();
    agent.send(turn(1), ...red(1), failure(false));
    expect((await session.view()).error?.code).toBe('model_broken');
  });

  it('gives no more rounds after a takeover, and asks the next agent what it asked the first', async () => {
    const { session, agent, results } = await begun({ max_check_rounds: 1, max_attempts: 3 });
    agent.send(turn(1), ...checkpoint('a'), ...red(1), ...green(1, 1), result());
    const asked = agent.commandsOf('message')[1];
    await session.runtime.parts.kit.store.transact(() => session.runtime.parts.tasks.lose(1, 'agent_lost'));
    await session.advance(60_000);
    const next = session.agentOf(1, 'AGENT-NEXT').connect();
    expect(next.assignment).toMatchObject({ messages_done: 1, messages_last: 2, check_round: 2 });
    expect(next.commandsOf('message')).toEqual([asked]);
    next.send(turn(2), ...red(2), ...green(1, 2), result(2));
    await session.settle();
    expect((await session.view()).error?.code).toBe('checks_failed');
    // The round was not given back to this one.
    expect(results.at(-1)).toMatchObject({ checks: { passed: false, rounds: 0 } });
  });

  it('has all rounds again when a person retries it', async () => {
    const { session, agent } = await begun({ max_check_rounds: 1 });
    agent.send(turn(1), ...red(1), ...green(1, 1), result());
    agent.send(turn(2), ...red(2), ...green(1, 2), result(2));
    await session.act({ action: 'retry', body: { from: 'last' } });
    const next = session.agentOf(1, 'AGENT-NEXT').connect();
    expect(next.assignment).toMatchObject({ check_round: 3 });
    next.send(...red(3), ...green(1, 3), result(2));
    expect(await session.status()).toBe('running');
    expect(next.commandsOf('message').at(-1)).toMatchObject({ number: 3 });
  });

  it('shows each of them as it runs and ends, and one whose agent is lost as interrupted', async () => {
    const { session, agent } = await begun();
    agent.send(...red(1), checked(1, 1)[0]!);
    const checks = async () =>
      (await session.folded()).transcript.flatMap((item) => (item.kind === 'check' ? [item] : []));
    expect(await checks()).toMatchObject([
      { command: 'npm test', round: 1, outcome: 'failed', output: 'expected 4, got 5' },
      { command: 'npm test', outcome: null },
    ]);
    await session.runtime.parts.kit.store.transact(() => session.runtime.parts.tasks.lose(1, 'agent_lost'));
    expect(await checks()).toMatchObject([{ outcome: 'failed' }, { outcome: 'interrupted' }]);
  });

  it('rejects what an agent reports of a check that it does not have', async () => {
    const { session, agent } = await begun();
    agent.send(...checked(2, 1));
    const rejected = (await session.events()).filter(({ type }) => type === 'frame.rejected');
    expect(rejected).toHaveLength(2);
  });

  it('tells an agent without sockets in its answer that it goes on with them', async () => {
    const session = new SessionInProcess();
    await session.create(CHECKS);
    await session.act('start');
    const agent = new HttpAgent(session, uuidOf('http'));
    expect(unwrap(agent.handOut())).toMatchObject({ checks: [{ command: 'npm test' }, {}], check_round: 1 });
    agent.report(...red(1), ...green(1, 1));
    const first = unwrap(agent.result());
    expect(first).toMatchObject({ final: false, commands: [{ type: 'message', data: { number: 2 } }] });
    expect(unwrap(agent.result({ messages_done: 1 }))).toMatchObject({ final: false });
    unwrap(agent.report(...green(0, 2), ...green(1, 2)));
    expect(unwrap(agent.result({ messages_done: 2 }))).toMatchObject({ final: true, session_status: 'completed' });
  });
});

describe('a task of a graph', () => {
  it('has its own checks, and not those of the session', async () => {
    const session = new SessionInProcess();
    await session.create(CHECKS);
    const tasks = [
      { title: 'With', description: 'Do it', checks: ['make test'] },
      { title: 'Without', description: 'Do that' },
    ];
    unwrap(await session.runtime.createTasks(session.call(), CreateGraphRequest().parse({ tasks })));
    await session.act('start');
    const [withChecks, without] = [2, 3].map((task) => session.agentOf(task).connect());
    expect(withChecks!.assignment).toMatchObject({ checks: [{ command: 'make test', timeout_seconds: 600 }] });
    expect(without!.assignment).toMatchObject({ checks: [] });
    without!.send(result(99));
    withChecks!.send(...checked(0, 1), result(99));
    expect(await session.status()).toBe('completed');
    const task = unwrap(await session.runtime.task(session.call(), taskIdOf(SESSION_ID, 2), false));
    expect(task).toMatchObject({ checks: [{ command: 'make test' }], result: { checks: [{ outcome: 'passed' }] } });
  });

  it('that starts from merged work runs those of the session before its first prompt, which judge nothing', async () => {
    const session = new SessionInProcess();
    await session.create(CHECKS);
    const tasks = [
      { name: 'a', title: 'One', description: 'Do it' },
      { name: 'b', title: 'Two', description: 'Do that' },
      { title: 'Both', description: 'Do both', depends_on: ['a', 'b'] },
      { title: 'After one', description: 'Go on', depends_on: ['a'] },
    ];
    unwrap(await session.runtime.createTasks(session.call(), CreateGraphRequest().parse({ tasks })));
    await session.act('start');
    for (const task of [2, 3]) {
      const agent = session.agentOf(task).connect();
      expect(agent.assignment?.start_checks).toEqual([]);
      agent.send(...checkpoint(`${task}`, { messages_done: 0 }), result(99));
    }
    await session.settle();
    const both = session.agentOf(4).connect();
    expect(both.assignment).toMatchObject({ checks: [], start_checks: [{ command: 'npm test' }, {}] });
    expect(session.agentOf(5).connect().assignment?.start_checks).toEqual([]);
    both.send(...checked(0, 0, { outcome: 'failed', exit_code: 1 }), ...checked(1, 0), result(99));
    expect(session.task(4).status).toBe('completed');
    expect((await session.folded()).transcript).toContainEqual(
      expect.objectContaining({ kind: 'check', task: 4, round: 0, outcome: 'failed' }),
    );
  });
});
