import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';
import { FrameBuffer } from '../../../runner/lease/buffer.ts';
import { type Clock, processClock } from '../../../runner/lease/clock.ts';
import type { ConnectionEvents, OpenConnection } from '../../../runner/lease/connection.ts';
import type { LeaseEvents } from '../../../runner/lease/lease-events.ts';
import { LeaseStream } from '../../../runner/lease/lease-stream.ts';
import { RunSockets } from '../../../runner/lease/run-sockets.ts';
import type { Assignment } from '../../../src/protocol/run/assignment.ts';
import type { AgentFrame, AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import type { RunUp } from '../../../src/protocol/run/run-socket.ts';

const lease = {
  task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001',
  epoch: 1,
  agent_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
  agent_name: 'AGENT-A',
  instance_id: '7f9d3c5e-0f5e-4a53-8a0e-2f6f1f6f7a10',
};
const ABILITIES = { capabilities: [], labels: [] };
export const TTL_MS = 60_000;
export const note = (text: string): AgentFrameBody => ({ type: 'agent.note', data: { level: 'info', text } });

/** Where the streams of a test file keep their buffers. */
export let directory: string;

/** Fakes the timers and the date of each test in the file, and gives its streams a directory. */
export function holdTime(): void {
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'oio-stream-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

/** The session's side of the protocol: it stores frames in order, acknowledges them, and reports gaps. */
export class FakeSession {
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

export interface Rig {
  session: FakeSession;
  stream: LeaseStream;
  buffer: FrameBuffer;
  told: string[];
}

/** Vitest fakes the timers and the date, but not the monotonic clock. */
const clock: Clock = { ...processClock, now: () => Date.now() };

export function start(events: Partial<LeaseEvents> = {}, isReachable = true, maxBytes?: number): Rig {
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
    passed: () => told.push('passed'),
    over: (how) => told.push(how),
    ...events,
  };
  return {
    session,
    stream: new LeaseStream(buffer, { repository: null }, new RunSockets(session.open, ABILITIES, clock), all, clock),
    buffer,
    told,
  };
}
