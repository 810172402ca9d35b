import { applyEvents, emptyState, type SessionState } from '../../../src/domain/session/session-state.ts';
import { BATCH_BYTES, PAGE_EVENTS } from '../../../src/protocol/common/limits.ts';
import type { EventBody, SessionEvent } from '../../../src/protocol/events/envelope.ts';
import type { Deadlines } from '../../kit/deadlines.ts';
import { rowsUpTo } from '../../kit/storage/rows-up-to.ts';
import type { ObjectStore, Transaction } from '../../kit/storage/store.ts';
import { readTextParts, writeTextParts } from '../../kit/storage/text-parts.ts';
import { instant } from '../../kit/text.ts';
import { DEADLINE } from '../config.ts';
import type { SessionParts } from '../parts.ts';
import type { SessionRecords } from '../records.ts';
import { type EventRow, eventsOf, joined, joinRuns, MAX_JOINED_CHARS, MAX_ROW_CHARS, rowsOf } from './event-rows.ts';

const NOTHING_ACKNOWLEDGED = { epoch: null, acked: null };

const ROWS = {
  table: 'event_batches',
  key: 'seq',
  chars: 'chars',
  columns: 'seq, from_seq, at, task, chars, total, events',
};
/** The most of the log that one transaction folds, in UTF-16 code units. The base is read and written beside it. */
const SLICE_CHARS = 4 * BATCH_BYTES;
const TAIL_CHARS = SLICE_CHARS;
/** How often the length of a log is checked while it grows to its limit. */
const LENGTH_CHECKS = 64;

/** `total`: the length of all rows up to this one, with those that were trimmed. */
type SumRow = EventRow & { total: number };

/** The events that a transaction appends. */
interface Batch {
  transaction: Transaction;
  at: number;
  /** The number of the last event. */
  head: number;
  /** The length of all rows so far, with those that were trimmed. */
  total: number;
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
  readonly #maxChars: number;
  readonly #listeners: ((events: SessionEvent[]) => void)[] = [];
  /** The newest transaction's events, committed or not. */
  #batch: Batch | null = null;
  /** The base while slices remain to be folded into it. It is used only if it ends at the floor. */
  #folding: SessionState | null = null;

  constructor({ kit, records, config }: Pick<SessionParts, 'kit' | 'records' | 'config'>) {
    this.#store = kit.store;
    this.#deadlines = kit.deadlines;
    this.#records = records;
    this.#maxEvents = config.max_log_events;
    this.#maxChars = config.max_log_chars;
  }

  /** Calls `listener` with the events of each commit, after the commit. */
  onCommitted(listener: (events: SessionEvent[]) => void): void {
    this.#listeners.push(listener);
  }

  /** The number of the last event; 0 when there is none. */
  head(): number {
    return (this.#last() ?? this.#stored(this.#records.session().floor_seq)).head;
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
    const { rows, hasMore } = this.#rowsAfter(after, { rows: most, chars: MAX_ROW_CHARS });
    const whole = joinRuns(rows.flatMap(eventsOf).filter((event) => event.seq > after));
    const events = whole.slice(0, most);
    return { events, last: events.at(-1)?.seq ?? after, hasMore: hasMore || events.length < whole.length };
  }

  /** The last committed events: at most `most`, and about TAIL_CHARS. */
  tail(most: number): SessionEvent[] {
    const { floor_seq } = this.#records.session();
    const { head, total } = this.#last() ?? this.#stored(floor_seq);
    const early = Math.max(floor_seq, head - most);
    const first = this.#store.row<{ before: number }>(
      `SELECT from_seq - 1 AS before FROM event_batches WHERE seq > ? AND total > ? ORDER BY seq LIMIT 1`,
      early,
      total - TAIL_CHARS,
    );
    const events: SessionEvent[] = [];
    let after = Math.max(early, first?.before ?? head);
    for (let hasMore = true; hasMore; ) {
      const page = this.page(after);
      events.push(...page.events);
      ({ last: after, hasMore } = page);
    }
    return events;
  }

  /**
   * Folds the oldest rows up to the position `seq` into the base, and deletes them. A row that extends beyond it stays.
   * One call folds at most SLICE_CHARS.
   * @returns whether rows up to `seq` remain
   */
  trim(seq: number): boolean {
    return this.#fold((row) => row.seq <= seq);
  }

  /**
   * The handler of the retention deadline: trims the older half of a log that exceeds its limits, a slice at a time, so
   * that other work is done between the slices.
   */
  retain(): void {
    const { head, total } = this.#stored(this.#records.session().floor_seq);
    const events = head - Math.ceil(this.#maxEvents / 2);
    const chars = total - Math.ceil(this.#maxChars / 2);
    if (this.#fold((row) => row.seq <= events || row.total <= chars)) this.#soon(DEADLINE.trim);
  }

  /** The handler of the deadline after which only the base is kept. */
  retire(): void {
    if (this.trim(this.head())) this.#soon(DEADLINE.retire);
  }

  #soon(name: string): void {
    this.#deadlines.set(name, this.#store.platform.now() + 1);
  }

  /** Folds a slice of the rows that are old. @returns whether old rows remain */
  #fold(isOld: (row: SumRow) => boolean): boolean {
    const { floor_seq } = this.#records.session();
    const { rows, hasMore } = this.#rowsAfter<SumRow>(floor_seq, { rows: PAGE_EVENTS, chars: SLICE_CHARS });
    const old = rows.filter(isOld);
    const remain = hasMore && old.length === rows.length;
    const known = this.#folding;
    this.#folding = null;
    if (old.length === 0) return false;
    const state = applyEvents(known?.seq === floor_seq ? known : this.base(), old.flatMap(eventsOf));
    if (remain) this.#folding = state;
    writeTextParts(this.#store, 'log_base', JSON.stringify(state));
    this.#records.keepAcknowledgements();
    this.#store.rows(`DELETE FROM event_batches WHERE seq <= ?`, state.seq);
    this.#records.update({ floor_seq: state.seq });
    return remain;
  }

  /** The state below the floor. */
  base(): SessionState {
    const text = readTextParts(this.#store, 'log_base');
    return text === '' ? emptyState() : JSON.parse(text);
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
    const { head, total } = this.#last() ?? this.#stored(floor);
    const transaction = this.#store.beforeCommit(this.#write);
    const at = this.#store.platform.now();
    const batch: Batch = { transaction, at, head, total, floor, events: [], acknowledged: null };
    this.#batch = batch;
    this.#store.afterCommit(() => {
      for (const listener of this.#listeners) listener(batch.events);
    });
    return batch;
  }

  readonly #write = (): void => {
    const batch = this.#batch!;
    const { at, events, acknowledged } = batch;
    const rows = rowsOf(events, at);
    const carrier = rows.findLast((row) => row.task === acknowledged?.task);
    const before = batch.total;
    for (const row of rows) {
      const { epoch, acked } = row === carrier ? acknowledged! : NOTHING_ACKNOWLEDGED;
      batch.total += row.chars;
      this.#store.rows(
        `INSERT INTO event_batches (seq, from_seq, at, task, epoch, acked, chars, total, events)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        row.seq,
        row.from_seq,
        row.at,
        row.task,
        epoch,
        acked,
        row.chars,
        batch.total,
        row.events,
      );
    }
    if (this.#isOvergrown(batch, before)) this.#soon(DEADLINE.trim);
  };

  /** @param before the total before the batch. The length is checked now and then, because it needs a statement. */
  #isOvergrown({ head, floor, total }: Batch, before: number): boolean {
    if (head - floor > this.#maxEvents) return true;
    const checkAt = Math.ceil(this.#maxChars / LENGTH_CHECKS);
    if (Math.floor(total / checkAt) === Math.floor(before / checkAt)) return false;
    const oldest = this.#store.row<{ start: number }>(
      `SELECT total - chars AS start FROM event_batches ORDER BY seq LIMIT 1`,
    );
    return total - oldest!.start > this.#maxChars;
  }

  /** The last event in memory. A failed transaction discards it. */
  #last(): Pick<Batch, 'head' | 'total'> | null {
    return this.#batch && this.#batch.transaction.outcome !== 'failed' ? this.#batch : null;
  }

  #stored(floor: number): Pick<Batch, 'head' | 'total'> {
    const sql = `SELECT seq AS head, total FROM event_batches ORDER BY seq DESC LIMIT 1`;
    return this.#store.row<Pick<Batch, 'head' | 'total'>>(sql) ?? { head: floor, total: 0 };
  }

  #rowsAfter<Row extends EventRow = EventRow>(after: number, most: { rows: number; chars: number }) {
    return rowsUpTo<Row>(this.#store, ROWS, { after, ...most });
  }
}
