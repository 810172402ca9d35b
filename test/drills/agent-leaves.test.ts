import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentProcess } from '../system/support/agent-process.ts';
import { expectAgreement, expectSameLog, expectWhole, readLog } from '../system/support/agreement.ts';
import { type Fleet, NO_POSTGRES, startFleet } from '../system/support/fleet.ts';
import { type StartedSession, startSession } from '../system/support/started-session.ts';
import { Stall } from '../system/support/tools.ts';

let fleet: Fleet;
let first: AgentProcess;
let second: AgentProcess;
beforeAll(async () => {
  fleet = await startFleet({ ...NO_POSTGRES, OIO_LEASE_TTL_SECONDS: '6' });
  first = await fleet.agent('AGENT-A').start();
  second = fleet.agent('AGENT-B');
});
afterAll(() => fleet.stop());

async function expectTakenOver(session: StartedSession, heir: AgentProcess, attempt: number): Promise<void> {
  const { tasks } = await session.ended('completed');
  expect(tasks).toMatchObject([{ attempt }]);
  const log = await readLog(fleet.client, session.id);
  expectWhole(log);
  expectSameLog(session.watch, log);
  const last = log.findLast((event) => event.type === 'lease.granted')!;
  expect(last.data.agent_id).toBe(heir.id);
  expectAgreement(log, fleet.conversationOf(session.id));
  const { files } = await fleet.client.sessions.diff(session.id);
  expect(files.map(({ path }) => path)).toEqual(['one.txt', 'two.txt']);
  session.watch.close();
}

/** The second prompt needs the first one's work, and keeps its first agent busy. */
function prompts(stall: Stall): string[] {
  return ['run echo one > one.txt', `${stall.directive}\nrun test -e one.txt && echo two > two.txt`];
}

describe('an agent that shuts down', () => {
  it('passes its session on with its work, uses no attempt, and leaves no process', async () => {
    const stall = new Stall(join(fleet.path, 'stopped'));
    const session = await startSession(fleet.client, prompts(stall));
    await stall.hangs();
    await second.start();
    await first.stop();
    await expectTakenOver(session, second, 1);
    expect(first.livingProcesses()).toEqual([]);
    expect(first.leftoverNames()).toEqual([]);
  });

  it('does nothing and adds nothing to the log if it returns after another agent got its lease', async () => {
    const stall = new Stall(join(fleet.path, 'frozen'));
    const session = await startSession(fleet.client, prompts(stall));
    await stall.hangs();
    second.signal('SIGSTOP');
    await first.start();
    await session.seen(({ type }) => type === 'lease.granted', 2);
    second.signal('SIGCONT');
    await second.printed('epoch 1: lost');
    await expectTakenOver(session, first, 2);
  });
});

it('an agent without room for another session begins the next one when no process of the last one is left', async () => {
  const labels = ['room=one'];
  const agent = await fleet.agent('AGENT-ONE', { capacity: 1, labels }).start();
  // A lock ends with its process, as a port does. The process id may stay until the system has noticed the end.
  const [lock, ready] = [join(fleet.path, 'server.lock'), join(fleet.path, 'server.ready')];
  const hold = `exec 9> ${lock}; flock 9; touch ${ready}; trap "" TERM; while :; do sleep 0.1 9>&-; done`;
  const server = `setsid sh -c '${hold}' > /dev/null 2>&1 &`;
  const look = `flock -n ${lock} true && echo yes > alone.txt || echo no > alone.txt`;
  const requires = { required_labels: labels };
  const last = await startSession(
    fleet.client,
    [`run ${server}\nrun until test -e ${ready}; do sleep 0.1; done`],
    requires,
  );
  const next = await startSession(fleet.client, [`run ${look}`], requires);
  for (const session of [last, next]) {
    await session.ended('completed');
    session.watch.close();
  }
  expect((await fleet.client.sessions.diff(next.id)).patch).toContain('+yes');
  await agent.stop();
});
