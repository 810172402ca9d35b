import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogFollower } from '../../../src/client/resume.ts';
import type { EventBody, SessionEvent } from '../../../src/protocol/events/envelope.ts';
import type { WatchFrame } from '../../../src/protocol/session/watch-socket.ts';
import { runs } from '../../support/seeds.ts';
import { type ModelConnection, ModelServer } from './support/model-server.ts';

const PARTS = ['prt_1', 'prt_2'];

/** Follows a model server over a connection that the test controls. */
class Wire {
  readonly server = new ModelServer();
  readonly follower = new LogFollower();
  readonly texts = new Map<string, string>();
  /** The events that a listener received since the last reset. */
  received: SessionEvent[] = [];
  /** The position where `received` begins: 0, or that of the last snapshot. */
  receivedFrom = 0;
  #inFlight: WatchFrame[] = [];
  #connection: ModelConnection | null = null;
  #lastDelivered: WatchFrame | null = null;

  append(body: EventBody): void {
    const event = this.server.append(body);
    if (this.#connection?.live) this.#connection.push([event]);
  }

  say(partId: string, text: string): void {
    const before = this.texts.get(partId) ?? '';
    this.texts.set(partId, before + text);
    this.append({
      type: 'text.delta',
      data: { message_id: 'msg_1', part_id: partId, offset: before.length, text },
    });
  }

  /** Delivers the next frame. Opens a connection if there is none. */
  step(): void {
    if (!this.#connection) {
      this.follower.connect();
      this.#connection = this.server.connect(this.follower.cursor, (frame) => this.#inFlight.push(frame));
    }
    const frame = this.#inFlight.shift();
    if (frame) this.deliver(frame);
  }

  /** Repeats the newest frame, as a faulty server might. */
  repeat(): void {
    if (this.#lastDelivered && this.#connection) this.deliver(this.#lastDelivered);
  }

  /** Loses the newest frame in flight. The next frame shows the gap. */
  lose(): void {
    this.#inFlight.pop();
  }

  cut(): void {
    this.#connection = null;
    this.#inFlight = [];
  }

  deliver(frame: WatchFrame): void {
    this.#lastDelivered = frame;
    const step = this.follower.receive(JSON.stringify(frame));
    if (!step.ok) {
      this.cut();
      return;
    }
    if (step.reset) {
      this.received = [];
      this.receivedFrom = seqOf(this.follower.cursor);
    }
    this.received.push(...step.events);
    for (const reply of step.replies) this.#connection?.request(reply);
  }

  /** Delivers all remaining frames. */
  settle(): void {
    for (let i = 0; i < 10_000; i++) {
      this.step();
      if (this.#connection?.live && this.#inFlight.length === 0 && seqOf(this.follower.cursor) === this.server.head) {
        return;
      }
      // A frame was lost, and no later one shows the gap. In production, a ping detects this.
      if (this.#inFlight.length === 0 && i % 100 === 99) this.cut();
    }
    throw new Error('the follower never caught up');
  }
}

function seqOf(cursor: string | null): number {
  return Number(cursor?.split('.')[1] ?? 0);
}

type Move = (wire: Wire) => void;
const text = fc.string({ minLength: 1, maxLength: 8 });
const part = fc.constantFrom(...PARTS);
const moves: fc.Arbitrary<Move>[] = [
  fc.tuple(part, text).map(
    ([partId, words]): Move =>
      (wire) =>
        wire.say(partId, words),
  ),
  fc.tuple(part, text).map(
    ([partId, words]): Move =>
      (wire) =>
        wire.say(partId, words),
  ),
  text.map(
    (words): Move =>
      (wire) =>
        wire.append({ type: 'agent.note', data: { level: 'info', text: words } }),
  ),
  fc.constantFrom('pending', 'running', 'completed').map((state): Move => {
    const data = { message_id: 'msg_1', call_id: 'call_1', tool: 'bash', state: state as 'pending' };
    return (wire) => wire.append({ type: 'tool', data });
  }),
  part.map(
    (partId): Move =>
      (wire) =>
        wire.server.join(partId),
  ),
  fc.nat(4).map(
    (count): Move =>
      (wire) =>
        wire.server.trim(count),
  ),
  fc.integer({ min: 1, max: 12 }).map(
    (count): Move =>
      (wire) => {
        for (let i = 0; i < count; i++) wire.step();
      },
  ),
  fc.constant<Move>((wire) => wire.cut()),
  fc.constant<Move>((wire) => wire.repeat()),
  fc.constant<Move>((wire) => wire.lose()),
];
const restores = fc.nat(5).map(
  (count): Move =>
    (wire) => {
      wire.cut();
      wire.server.restore(count);
      // Trimming joined the events, but kept the text.
      wire.texts.clear();
      for (const item of wire.server.state.transcript) if (item.kind === 'text') wire.texts.set(item.id, item.text);
    },
);

describe('following a log over connections that break', () => {
  it('ends with exactly the state of the server’s log, for any disconnects, losses, repetitions, joins and trims', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...moves, restores), { maxLength: 120 }), (script) => {
        const wire = new Wire();
        for (const move of script) move(wire);
        wire.settle();
        expect(wire.follower.state).toEqual(wire.server.state);
        expect(wire.follower.cursor).toBe(wire.server.cursorAt(wire.server.head));
      }),
      runs(1_000),
    );
  });

  it('reports each position of the log once, in order and without a gap', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...moves, restores), { maxLength: 120 }), (script) => {
        const wire = new Wire();
        for (const move of script) move(wire);
        wire.settle();
        let held = wire.receivedFrom;
        for (const event of wire.received) {
          expect(event.from_seq).toBeLessThanOrEqual(held + 1);
          expect(event.seq).toBeGreaterThan(held);
          held = event.seq;
        }
        expect(held).toBe(wire.server.head);
      }),
      runs(1_000),
    );
  });

  it('holds a prefix of the server’s log at every moment', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...moves), { maxLength: 60 }), (script) => {
        const wire = new Wire();
        for (const move of script) {
          move(wire);
          const held = seqOf(wire.follower.cursor);
          const prefix = new ModelServer();
          for (const { type, data } of wire.server.history.slice(0, held)) prefix.append({ type, data } as EventBody);
          expect(wire.follower.state).toEqual(prefix.state);
        }
      }),
      runs(300),
    );
  });
});

describe('a frame that does not continue the log', () => {
  const note = (seq: number): SessionEvent => ({
    from_seq: seq,
    seq,
    at: '2026-01-01T00:00:00.000Z',
    task: 1,
    type: 'agent.note',
    data: { level: 'info', text: `${seq}` },
  });
  const receive = (follower: LogFollower, frame: unknown) => follower.receive(JSON.stringify(frame));
  const live = () => {
    const follower = new LogFollower();
    receive(follower, { type: 'hello', mode: 'resume', cursor: '00000001.0', head: 2 });
    receive(follower, { type: 'page', events: [note(1), note(2)], cursor: '00000001.2', live: true });
    return follower;
  };

  it('is reported as a gap, and changes nothing, when it skips the next position', () => {
    const follower = live();
    const before = follower.state;
    expect(receive(follower, { type: 'events', events: [note(4)], cursor: '00000001.4' })).toMatchObject({
      ok: false,
      fault: 'gap',
    });
    expect(follower.state).toBe(before);
    expect(follower.cursor).toBe('00000001.2');
  });

  it('is reported as a gap when its cursor is beyond its events', () => {
    expect(receive(live(), { type: 'events', events: [note(3)], cursor: '00000001.5' })).toMatchObject({
      fault: 'gap',
    });
  });

  it('is reported as a protocol fault when it belongs to another incarnation of the log', () => {
    expect(receive(live(), { type: 'events', events: [note(3)], cursor: '00000002.3' })).toMatchObject({
      fault: 'protocol',
    });
  });

  it.each([
    'not JSON',
    '{"type":"snapshot","part":0,"data":""}',
    '{"type":"hello","mode":"resume","cursor":"00000001.1","head":2}',
  ])('is reported as a protocol fault when it is unexpected: %s', (frame) => {
    expect(live().receive(frame)).toMatchObject({ ok: false, fault: 'protocol' });
  });

  it('is reported as a protocol fault when a snapshot’s parts arrive out of order', () => {
    const follower = new LogFollower('00000001.9');
    receive(follower, {
      type: 'hello',
      mode: 'snapshot',
      cursor: '00000002.4',
      head: 4,
      parts: 2,
      reason: 'incarnation',
    });
    expect(receive(follower, { type: 'snapshot', part: 1, data: '{}' })).toMatchObject({ fault: 'protocol' });
  });

  it('is ignored when its type is unknown', () => {
    const follower = live();
    const step = receive(follower, { type: 'presence', watchers: 3 });
    expect(step).toMatchObject({ ok: true, events: [], replies: [] });
  });
});

it('a follower sends each mark back, in every state', () => {
  const follower = new LogFollower();
  const hello = { type: 'hello', mode: 'resume', cursor: '00000001.0', head: 0 };
  const page = { type: 'page', events: [], cursor: '00000001.0', live: true };
  for (const frame of [hello, page]) {
    follower.receive(JSON.stringify(frame));
    expect(follower.receive(JSON.stringify({ type: 'mark', mark: frame.type }))).toMatchObject({
      ok: true,
      live: frame === page,
      replies: [{ type: 'ack', mark: frame.type }],
    });
  }
});
