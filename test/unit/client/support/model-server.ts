import { applyEvents, emptyState, type SessionState } from '../../../../src/domain/session/session-state.ts';
import { formatCursor, parseCursor } from '../../../../src/protocol/common/cursor.ts';
import type { EventBody, SessionEvent } from '../../../../src/protocol/events/envelope.ts';
import type { SnapshotReason, WatchFrame, WatchRequest } from '../../../../src/protocol/session/watch-socket.ts';

const AT = '2026-01-01T00:00:00.000Z';

/** The server's side of the watch protocol over a log in memory, as small as the protocol allows. */
export class ModelServer {
  pageSize = 3;
  partChars = 40;
  /** All events of this incarnation of the log, without joins. A client's log must be equivalent. */
  history: SessionEvent[] = [];
  #incarnation = 1;
  #rows: SessionEvent[] = [];
  #base: SessionState | null = null;

  get head(): number {
    return this.history.length;
  }

  get state(): SessionState {
    return applyEvents(emptyState(), this.history);
  }

  cursorAt(seq: number): string {
    return formatCursor({ incarnation: this.#incarnation.toString(16).padStart(8, '0'), seq });
  }

  append(body: EventBody): SessionEvent {
    const seq = this.head + 1;
    const event = { from_seq: seq, seq, at: AT, task: 1, ...body } as SessionEvent;
    this.history.push(event);
    this.#rows.push(event);
    return event;
  }

  /** Joins neighbouring increments of a part to one event at the position of the last one. */
  join(partId: string): void {
    const rows: SessionEvent[] = [];
    for (const row of this.#rows) {
      const last = rows.at(-1);
      if (isTextOf(partId, row) && last && isTextOf(partId, last)) {
        const data = { ...last.data, text: last.data.text + row.data.text };
        rows[rows.length - 1] = { ...row, from_seq: last.from_seq, data };
      } else rows.push(row);
    }
    this.#rows = rows;
  }

  /** Folds the oldest `count` rows into the base. */
  trim(count: number): void {
    const old = this.#rows.splice(0, count);
    if (old.length > 0) this.#base = applyEvents(this.#base ?? emptyState(), old);
  }

  /** Starts another incarnation: the newest `count` events are lost, and no event is joined. */
  restore(count: number): void {
    this.history = this.history.slice(0, Math.max(0, this.head - count));
    this.#rows = [...this.history];
    this.#base = null;
    this.#incarnation++;
  }

  /** Opens a connection. `send` gets its frames. */
  connect(after: string | null, send: (frame: WatchFrame) => void): ModelConnection {
    const connection: ModelConnection = { live: false, request: () => {}, push: () => {} };
    let seq = 0;
    let parts: string[] = [];
    const greet = (cursor: string | null) => {
      const reason = this.#whyNot(cursor);
      if (reason === null) {
        seq = (cursor === null ? null : parseCursor(cursor))?.seq ?? 0;
        return send({ type: 'hello', mode: 'resume', cursor: this.cursorAt(seq), head: this.head });
      }
      seq = this.#floor;
      parts = this.#base ? slices(JSON.stringify(this.#base), this.partChars) : [];
      send({
        type: 'hello',
        mode: 'snapshot',
        cursor: this.cursorAt(seq),
        head: this.head,
        parts: parts.length,
        reason,
      });
    };
    let sentParts = 0;
    connection.request = (request) => {
      if (request.type === 'ack') return;
      if (sentParts < parts.length) return send({ type: 'snapshot', part: sentParts, data: parts[sentParts++]! });
      if (seq < this.#floor) {
        sentParts = 0;
        return greet(this.cursorAt(seq));
      }
      const rest = this.#rows.filter((row) => row.seq > seq);
      const events = rest.slice(0, this.pageSize);
      seq = events.at(-1)?.seq ?? seq;
      connection.live = events.length === rest.length;
      send({ type: 'page', events, cursor: this.cursorAt(seq), live: connection.live });
    };
    connection.push = (events) => {
      seq = events.at(-1)!.seq;
      send({ type: 'events', events, cursor: this.cursorAt(seq) });
    };
    greet(after);
    return connection;
  }

  get #floor(): number {
    return this.#base?.seq ?? 0;
  }

  #whyNot(after: string | null): SnapshotReason | null {
    const cursor = after === null ? null : parseCursor(after);
    if (!cursor) return this.#floor > 0 ? 'no_cursor' : null;
    if (after !== this.cursorAt(cursor.seq)) return 'incarnation';
    if (cursor.seq < this.#floor) return 'below_floor';
    return cursor.seq > this.head ? 'beyond_head' : null;
  }
}

export interface ModelConnection {
  live: boolean;
  request(request: WatchRequest): void;
  push(events: SessionEvent[]): void;
}

type TextDelta = Extract<SessionEvent, { type: 'text.delta' }>;

function isTextOf(partId: string, event: SessionEvent): event is TextDelta {
  return event.type === 'text.delta' && event.data.part_id === partId;
}

function slices(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size));
}
