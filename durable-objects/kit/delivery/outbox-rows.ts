import type { ObjectStore, Transaction } from '../storage/store.ts';

/** One write to another store. */
export interface Entry {
  destination: string;
  key: string;
  payload: unknown;
  rejections: number;
  last_error?: string;
  /** When the entry was parked after too many rejections, in ms since the epoch. Parked entries stay stored. */
  parked_at?: number;
}

/** The numbers of a destination's waiting and parked entries, and why one of them was rejected. */
export interface Backlog {
  destination: string;
  waiting: number;
  parked: number;
  last_error: string | null;
}

/** A stored row. Its done entries are removed from memory first. */
interface Row {
  id: number;
  /** Whether the row has a due time, so that the alarm repeats its deliveries. */
  hasAlarm: boolean;
  entries: Entry[];
}

/** Longer lists of entries are split, so that each row stays far below the limit of a stored value. */
const MAX_ROW_CHARS = 131_072;
/** Bounds the memory that waiting entries take, because all of them are cached. A longer entry is a bug of its writer. */
const MAX_ENTRY_CHARS = 262_144;
/** How often an entry can fail before another one is tried first. */
const FAILURES_PER_TURN = 10;

/**
 * The stored entries of an outbox. Each transaction inserts its entries as one row. The rows are also cached in memory,
 * because only this object writes them. The cache changes after the commit.
 *
 * An entry is done when it was delivered, or when a newer entry has the same destination and key. A row whose entries
 * are all done is deleted, or filled again, with the next commit. After an eviction, the done entries of a remaining row are delivered
 * again.
 */
export class OutboxRows {
  readonly #store: ObjectStore;
  #rows: Map<number, Row> | null = null;
  /** The row of each entry that is not done. */
  readonly #rowOf = new Map<Entry, Row>();
  readonly #newest = new Map<string, Entry>();
  /** The entries that are not done, by destination, oldest first. */
  readonly #byDestination = new Map<string, Set<Entry>>();
  readonly #failures = new WeakMap<Entry, number>();
  /** Rows without entries, which the next commit deletes or fills again. */
  readonly #doneRows = new Set<Row>();
  /** The done row that the transaction `by` has filled again. */
  #refilled: { row: Row; by: Transaction } | null = null;

  constructor(store: ObjectStore) {
    this.#store = store;
    store.beforeEachCommit(() => this.#deleteDone());
  }

  /** Inserts the entries of a transaction. @param dueAt when the alarm repeats the deliveries; null for never */
  insert(entries: readonly Entry[], dueAt: number | null): void {
    this.#load();
    for (const part of inParts(entries)) {
      const id = this.#refill(dueAt, part.text) ?? this.#insert(dueAt, part.text);
      this.#store.afterCommit(() => this.#keep({ id, hasAlarm: dueAt !== null, entries: part.entries }));
    }
  }

  /** Whether an entry replaces another one, or its destination has fewer than `max` before this transaction. */
  hasRoom(destination: string, key: string, max: number): boolean {
    if (max === Infinity) return true;
    this.#load();
    const waiting = this.#byDestination.get(destination)?.size ?? 0;
    return waiting < max || this.#newest.has(`${destination}/${key}`);
  }

  /** Marks an entry as done. */
  done(entry: Entry): void {
    const row = this.#rowOf.get(entry);
    if (!row) return;
    this.#rowOf.delete(entry);
    const ofDestination = this.#byDestination.get(entry.destination);
    ofDestination?.delete(entry);
    if (ofDestination?.size === 0) this.#byDestination.delete(entry.destination);
    const id = idOf(entry);
    if (this.#newest.get(id) === entry) this.#newest.delete(id);
    row.entries.splice(row.entries.indexOf(entry), 1);
    if (row.entries.length === 0) this.#doneRows.add(row);
  }

  /** Stores an entry's rejections. Must run inside a transaction. */
  rewrite(entry: Entry): void {
    const row = this.#rowOf.get(entry);
    if (row) this.#rewrite(row, row.entries.some(isWaiting));
  }

  /**
   * The entries that wait for a destination: the least rejected first, then the oldest. An entry that has failed a few
   * times goes behind the others, because the cause may be the entry and not the destination.
   */
  waitingFor(destination: string): Entry[] {
    this.#load();
    const waiting = [...(this.#byDestination.get(destination) ?? [])].filter(isWaiting);
    const turns = (entry: Entry) => entry.rejections + Math.floor((this.#failures.get(entry) ?? 0) / FAILURES_PER_TURN);
    return waiting.sort((a, b) => turns(a) - turns(b));
  }

  /** Notes that a delivery of an entry has failed. Only memory knows it, because a new process may try again. */
  failed(entry: Entry): void {
    this.#failures.set(entry, (this.#failures.get(entry) ?? 0) + 1);
  }

  /**
   * Clears the due time of rows that are due. Must run inside a transaction.
   * @returns the destinations of the waiting entries in these rows, and in rows without a due time
   */
  takeDue(now: number): Set<string> {
    this.#load();
    const ids = this.#store.rows<{ id: number }>(`SELECT id FROM outbox WHERE due_at <= ?`, now);
    const due = ids.map(({ id }) => this.#rows!.get(id)).filter((row) => row !== undefined);
    for (const row of due) this.#rewrite(row, false);
    // After an eviction, a row without a due time can again contain an entry that was delivered late.
    const withoutAlarm = [...this.#rows!.values()].filter((row) => !row.hasAlarm);
    const waiting = [...due, ...withoutAlarm].flatMap(({ entries }) => entries.filter(isWaiting));
    return new Set(waiting.map(({ destination }) => destination));
  }

  /** Clears the due time of rows whose waiting entries are scheduled elsewhere. Must run inside a transaction. */
  holdWhere(isScheduled: (waiting: Entry[]) => boolean): void {
    for (const row of this.#rows?.values() ?? []) {
      const waiting = row.entries.filter(isWaiting);
      if (row.hasAlarm && waiting.length > 0 && isScheduled(waiting)) this.#rewrite(row, false);
    }
  }

  /** The earliest due time of a row; null if there is none. */
  earliest(): number | null {
    return this.#store.row<{ due: number | null }>(`SELECT MIN(due_at) AS due FROM outbox`)?.due ?? null;
  }

  /** The destinations with waiting or parked entries, by name. */
  backlog(): Backlog[] {
    this.#load();
    const numbers = new Map<string, Backlog>();
    for (const entry of this.#rowOf.keys()) {
      const { destination, last_error } = entry;
      const number = numbers.get(destination) ?? { destination, waiting: 0, parked: 0, last_error: null };
      numbers.set(destination, number);
      number[isWaiting(entry) ? 'waiting' : 'parked']++;
      number.last_error = last_error ?? number.last_error;
    }
    return [...numbers.values()].sort((a, b) => (a.destination < b.destination ? -1 : 1));
  }

  #load(): void {
    if (this.#rows) return;
    const rows = this.#store
      .rows<{ id: number; due_at: number | null; entries: string }>(
        `SELECT id, due_at, entries FROM outbox ORDER BY id`,
      )
      .map(({ id, due_at, entries }) => ({ id, hasAlarm: due_at !== null, entries: JSON.parse(entries) as Entry[] }));
    // Assigned after the read, so that a failed read is repeated.
    this.#rows = new Map();
    for (const row of rows) this.#keep(row);
  }

  #insert(dueAt: number | null, entries: string): number {
    const sql = `INSERT INTO outbox (due_at, entries) VALUES (?, ?) RETURNING id`;
    return this.#store.row<{ id: number }>(sql, dueAt, entries)!.id;
  }

  /**
   * Writes entries into the only row if it is done, which costs one written row instead of a deletion and an insert.
   * Beside other rows this would be wrong: of two entries with the same key, the one in the later row is the newer.
   * @returns the row's id; null if there is no such row
   */
  #refill(dueAt: number | null, entries: string): number | null {
    if (this.#rows!.size !== 1) return null;
    const [row] = this.#rows!.values();
    if (!row || !this.#isDone(row)) return null;
    this.#store.rows(`UPDATE outbox SET due_at = ?, entries = ? WHERE id = ?`, dueAt, entries, row.id);
    this.#refilled = { row, by: this.#store.currentTransaction };
    this.#store.afterCommit(() => this.#doneRows.delete(row));
    return row.id;
  }

  /** Whether a row is done, and the current transaction has not filled it again. */
  #isDone(row: Row): boolean {
    const isRefilled = this.#refilled?.row === row && this.#refilled.by === this.#store.transaction;
    return this.#doneRows.has(row) && !isRefilled;
  }

  #keep(row: Row): void {
    this.#rows!.set(row.id, row);
    for (const entry of [...row.entries]) {
      const id = idOf(entry);
      const older = this.#newest.get(id);
      this.#newest.set(id, entry);
      this.#rowOf.set(entry, row);
      const ofDestination = this.#byDestination.get(entry.destination) ?? new Set();
      this.#byDestination.set(entry.destination, ofDestination.add(entry));
      if (older) this.done(older);
    }
  }

  #rewrite(row: Row, keepsAlarm: boolean): void {
    this.#store.rows(
      `UPDATE outbox SET entries = ?, due_at = IIF(?, due_at, NULL) WHERE id = ?`,
      JSON.stringify(row.entries),
      Number(keepsAlarm),
      row.id,
    );
    if (keepsAlarm) return;
    this.#store.afterCommit(() => {
      row.hasAlarm = false;
    });
  }

  #deleteDone(): void {
    if (this.#doneRows.size === 0) return;
    const rows = [...this.#doneRows].filter((row) => this.#isDone(row));
    for (const { id } of rows) this.#store.rows(`DELETE FROM outbox WHERE id = ?`, id);
    this.#store.dueChanged();
    // If this transaction fails, the next one deletes the rows.
    this.#store.afterCommit(() => {
      for (const row of rows) {
        this.#rows!.delete(row.id);
        this.#doneRows.delete(row);
      }
    });
  }
}

const isWaiting = (entry: Entry): boolean => entry.parked_at === undefined;

const idOf = ({ destination, key }: Entry): string => `${destination}/${key}`;

/** Splits entries into rows. */
function inParts(entries: readonly Entry[]): { entries: Entry[]; text: string }[] {
  const parts: { entries: Entry[]; texts: string[]; chars: number }[] = [];
  for (const entry of entries) {
    const text = JSON.stringify(entry);
    if (text.length > MAX_ENTRY_CHARS) {
      throw new RangeError(`an entry for '${entry.destination}' has ${text.length} characters`);
    }
    const last = parts.at(-1);
    if (last && last.chars + text.length <= MAX_ROW_CHARS) {
      last.entries.push(entry);
      last.texts.push(text);
      last.chars += text.length;
    } else parts.push({ entries: [entry], texts: [text], chars: text.length });
  }
  return parts.map((part) => ({ entries: part.entries, text: `[${part.texts.join(',')}]` }));
}
