import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import { moveDeadlines, storedDeadlines } from '../../support/deadlines.ts';
import { everyStatement } from '../../support/every-statement.ts';
import type { NodePlatform } from '../../support/node-platform.ts';
import { at, essence, everyStatementOfFrames, type Fixture, type Setup, sent } from './every-statement.fixture.ts';
import {
  asked,
  checked,
  checkpoint,
  failure,
  modelRetry,
  note,
  partDone,
  released,
  result,
  text,
  usage,
} from './fake-agent.ts';
import { requested, SESSION_ID, SessionInProcess, TASK_ID, TTL_MS } from './harness.ts';

const created: Setup = async (session) => void (await session.create()) as undefined;
const queued: Setup = async (session) => {
  await session.create();
  await session.act('start');
  return undefined;
};
const running: Setup = (session) => session.begun();
const afterASecond: Setup = async (session) => {
  const agent = await session.begun();
  session.platform.clock += 1_000;
  return agent;
};
const pausing: Setup = async (session) => {
  const agent = await session.begun();
  await session.act('pause');
  return agent.read();
};
const checking: Setup = (session) => session.begun({ checks: ['npm test'] });
const checkingOnce: Setup = (session) => session.begun({ checks: ['npm test'], max_check_rounds: 0 });
const RED = { outcome: 'failed', exit_code: 1 } as const;
const asking: Setup = async (session) => (await session.begun()).send(asked('r1'));
const finished: Setup = async (session) => (await session.begun()).send(result());
const failed: Setup = async (session) => (await session.begun()).send(failure(false));

function openApproval(session: SessionInProcess): string {
  return session.row<{ id: string }>('approvals')!.id;
}

describe('a throw before any statement changes nothing, and a retry leads to the same result', () => {
  it.each<[string, Setup, (fixture: Fixture) => unknown]>([
    [
      'create',
      async () => undefined,
      ({ session }) => session.runtime.create(session.call({ key: 'k' }), SESSION_ID, requested()),
    ],
    ['update', created, ({ session }) => session.runtime.update(session.call(), { title: 'Other' })],
    ['start', created, ({ session }) => session.act('start')],
    ['pause of a queued session', queued, ({ session }) => session.act('pause')],
    ['pause of a running session', running, ({ session }) => session.act('pause')],
    ['stop', running, ({ session }) => session.act({ action: 'stop', body: { reason: 'enough' } })],
    ['cancel', running, ({ session }) => session.act('cancel')],
    ['complete', running, ({ session }) => session.act({ action: 'complete', body: { result: { success: true } } })],
    ['fail', running, ({ session }) => session.act({ action: 'fail', body: { error: { message: 'No.' } } })],
    ['retry', failed, ({ session }) => session.act({ action: 'retry', body: { from: 'last' } })],
    ['a message', running, ({ session }) => session.runtime.send(session.call({ key: 'k' }), { text: 'More' })],
    ['a request for a checkpoint', running, ({ session }) => session.runtime.requestCheckpoint(session.call())],
    ['a request to end a command', running, ({ session }) => session.runtime.endTools(session.call(), {})],
    [
      'an always answer',
      asking,
      ({ session }) => session.runtime.answer(session.call(), openApproval(session), { decision: 'always' }),
    ],
    ['a rating', finished, ({ session }) => session.runtime.rate(session.call(), TASK_ID, { quality: 0.5 })],
    ['remove', asking, ({ session }) => session.runtime.remove(session.call())],
    [
      'the acknowledgement of the first command',
      running,
      ({ agent }) => agent.client?.send({ type: 'command_ack', id: 1 }),
    ],
    ['the close of a socket', running, ({ session, agent }) => session.runtime.sockets.closed(agent.client!.socket)],
  ])('%s', async (_name, setup, mutate) => {
    expect(await everyStatement(at(setup), mutate, sent)).toBeGreaterThan(1);
  });

  it('resume', async () => {
    const paused: Setup = async (session) => {
      await queued(session);
      await session.act('pause');
      return undefined;
    };
    expect(await everyStatement(at(paused), ({ session }) => session.act('resume'), sent)).toBeGreaterThan(5);
  });

  it.each([
    ['a claim of a lease', queued],
    ['a repeated claim', afterASecond],
  ])('%s', async (_name, setup) => {
    // Each run needs a new socket, because the object's shell closes the socket after a throw.
    const present = ({ session }: Fixture) => {
      session.clients.length = 0;
      session.agent().connect();
    };
    const sent = ({ session }: Fixture) => session.clients.flatMap(({ received }) => received);
    expect(await everyStatement(at(setup), present, sent)).toBeGreaterThan(1);
  });
});

const STEPS_OF_FRAMES: [string, Setup, AgentFrameBody[]][] = [
  ['text, a finished part and usage', running, [text('a', 0, 'on'), text('a', 2, 'e'), partDone('a', 3), usage()]],
  ['a retry of the model and its end', running, [modelRetry(), note('better')]],
  ['an approval', running, [asked('r1')]],
  ['a withdrawn approval', asking, [{ type: 'approval.withdrawn', data: { ask_id: 'r1', reason: 'aborted' } }]],
  ['a checkpoint with its chunks', running, checkpoint('one')],
  ['a result', asking, [result()]],
  ['a failed check, which becomes a prompt', checking, [...checked(0, 1, RED), result()]],
  ['a failed check without a round left', checkingOnce, [...checked(0, 1, RED), result()]],
  ['a retryable failure', running, [failure(true)]],
  ['a requested release', pausing, [released('paused')]],
  ['a release without a request', running, [released('shutdown')]],
  ['an invalid frame', running, [{ type: 'no.such.thing' } as never]],
];

describe('a throw before any statement of a batch of frames neither loses nor duplicates a frame', () => {
  it.each(STEPS_OF_FRAMES)('%s', (_name, setup, bodies) => everyStatementOfFrames(setup, bodies));
});

function after(ms: number): (session: SessionInProcess) => void {
  return (session) => {
    session.platform.clock += ms;
  };
}

interface DeadlineCase {
  name: string;
  setup: Setup;
  /** Advances the clock to the deadline. */
  wait: (session: SessionInProcess) => void;
}

const DEADLINES: DeadlineCase[] = [
  { name: 'of the lease, with a quiet agent', setup: running, wait: after(TTL_MS / 2) },
  { name: 'of the lease, with a lost agent', setup: running, wait: lost },
  {
    name: 'of the lease, after a downtime of the object',
    setup: running,
    wait: after(TTL_MS * 9),
  },
  { name: 'of the reservation', setup: queued, wait: after(60_000) },
  {
    name: 'of the next attempt',
    setup: async (session) => (await session.begun()).send(released('lost')),
    wait: after(1_000),
  },
  { name: 'of an overdue pause', setup: pausing, wait: (session) => only(session, 'request') },
  { name: 'of the time limit', setup: running, wait: (session) => only(session, 'max_duration') },
  { name: 'of an approval', setup: asking, wait: (session) => only(session, 'approval:') },
  { name: 'of the retirement', setup: failed, wait: (session) => only(session, 'retire') },
  {
    name: 'of the purge',
    setup: async (session) => {
      await session.begun();
      await session.runtime.remove(session.call());
      return undefined;
    },
    wait: (session) => only(session, 'purge'),
  },
  {
    name: 'of a delayed summary',
    setup: async (session) => (await session.begun()).send(usage()),
    wait: (session) => only(session, 'summary'),
  },
];

/** The agent was seen until just before the deadline, so only its silence counts. */
function lost(session: SessionInProcess): void {
  session.platform.clock += TTL_MS / 2;
  session.runtime.alarm();
  session.platform.clock += TTL_MS / 2;
}

/** Sets the clock to a deadline, and moves all other deadlines behind it. */
function only(session: SessionInProcess, name: string): void {
  const [only, at] = Object.entries(storedDeadlines(session.platform)).find(([other]) => other.startsWith(name))!;
  session.platform.clock = at;
  moveDeadlines(session.runtime.parts.kit, (other, dueAt) => (other === only ? dueAt : at + 1e9));
}

describe.each(DEADLINES)('the deadline handler $name', ({ setup, wait }) => {
  const due = async (platform: NodePlatform): Promise<Fixture> => {
    const fixture = await at(setup)(platform);
    await fixture.session.settle();
    wait(fixture.session);
    return fixture;
  };

  it('changes something, and changes nothing more when it runs again', async () => {
    const { session } = await due(new SessionInProcess().platform);
    const before = session.platform.dump();
    await session.alarmLate();
    const after = session.platform.dump();
    expect(after).not.toEqual(before);
    await session.alarmLate();
    // The second run deletes what the first has delivered to other stores.
    const unchanging = { outbox: null, $alarm: null };
    expect({ ...session.platform.dump(), ...unchanging }).toEqual({ ...after, ...unchanging });
  });

  it('changes nothing when it is killed before a statement, and everything when it runs again', async () => {
    const undisturbed = await due(new SessionInProcess().platform);
    await undisturbed.session.alarmLate();
    const expected = essence(undisturbed.session);
    let step = 1;
    for (let disturbed = true; disturbed; step++) {
      const { session } = await due(new SessionInProcess().platform);
      const before = essence(session, ['deadlines']);
      session.platform.failAt(step);
      await session.alarmLate();
      disturbed = !session.platform.faultPending;
      session.platform.failAt(Number.POSITIVE_INFINITY);
      // A handler that threw runs again half a minute later. The test runs it at once.
      if (disturbed && isDeepStrictEqual(essence(session, ['deadlines']), before)) {
        const { clock } = session.platform;
        moveDeadlines(session.runtime.parts.kit, (_name, dueAt) => (dueAt === clock + 30_000 ? clock : dueAt));
        await session.alarmLate();
      }
      expect(essence(session), `a throw before step ${step}`).toEqual(expected);
    }
    expect(step).toBeGreaterThan(3);
  });
});
