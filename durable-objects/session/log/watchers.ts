import { type Cursor, formatCursor } from '../../../src/protocol/common/cursor.ts';
import { BATCH_BYTES, MARK_EVERY_CHARS, MAX_WATCHER_LAG_BYTES } from '../../../src/protocol/common/limits.ts';
import { CLOSE } from '../../../src/protocol/common/socket.ts';
import type { SessionEvent } from '../../../src/protocol/events/envelope.ts';
import { type SnapshotReason, type WatchFrame, WatchRequest } from '../../../src/protocol/session/watch-socket.ts';
import { FanOut, type Frame } from '../../kit/delivery/fan-out.ts';
import type { ObjectPlatform, ObjectSocket } from '../../kit/platform/platform.ts';
import { parseJson } from '../../kit/text.ts';
import type { SessionParts } from '../parts.ts';
import type { SessionRecords } from '../records.ts';
import type { EventLog } from './event-log.ts';

export const WATCH_TAG = 'watch';

/** The attachment of a watch socket, which survives hibernation. */
export interface WatchAttachment {
  kind: 'watch';
  /** The number of the last event that was sent. */
  seq: number;
  /** Whether the watcher has caught up, so that events are pushed. */
  live: boolean;
  /** The next slice of the base, while the watcher pulls the base; otherwise null. */
  snapshot: number | null;
  /** The numbers of UTF-16 code units that were sent and acknowledged. */
  sent: number;
  acked: number;
  /** The marks that were sent and not acknowledged, oldest first, each with `sent` before it. */
  marks: { mark: string; sent: number }[];
}

export const NEW_WATCHER: WatchAttachment = {
  kind: 'watch',
  seq: 0,
  live: false,
  snapshot: null,
  sent: 0,
  acked: 0,
  marks: [],
};

/**
 * The watchers of a session. A watcher pulls the log page by page until it has caught up, so that the server buffers
 * nothing for a slow reader. The last page and the subscription to new events are one synchronous step, so that no
 * event is missed between them.
 */
export class Watchers {
  readonly #platform: ObjectPlatform;
  readonly #records: SessionRecords;
  readonly #log: EventLog;
  readonly #fanOut: FanOut<Frame>;

  constructor({ kit, records, log }: Pick<SessionParts, 'kit' | 'records' | 'log'>) {
    this.#platform = kit.store.platform;
    this.#records = records;
    this.#log = log;
    this.#fanOut = new FanOut(this.#platform, {
      sockets: () => this.#platform.sockets(WATCH_TAG),
      send: (socket, frames) => this.#sendNew(socket, frames),
    });
    log.onCommitted((events) => this.#push(events));
  }

  /**
   * Sends hello to a new watcher, or to one that the floor has overtaken: it resumes from its cursor or starts from the
   * base.
   */
  greet(socket: ObjectSocket, after: Cursor | null): void {
    const { incarnation, floor_seq } = this.#records.session();
    const reason = this.#whyNotResume(after);
    const head = this.#log.head();
    if (reason === null) {
      const seq = after?.seq ?? 0;
      const cursor = formatCursor({ incarnation, seq });
      return this.#sendFrame(socket, { type: 'hello', mode: 'resume', cursor, head }, { seq });
    }
    const parts = this.#log.baseParts();
    const cursor = formatCursor({ incarnation, seq: floor_seq });
    const frame: WatchFrame = { type: 'hello', mode: 'snapshot', cursor, head, parts, reason };
    this.#sendFrame(socket, frame, { seq: floor_seq, snapshot: parts > 0 ? 0 : null });
  }

  /** Handles a request of a watcher. */
  receive(socket: ObjectSocket, text: string): void {
    const request = WatchRequest().safeParse(parseJson(text));
    if (!request.success) return socket.close(CLOSE.protocol_error, 'the message is invalid');
    const state = socket.attachment() as WatchAttachment;
    if (request.data.type === 'ack') this.#acknowledge(socket, state, request.data.mark);
    else if (state.snapshot !== null) this.#sendSnapshot(socket, state, state.snapshot);
    else if (!state.live) this.#sendPage(socket, state);
  }

  /** Only a reader that has read up to a mark can send it back, because marks are random. */
  #acknowledge(socket: ObjectSocket, state: WatchAttachment, mark: string): void {
    const index = state.marks.findIndex((sent) => sent.mark === mark);
    if (index < 0) return socket.close(CLOSE.protocol_error, 'the mark was not sent, or is already acknowledged');
    socket.attach({ ...state, acked: state.marks[index]!.sent, marks: state.marks.slice(index + 1) });
  }

  closeAll(code: number, reason: string): void {
    this.#fanOut.flush();
    for (const socket of this.#platform.sockets(WATCH_TAG)) socket.close(code, reason);
  }

  /** Pushes committed events to the watchers that have caught up. */
  #push(events: SessionEvent[]): void {
    if (this.#platform.sockets(WATCH_TAG).length === 0) return;
    const { incarnation } = this.#records.session();
    this.#fanOut.push([...framesOf(events, incarnation)]);
  }

  #sendNew(socket: ObjectSocket, frames: readonly Frame[]): void {
    for (const { text, seq } of frames) {
      const state = socket.attachment() as WatchAttachment;
      if (state.live && state.seq < seq) this.#send(socket, text, state, { seq });
    }
  }

  #whyNotResume(after: Cursor | null): SnapshotReason | null {
    const { incarnation, floor_seq } = this.#records.session();
    if (after === null) return floor_seq > 0 ? 'no_cursor' : null;
    if (after.incarnation !== incarnation) return 'incarnation';
    if (after.seq < floor_seq) return 'below_floor';
    return after.seq > this.#log.head() ? 'beyond_head' : null;
  }

  #sendSnapshot(socket: ObjectSocket, state: WatchAttachment, part: number): void {
    const data = this.#log.basePart(part);
    // The base has changed while it was being pulled, so the watcher starts again with the new one.
    if (data === undefined || this.#records.session().floor_seq !== state.seq) return this.greet(socket, null);
    this.#sendFrame(
      socket,
      { type: 'snapshot', part, data },
      { snapshot: part + 1 < this.#log.baseParts() ? part + 1 : null },
    );
  }

  #sendPage(socket: ObjectSocket, state: WatchAttachment): void {
    const { incarnation, floor_seq } = this.#records.session();
    if (state.seq < floor_seq) return this.greet(socket, { incarnation, seq: state.seq });
    const { events, last, hasMore } = this.#log.page(state.seq);
    const live = !hasMore;
    const cursor = formatCursor({ incarnation, seq: last });
    this.#sendFrame(socket, { type: 'page', events, cursor, live }, { seq: last, live });
  }

  #sendFrame(socket: ObjectSocket, frame: WatchFrame, after: Partial<WatchAttachment>): void {
    this.#send(socket, JSON.stringify(frame), socket.attachment() as WatchAttachment, after);
  }

  /**
   * Sends a frame and counts it, or closes a reader that has fallen behind. That reader resumes from its cursor.
   * @param after the reader's position after this frame
   */
  #send(socket: ObjectSocket, text: string, state: WatchAttachment, after: Partial<WatchAttachment>): void {
    const sent = state.sent + text.length;
    if (sent - state.acked > MAX_WATCHER_LAG_BYTES) {
      const { incarnation } = this.#records.session();
      socket.attach({ ...state, live: false });
      return socket.close(CLOSE.lagging, formatCursor({ incarnation, seq: state.seq }));
    }
    const mark = this.#markAt(sent, state);
    socket.attach({ ...state, ...after, sent, marks: mark ? [...state.marks, { mark, sent }] : state.marks });
    socket.send(text);
    if (mark) socket.send(JSON.stringify({ type: 'mark', mark } satisfies WatchFrame));
  }

  /** A new mark, if enough was sent since the last one; otherwise null. */
  #markAt(sent: number, { marks, acked }: WatchAttachment): string | null {
    const last = marks.at(-1)?.sent ?? acked;
    return sent - last >= MARK_EVERY_CHARS ? this.#platform.uuid().slice(0, 8) : null;
  }
}

/** The frames for a commit's events: one, or several if one would be too long. */
function* framesOf(events: readonly SessionEvent[], incarnation: string): Generator<Frame> {
  const { seq } = events.at(-1)!;
  const frame: WatchFrame = { type: 'events', events: [...events], cursor: formatCursor({ incarnation, seq }) };
  const text = JSON.stringify(frame);
  if (text.length <= BATCH_BYTES || events.length === 1) return yield { text, seq };
  const half = Math.ceil(events.length / 2);
  yield* framesOf(events.slice(0, half), incarnation);
  yield* framesOf(events.slice(half), incarnation);
}
