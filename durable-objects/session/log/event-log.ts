import { applyEvents, emptyState, type SessionState } from '../../../src/domain/session/session-state.ts';
import { BATCH_BYTES, PAGE_EVENTS } from '../../../src/protocol/common/limits.ts';
import type { EventBody, SessionEvent } from '../../../src/protocol/events/envelope.ts';
import type { Deadlines } from '../../kit/deadlines.ts';
import type { ObjectStore } from '../../kit/store.ts';
import { instant } from '../../kit/text.ts';
import { DEADLINE } from '../config.ts';
import type { SessionParts } from '../parts.ts';
import type { SessionRecords } from '../records.ts';

interface EventRow {
  seq: number;
  from_seq: number;
  at: number;
  task: number;
  type: string;
  data: string;
}

/** The next number is the head's or, where every event has been trimmed, the floor's, plus one. */
const APPEND = `
INSERT INTO events (seq, from_seq, at, task, type, data)
SELECT next, next, ?, ?, ?, ?
FROM (SELECT COALESCE(MAX(seq), (SELECT floor_seq FROM session)) + 1 AS next FROM events)
RETURNING seq
`;
const BASE_PART_CHARS = 200_000;
/** How far back the increments of a finished part are looked for: they are nearly always the last rows. */
const MAX_SEARCHED_ROWS = 2_000;
const SEARCHED_AT_ONCE = 200;

/**
 * The session's log: one row per event, its number chosen by us. Increments of a finished part are compacted into
 * runs; the oldest events are folded into a base state below the floor.
 */
export class EventLog {
  readonly #store: ObjectStore;
  readonly #deadlines: Deadlines;
  readonly #records: SessionRecords;
  readonly #maxEvents: number;
  readonly #listeners: ((events: SessionEvent[]) => void)[] = [];
  #batch: SessionEvent[] = [];

  constructor({ kit, records, config }: Pick<SessionParts, 'kit' | 'records' | 'config'>) {
    this.#store = kit.store;
    this.#deadlines = kit.deadlines;
    this.#records = records;
    this.#maxEvents = config.max_log_events;
  }

  /** Calls `listener` with the events of each commit, after it. */
  onCommitted(listener: (events: SessionEvent[]) => void): void {
    this.#listeners.push(listener);
  }

  /** The number of the last event; 0 when there is none. */
  head(): number {
    const row = this.#store.row<{ head: number | null }>(`SELECT MAX(seq) AS head FROM events`);
    return row?.head ?? this.#records.session().floor_seq;
  }

  /**
   * Appends one event, inside a transaction.
   * @param task the number of the task that it is about; WHOLE_SESSION for the session as a whole
   */
  append(task: number, body: EventBody): SessionEvent {
    const at = this.#store.platform.now();
    const { seq } = this.#store.row<{ seq: number }>(APPEND, at, task, body.type, JSON.stringify(body.data))!;
    const event = { from_seq: seq, seq, at: instant(at), task, type: body.type, data: body.data } as SessionEvent;
    this.#announce(event);
    return event;
  }

  /** Events after `after`, at most PAGE_EVENTS and about BATCH_BYTES of them. */
  page(after: number, limit = PAGE_EVENTS): { events: SessionEvent[]; last: number; hasMore: boolean } {
    const rows = this.#store.rows<EventRow>(
      `SELECT seq, from_seq, at, task, type, data FROM events WHERE seq > ? ORDER BY seq LIMIT ?`,
      after,
      Math.min(limit, PAGE_EVENTS) + 1,
    );
    const taken: EventRow[] = [];
    let chars = 0;
    for (const row of rows.slice(0, Math.min(limit, PAGE_EVENTS))) {
      chars += row.data.length;
      if (taken.length > 0 && chars > BATCH_BYTES / 2) break;
      taken.push(row);
    }
    return {
      events: taken.map(toEvent),
      last: taken.at(-1)?.seq ?? after,
      hasMore: taken.length < rows.length,
    };
  }

  /**
   * Replaces the increments of a finished part, run by contiguous run, by one event each, at the run's last place. A
   * run is cut where its text would grow over a frame, and where an increment does not go on from the one before.
   */
  compact(partId: string): void {
    for (const run of this.#runsOf(partId)) {
      const first = run[0]!;
      const last = run.at(-1)!;
      const text = run.map((row) => JSON.parse(row.data).text).join('');
      const data = JSON.stringify({ ...JSON.parse(first.data), text });
      this.#store.rows(`DELETE FROM events WHERE seq BETWEEN ? AND ?`, first.seq, last.seq);
      this.#store.rows(
        `INSERT INTO events (seq, from_seq, at, task, type, data) VALUES (?, ?, ?, ?, ?, ?)`,
        last.seq,
        first.from_seq,
        last.at,
        first.task,
        first.type,
        data,
      );
    }
  }

  /** Whether the log has outgrown its bound. */
  get overgrown(): boolean {
    return this.head() - this.#records.session().floor_seq > this.#maxEvents;
  }

  /** Folds everything up to and including `seq` into the base, and forgets the events. */
  trim(seq: number): void {
    let state = this.base();
    for (let done = false; !done; ) {
      const { events, hasMore } = this.page(state.seq);
      const within = events.filter((event) => event.seq <= seq);
      state = applyEvents(state, within);
      done = !hasMore || within.length < events.length;
    }
    const json = JSON.stringify(state);
    this.#store.rows(`DELETE FROM log_base`);
    slices(json).forEach((slice, part) => {
      this.#store.rows(`INSERT INTO log_base (part, data) VALUES (?, ?)`, part, slice);
    });
    this.#store.rows(`DELETE FROM events WHERE seq <= ?`, state.seq);
    this.#records.update({ floor_seq: state.seq });
  }

  /** Handler of the retention deadline: trims the older half of a log that is over its bound. */
  retain(): void {
    const head = this.head();
    if (this.overgrown) this.trim(head - Math.ceil(this.#maxEvents / 2));
  }

  /** The state below the floor. */
  base(): SessionState {
    const parts = this.baseParts();
    return parts.length === 0 ? emptyState() : JSON.parse(parts.join(''));
  }

  /** The JSON text of the base in slices that fit a frame; none while nothing was trimmed. */
  baseParts(): string[] {
    return this.#store.rows<{ data: string }>(`SELECT data FROM log_base ORDER BY part`).map((row) => row.data);
  }

  /** Collects what a transaction appends, to be told once it has committed. */
  #announce(event: SessionEvent): void {
    // What a transaction that was rolled back has left behind is not part of this one.
    if (!this.#store.isFollowedBy(this.#flush)) {
      this.#batch = [];
      this.#store.afterCommit(this.#flush);
    }
    this.#batch.push(event);
  }

  readonly #flush = (): void => {
    const events = this.#batch;
    this.#batch = [];
    for (const listener of this.#listeners) listener(events);
    if (this.overgrown) {
      this.#store.transact(() => this.#deadlines.set(DEADLINE.trim, this.#store.platform.now()));
    }
  };

  /** The part's increments, as runs of neighbouring rows; only runs worth replacing. */
  #runsOf(partId: string): EventRow[][] {
    const runs: EventRow[][] = [];
    let next = { seq: 0, offset: 0 };
    let chars = 0;
    for (const row of this.#increments(partId)) {
      const { offset, text } = JSON.parse(row.data) as { offset: number; text: string };
      const goesOn = row.from_seq === next.seq && offset === next.offset && chars + row.data.length <= BATCH_BYTES / 2;
      if (goesOn) runs.at(-1)!.push(row);
      else {
        runs.push([row]);
        chars = 0;
      }
      chars += row.data.length;
      next = { seq: row.seq + 1, offset: offset + text.length };
    }
    return runs.filter((rows) => rows.length > 1);
  }

  /** A part's increments in order, found from the end of the log: it has only just been finished. */
  #increments(partId: string): EventRow[] {
    const found: EventRow[] = [];
    let before = this.head() + 1;
    let seen = 0;
    for (;;) {
      const rows = this.#store.rows<EventRow>(
        `SELECT seq, from_seq, at, task, type, data FROM events WHERE seq < ? ORDER BY seq DESC LIMIT ?`,
        before,
        SEARCHED_AT_ONCE,
      );
      seen += rows.length;
      for (const row of rows) {
        if (row.type !== 'text.delta' && row.type !== 'reasoning.delta') continue;
        const data = JSON.parse(row.data);
        if (data.part_id !== partId) continue;
        found.push(row);
        if (data.offset === 0) return found.reverse();
      }
      if (rows.length < SEARCHED_AT_ONCE || seen >= MAX_SEARCHED_ROWS) return found.reverse();
      before = rows.at(-1)!.seq;
    }
  }
}

function toEvent(row: EventRow): SessionEvent {
  return {
    from_seq: row.from_seq,
    seq: row.seq,
    at: instant(row.at),
    task: row.task,
    type: row.type,
    data: JSON.parse(row.data),
  } as SessionEvent;
}

/** Cuts a text into parts that fit a row and a frame, never inside a character: half of one cannot be stored. */
function slices(text: string): string[] {
  const parts: string[] = [];
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + BASE_PART_CHARS, text.length);
    if (end < text.length && text.codePointAt(end - 1)! > 0xffff) end--;
    parts.push(text.slice(start, end));
    start = end;
  }
  return parts;
}
