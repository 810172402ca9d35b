import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { FrameBuffer } from '../../../runner/lease/buffer.ts';
import { type Clock, processClock } from '../../../runner/lease/clock.ts';
import type { ConnectionEvents, OpenConnection } from '../../../runner/lease/connection.ts';
import type { LeaseEvents } from '../../../runner/lease/lease-events.ts';
import { LeaseStream, quietAfterMs } from '../../../runner/lease/lease-stream.ts';
import type { Assignment, Command } from '../../../src/protocol/run/assignment.ts';
import type { AgentFrame, AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import type { RunUp } from '../../../src/protocol/run/run-socket.ts';
import { runs } from '../../support/seeds.ts';

const lease = {
  task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001',
  epoch: 1,
  agent_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
  agent_name: 'AGENT-A',
  instance_id: '7f9d3c5e-0f5e-4a53-8a0e-2f6f1f6f7a10',
};
const TTL_MS = 60_000;
const note = (text: string): AgentFrameBody => ({ type: 'agent.note', data: { level: 'info', text } });

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'oio-stream-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const checkpoint: AgentFrameBody = {
  type: 'checkpoint',
  data: {
    turn: 1,
    messages_done: 1,
    base_commit: null,
    patch: null,
    conversation: null,
    files: [],
    local_only: false,
    requested: false,
  },
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** The session's side of the protocol: it stores frames in order, acknowledges them, and reports gaps. */
class FakeSession {
  readonly stored: AgentFrame[] = [];
  readonly commandAcks: number[] = [];
  presented = 0;
  /** The number of the newest checkpoint that is stored. */
  saved = 0;
  refusesCheckpoints = false;
  /** Acknowledgements no longer arrive, because the connection is about to break. */
  losesAcks = false;
  isReachable = true;
  /** Closes the connection when a frame comes, and stores nothing. */
  breaksOverFrames = false;
  #events: ConnectionEvents | null = null;

  readonly open: OpenConnection = (_path, events) => {
    const isCurrent = () => this.#events === events;
    setTimeout(() => {
      if (!this.isReachable) return events.closed('unreachable');
      this.#events = events;
      events.opened();
    }, 1);
    return {
      send: (text) => setTimeout(() => isCurrent() && this.#received(text), 1),
      close: () => {
        if (isCurrent()) this.#events = null;
      },
    };
  };

  tell(message: unknown): void {
    const events = this.#events;
    setTimeout(() => this.#events === events && events?.received(JSON.stringify(message)), 1);
  }

  /** Breaks the connection. Messages in transit are lost. */
  cut(): void {
    const events = this.#events;
    this.#events = null;
    this.losesAcks = false;
    events?.closed('cut');
  }

  #received(text: string): void {
    if (text === 'ping') {
      this.#events?.received('pong');
      return;
    }
    const message = JSON.parse(text) as RunUp;
    if (message.type === 'present') {
      this.presented += 1;
      this.tell({
        type: 'lease',
        assignment: {} as Assignment,
        acked: this.stored.length,
        saved: this.saved,
        ttl_ms: TTL_MS,
      });
    } else if (message.type === 'command_ack') this.commandAcks.push(message.id);
    else this.#take(message.frames as AgentFrame[]);
  }

  #take(frames: AgentFrame[]): void {
    if (this.breaksOverFrames) return this.cut();
    for (const frame of frames) {
      const expected = this.stored.length + 1;
      if (frame.n > expected) return this.tell({ type: 'expected', n: expected });
      if (frame.n !== expected) continue;
      this.stored.push(frame);
      if (frame.type === 'checkpoint' && !this.refusesCheckpoints) this.saved = frame.n;
    }
    if (this.losesAcks) return;
    this.tell({ type: 'saved', n: this.saved });
    this.tell({ type: 'ack', n: this.stored.length });
  }
}

interface Rig {
  session: FakeSession;
  stream: LeaseStream;
  buffer: FrameBuffer;
  told: string[];
}

/** Vitest fakes the timers and the date, but not the monotonic clock. */
const clock: Clock = { ...processClock, now: () => Date.now() };

function start(events: Partial<LeaseEvents> = {}, isReachable = true, maxBytes?: number): Rig {
  const session = new FakeSession();
  session.isReachable = isReachable;
  const told: string[] = [];
  const buffer = FrameBuffer.create(directory, lease, maxBytes);
  const all: LeaseEvents = {
    granted: () => told.push('granted'),
    command: async (command) => void told.push(command.type),
    quiet: () => told.push('quiet'),
    alive: () => told.push('alive'),
    full: () => told.push('full'),
    over: (how) => told.push(how),
    ...events,
  };
  return { session, stream: new LeaseStream(buffer, null, session.open, all, clock), buffer, told };
}

/** Half an hour with all its attempts to connect, and the rest asleep. */
async function silence(ms: number): Promise<void> {
  const awake = 1_800_000;
  await vi.advanceTimersByTimeAsync(awake);
  vi.setSystemTime(Date.now() + ms - awake);
  await vi.advanceTimersByTimeAsync(60_000);
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('append' as const), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('cut' as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.nat(20_000) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('lose_acks' as const) }) },
);

test('through a thousand disconnects and lost acknowledgements, each frame is recorded once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const { session, stream, buffer } = start();
      let appended = 0;
      for (const action of steps) {
        if (action.type === 'append') for (let i = 0; i < action.count; i++) stream.append(note(String(++appended)));
        else if (action.type === 'cut') session.cut();
        else if (action.type === 'wait') await vi.advanceTimersByTimeAsync(action.ms);
        else session.losesAcks = true;
      }
      session.cut();
      stream.append(note(String(++appended)));
      await vi.advanceTimersByTimeAsync(40_000);
      expect(session.stored).toEqual(
        Array.from({ length: appended }, (_, i) => ({ n: i + 1, ...note(String(i + 1)) })),
      );
      expect(buffer.read(0, 1_000_000)).toEqual([]);
      stream.discard();
    }),
    runs(150),
  );
});

test('a connection that breaks over the same frame each time is tried less and less often', async () => {
  const { session, stream } = start();
  await vi.advanceTimersByTimeAsync(10);
  session.breaksOverFrames = true;
  stream.append(note('poison'));
  await vi.advanceTimersByTimeAsync(60_000);
  const inFirstMinute = session.presented;
  await vi.advanceTimersByTimeAsync(600_000);
  // With pauses of 15 s at most and 7.5 s on average, ten minutes have about 80 attempts; without backoff, thousands.
  expect(inFirstMinute).toBeLessThan(60);
  expect(session.presented - inFirstMinute).toBeLessThan(200);
  session.breaksOverFrames = false;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(session.stored).toEqual([{ n: 1, ...note('poison') }]);
  stream.discard();
});

test('a lease whose frames no longer fit on the disk is given back after the frames that do', async () => {
  const { session, stream, buffer, told } = start({}, true, 100_000);
  await vi.advanceTimersByTimeAsync(10);
  session.isReachable = false;
  session.cut();
  for (let i = 0; i < 40; i++) stream.append(note(`${i}`.padEnd(5_000, 'x')));
  expect(told).toEqual(['granted', 'full']);
  const { head } = buffer;
  expect(head).toBeGreaterThan(5);
  expect(head).toBeLessThan(40);
  session.isReachable = true;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(session.stored).toHaveLength(head + 1);
  expect(session.stored.at(-1)).toMatchObject({ n: head + 1, type: 'released', data: { reason: 'lost' } });
  // The session's message that the lease has ended is lost with the connection, and the release is sent again.
  session.cut();
  await vi.advanceTimersByTimeAsync(20_000);
  session.tell({ type: 'ended', reason: 'released', saved: 0 });
  await vi.advanceTimersByTimeAsync(10);
  expect(told).toEqual(['granted', 'full', 'ended']);
});

test('a lease whose grant cannot be stored is given back, and its work does not begin', async () => {
  const { session, buffer, told } = start();
  buffer.markGranted = () => {
    throw new Error('database or disk is full');
  };
  await vi.advanceTimersByTimeAsync(10);
  expect(told).toEqual(['full']);
  expect(session.stored).toMatchObject([{ n: 1, type: 'released' }]);
  session.tell({ type: 'ended', reason: 'released' });
  await vi.advanceTimersByTimeAsync(10);
  expect(told).toEqual(['full', 'ended']);
});

test('the grant is reported once, however often the connection breaks', async () => {
  const { session, stream, told } = start();
  await vi.advanceTimersByTimeAsync(10);
  session.cut();
  await vi.advanceTimersByTimeAsync(20_000);
  expect([told, session.presented]).toEqual([['granted'], 2]);
  stream.discard();
});

test('a repeated command is acknowledged again but handled once', async () => {
  const { session, stream, told } = start();
  const command: Command = { type: 'checkpoint', data: {} };
  await vi.advanceTimersByTimeAsync(10);
  session.tell({ type: 'command', id: 7, command });
  await vi.advanceTimersByTimeAsync(10);
  session.tell({ type: 'command', id: 7, command });
  await vi.advanceTimersByTimeAsync(10);
  expect([told, session.commandAcks]).toEqual([
    ['granted', 'checkpoint'],
    [7, 7],
  ]);
  stream.discard();
});

test('a command that failed is not acknowledged, and is handled when it is sent again', async () => {
  let attempts = 0;
  const { session, stream } = start({
    command: async () => {
      attempts += 1;
      if (attempts === 1) throw new Error('not now');
    },
  });
  await vi.advanceTimersByTimeAsync(10);
  for (let i = 0; i < 2; i++) {
    session.tell({ type: 'command', id: 1, command: { type: 'checkpoint', data: {} } });
    await vi.advanceTimersByTimeAsync(10);
  }
  expect([attempts, session.commandAcks]).toEqual([2, [1]]);
  stream.discard();
});

test('silence is reported before the lease can expire, and the next message reports that the lease is alive', async () => {
  const { session, stream, told } = start();
  await vi.advanceTimersByTimeAsync(10);
  await vi.advanceTimersByTimeAsync(TTL_MS * 2);
  expect(told).toEqual(['granted']);
  session.isReachable = false;
  session.cut();
  await vi.advanceTimersByTimeAsync(quietAfterMs(TTL_MS) + 2_000);
  expect(quietAfterMs(TTL_MS)).toBe(TTL_MS - 15_000);
  expect(told).toEqual(['granted', 'quiet']);
  session.isReachable = true;
  await vi.advanceTimersByTimeAsync(16_000);
  expect(told).toEqual(['granted', 'quiet', 'alive']);
  stream.discard();
});

test('a process that was suspended while its connection stayed open asks the session whether it still holds the lease', async () => {
  const { session, stream, told } = start();
  await vi.advanceTimersByTimeAsync(10);
  vi.setSystemTime(Date.now() + quietAfterMs(TTL_MS) + 5_000);
  await vi.advanceTimersByTimeAsync(20_000);
  expect([told, session.presented]).toEqual([['granted', 'quiet', 'alive'], 2]);
  stream.append(note('goes on'));
  await vi.advanceTimersByTimeAsync(10);
  expect(session.stored).toEqual([{ n: 1, ...note('goes on') }]);
  stream.discard();
});

test('frames of a granted lease are kept through days of silence and delivered afterwards', async () => {
  const { session, stream, told } = start();
  await vi.advanceTimersByTimeAsync(10);
  session.isReachable = false;
  session.cut();
  stream.append(note('work'));
  await silence(2 * 86_400_000);
  expect(told).toEqual(['granted', 'quiet']);
  session.isReachable = true;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(told).toEqual(['granted', 'quiet', 'alive']);
  expect(session.stored).toEqual([{ n: 1, ...note('work') }]);
  stream.discard();
});

test('a checkpoint is answered when it is acknowledged, also on the next connection, and at the end of the lease', async () => {
  const { session, stream } = start();
  const [answers, expected] = [[] as (boolean | null)[], [] as (boolean | null)[]];
  const save = async () => {
    stream.append(checkpoint);
    void stream.saved().then((isSaved) => answers.push(isSaved));
    await vi.advanceTimersByTimeAsync(10);
  };
  const expectAnswer = async (answer: boolean | null) => {
    await vi.advanceTimersByTimeAsync(20_000);
    expected.push(answer);
    expect(answers).toEqual(expected);
  };
  await vi.advanceTimersByTimeAsync(10);
  await save();
  await expectAnswer(true);
  session.refusesCheckpoints = true;
  await save();
  await expectAnswer(false);
  session.losesAcks = true;
  await save();
  expect(answers).toEqual(expected);
  session.cut();
  await expectAnswer(false);
  session.losesAcks = true;
  await save();
  session.tell({ type: 'ended', reason: 'released', saved: session.stored.length });
  await expectAnswer(true);
});

test.each([
  ['stays without an answer if the session does not say', {}, null],
  ['is answered if the session has it', { saved: 1 }, true],
  ['is answered if the session does not have it', { saved: 0 }, false],
])('a checkpoint of a lease that was lost %s', async (_, told, expected) => {
  const { session, stream } = start();
  await vi.advanceTimersByTimeAsync(10);
  session.losesAcks = true;
  stream.append(checkpoint);
  const answer = stream.saved();
  session.tell({ type: 'lease_lost', reason: 'taken', ...told });
  await vi.advanceTimersByTimeAsync(10);
  expect(await answer).toBe(expected);
});

test('a lease is given up after a week of silence, and an unanswered claim after minutes', async () => {
  const { session, told } = start();
  await vi.advanceTimersByTimeAsync(10);
  session.isReachable = false;
  session.cut();
  await silence(7 * 86_400_000);
  expect(told).toEqual(['granted', 'quiet', 'lost']);

  const other = start({}, false);
  await vi.advanceTimersByTimeAsync(TTL_MS * 6);
  expect(other.told).toEqual(['lost']);
});

test.each([
  [{ type: 'ended' }, 'ended'],
  [{ type: 'lease_lost' }, 'lost'],
  [{ type: 'gone' }, 'gone'],
  [{ type: 'gone', deleted: true }, 'deleted'],
])('the message %o ends the stream and deletes its buffer', async (message, how) => {
  const { session, stream, told } = start();
  await vi.advanceTimersByTimeAsync(10);
  session.tell({ ...message, reason: 'because' });
  await vi.advanceTimersByTimeAsync(10);
  stream.append(note('too late'));
  expect(told).toEqual(['granted', how]);
  expect(readdirSync(directory)).toEqual([]);
});

test('a closed stream keeps its buffer for a later process', async () => {
  const { session, stream } = start();
  session.losesAcks = true;
  await vi.advanceTimersByTimeAsync(10);
  stream.append(note('kept'));
  stream.close();
  const [left] = FrameBuffer.openAll(directory);
  expect(left?.read(0, 1_000)).toEqual([{ n: 1, ...note('kept') }]);
  left?.drop();
});
