import { applyEvents, emptyState, type SessionState } from '../../../src/domain/session/session-state.ts';
import { PAGE_EVENTS } from '../../../src/protocol/common/limits.ts';
import type { EventBody, SessionEvent } from '../../../src/protocol/events/envelope.ts';
import type { Deadlines } from '../../kit/deadlines.ts';
import type { ObjectStore, Transaction } from '../../kit/storage/store.ts';
import { instant } from '../../kit/text.ts';
import { DEADLINE } from '../config.ts';
import type { SessionParts } from '../parts.ts';
import type { SessionRecords } from '../records.ts';
import {
  type EventRow,
  eventsOf,
  joined,
  joinRuns,
  MAX_JOINED_CHARS,
  MAX_ROW_CHARS,
  rowsOf,
  slices,
} from './event-rows.ts';

const NOTHING_ACKNOWLEDGED = { epoch: null, acked: null };

/** The events that a transaction appends. */
interface Batch {
  transaction: Transaction;
  at: number;
  /** The number of the last event. */
  head: number;
  floor: number;
  events: SessionEvent[];
  acknowledged: Acknowledgement | null;
}

/** The frames of the lease of (task, epoch) are stored up to this number. */
interface Acknowledgement {
  task: number;
  epoch: number;
  acked: number;
}

/**
 * The session's log. When a transaction commits, its events become one row for each run of events of the same task. The
 * log numbers the events. The oldest events are folded into a base state below the floor.
 *
 * Increments of a text that continue each other are joined: within a transaction when it commits, across transactions
 * when they are read. A reader therefore gets a text in few events, and no row is written twice.
 */
export class EventLog {
  readonly #store: ObjectStore;
  readonly #deadlines: Deadlines;
  readonly #records: SessionRecords;
  readonly #maxEvents: number;
  readonly #listeners: ((events: SessionEvent[]) => void)[] = [];
  /** The newest transaction's events, committed or not. */
  #batch: Batch | null = null;

  constructor({ kit, records, config }: Pick<SessionParts, 'kit' | 'records' | 'config'>) {
    this.#store = kit.store;
    this.#deadlines = kit.deadlines;
    this.#records = records;
    this.#maxEvents = config.max_log_events;
  }

  /** Calls `listener` with the events of each commit, after the commit. */
  onCommitted(listener: (events: SessionEvent[]) => void): void {
    this.#listeners.push(listener);
  }

  /** The number of the last event; 0 when there is none. */
  head(): number {
    return this.#lastHead() ?? this.#storedHead(this.#records.session().floor_seq);
  }

  /**
   * Appends one event, inside a transaction.
   * @param task the number of the event's task; WHOLE_SESSION for the session as a whole
   * @returns the event with its position. The log may store it joined with the previous one.
   */
  append(task: number, { type, data }: EventBody): SessionEvent {
    const batch = this.#pending() ?? this.#begin();
    const seq = batch.head + 1;
    const event = { from_seq: seq, seq, at: instant(batch.at), task, type, data } as SessionEvent;
    const last = batch.events.at(-1);
    const whole = last && joined(last, event, MAX_JOINED_CHARS);
    if (whole) batch.events[batch.events.length - 1] = whole;
    else batch.events.push(event);
    batch.head = seq;
    return event;
  }

  /**
   * Stores an acknowledgement in the row of the events that this transaction has appended for the task. That row is
   * written anyway. `SessionRecords.lease` reads the acknowledgement from it.
   * @returns false when there is no such row, so that the acknowledgement needs its own write
   */
  acknowledge(task: number, epoch: number, acked: number): boolean {
    const batch = this.#pending();
    if (!batch?.events.some((event) => event.task === task)) return false;
    batch.acknowledged = { task, epoch, acked };
    return true;
  }

  /**
   * Committed events after `after`: at most `limit`, at most PAGE_EVENTS, and no more than fit into a frame.
   * @returns the events, the position of the last one, and whether there are more
   */
  page(after: number, limit = PAGE_EVENTS): { events: SessionEvent[]; last: number; hasMore: boolean } {
    const most = Math.min(limit, PAGE_EVENTS);
    const { rows, hasMore } = this.#rowsAfter(after, most);
    const whole = joinRuns(rows.flatMap(eventsOf).filter((event) => event.seq > after));
    const events = whole.slice(0, most);
    return { events, last: events.at(-1)?.seq ?? after, hasMore: hasMore || events.length < whole.length };
  }

  /** The last `most` committed events. */
  tail(most: number): SessionEvent[] {
    const events: SessionEvent[] = [];
    let after = Math.max(this.#records.session().floor_seq, this.head() - most);
    for (let hasMore = true; hasMore; ) {
      const page = this.page(after);
      events.push(...page.events);
      ({ last: after, hasMore } = page);
    }
    return events;
  }

  /** Folds the rows up to the position `seq` into the base, and deletes them. A row that extends beyond it stays. */
  trim(seq: number): void {
    let state = this.base();
    for (let done = false; !done; ) {
      const { rows, hasMore } = this.#rowsAfter(state.seq, PAGE_EVENTS);
      const old = rows.filter((row) => row.seq <= seq);
      state = applyEvents(state, old.flatMap(eventsOf));
      done = !hasMore || old.length < rows.length;
    }
    this.#store.rows(`DELETE FROM log_base`);
    slices(JSON.stringify(state)).forEach((slice, part) => {
      this.#store.rows(`INSERT INTO log_base (part, data) VALUES (?, ?)`, part, slice);
    });
    this.#records.keepAcknowledgements();
    this.#store.rows(`DELETE FROM event_batches WHERE seq <= ?`, state.seq);
    this.#records.update({ floor_seq: state.seq });
  }

  /** The handler of the retention deadline: trims the older half of a log that exceeds its limit. */
  retain(): void {
    const head = this.head();
    if (head - this.#records.session().floor_seq > this.#maxEvents) this.trim(head - Math.ceil(this.#maxEvents / 2));
  }

  /** The state below the floor. */
  base(): SessionState {
    const parts = this.#store.rows<{ data: string }>(`SELECT data FROM log_base ORDER BY part`);
    return parts.length === 0 ? emptyState() : JSON.parse(parts.map(({ data }) => data).join(''));
  }

  /** The number of slices of the base's JSON text; 0 while nothing has been trimmed. */
  baseParts(): number {
    return this.#store.row<{ parts: number }>(`SELECT COUNT(*) AS parts FROM log_base`)!.parts;
  }

  /** A slice of the base's JSON text that fits into a frame; undefined when it does not exist. */
  basePart(part: number): string | undefined {
    return this.#store.row<{ data: string }>(`SELECT data FROM log_base WHERE part = ?`, part)?.data;
  }

  /** The events of the current transaction. Events that a rolled-back transaction has left are ignored. */
  #pending(): Batch | null {
    return this.#store.willFinish(this.#write) ? this.#batch : null;
  }

  #begin(): Batch {
    const { floor_seq: floor } = this.#records.session();
    const head = this.#lastHead() ?? this.#storedHead(floor);
    const transaction = this.#store.beforeCommit(this.#write);
    const at = this.#store.platform.now();
    const batch: Batch = { transaction, at, head, floor, events: [], acknowledged: null };
    this.#batch = batch;
    this.#store.afterCommit(() => {
      for (const listener of this.#listeners) listener(batch.events);
    });
    return batch;
  }

  readonly #write = (): void => {
    const { at, head, floor, events, acknowledged } = this.#batch!;
    const rows = rowsOf(events, at);
    const carrier = rows.findLast((row) => row.task === acknowledged?.task);
    for (const row of rows) {
      const { epoch, acked } = row === carrier ? acknowledged! : NOTHING_ACKNOWLEDGED;
      this.#store.rows(
        `INSERT INTO event_batches (seq, from_seq, at, task, epoch, acked, chars, events) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        row.seq,
        row.from_seq,
        row.at,
        row.task,
        epoch,
        acked,
        row.chars,
        row.events,
      );
    }
    if (head - floor > this.#maxEvents) this.#deadlines.set(DEADLINE.trim, at);
  };

  /** The number of the last event in memory. A failed transaction discards it. */
  #lastHead(): number | null {
    return this.#batch && this.#batch.transaction.outcome !== 'failed' ? this.#batch.head : null;
  }

  #storedHead(floor: number): number {
    return this.#store.row<{ head: number | null }>(`SELECT MAX(seq) AS head FROM event_batches`)?.head ?? floor;
  }

  /**
   * Rows after a position: at most `most` rows and MAX_ROW_CHARS, but at least one row. Lengths are checked before rows
   * are read.
   */
  #rowsAfter(after: number, most: number): { rows: EventRow[]; hasMore: boolean } {
    const sizes = this.#store.rows<{ seq: number; chars: number }>(
      `SELECT seq, chars FROM event_batches WHERE seq > ? ORDER BY seq LIMIT ?`,
      after,
      most + 1,
    );
    let fitting = 0;
    for (let chars = 0; fitting < Math.min(sizes.length, most); fitting++) {
      chars += sizes[fitting]!.chars;
      if (fitting > 0 && chars > MAX_ROW_CHARS) break;
    }
    if (fitting === 0) return { rows: [], hasMore: false };
    const rows = this.#store.rows<EventRow>(
      `SELECT seq, from_seq, at, task, chars, events FROM event_batches WHERE seq > ? AND seq <= ? ORDER BY seq`,
      after,
      sizes[fitting - 1]!.seq,
    );
    return { rows, hasMore: fitting < sizes.length };
  }
}
