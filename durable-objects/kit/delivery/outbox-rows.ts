import type { ObjectStore } from '../storage/store.ts';

/** One write to another store. */
export interface Entry {
  destination: string;
  key: string;
  payload: unknown;
  rejections: number;
  last_error?: string;
  /** When the entry was rejected too often, in ms. It waits no longer, but stays. */
  parked_at?: number;
}

/** A stored row, with its entries that are not done. */
interface Row {
  id: number;
  /** Whether the alarm has to look at the row. */
  hasAlarm: boolean;
  entries: Entry[];
}

/** A longer list of entries is split, so that each row stays far below the limit of a stored value. */
const MAX_ROW_CHARS = 131_072;

/**
 * The stored entries of an outbox. Each transaction inserts its entries as one row. The rows are in memory too, since
 * only this object writes them; memory follows the commit.
 *
 * An entry is done when it was delivered, or when a newer one has its destination and key. A row whose entries are all
 * done is deleted with the next commit. After an eviction, done entries of a row that remains are delivered again.
 */
export class OutboxRows {
  readonly #store: ObjectStore;
  #rows: Map<number, Row> | null = null;
  /** The row of each entry that is not done. */
  readonly #rowOf = new Map<Entry, Row>();
  readonly #newest = new Map<string, Entry>();
  /** Rows without entries, which the next commit deletes. */
  readonly #doneRows = new Set<Row>();

  constructor(store: ObjectStore) {
    this.#store = store;
    store.beforeEachCommit(() => this.#deleteDone());
  }

  /** Inserts the entries of a transaction. @param dueAt when the alarm looks at the row; null for never */
  insert(entries: readonly Entry[], dueAt: number | null): void {
    this.#load();
    for (const part of inParts(entries)) {
      const { id } = this.#store.row<{ id: number }>(
        `INSERT INTO outbox (due_at, entries) VALUES (?, ?) RETURNING id`,
        dueAt,
        part.text,
      )!;
      this.#store.afterCommit(() => this.#keep({ id, hasAlarm: dueAt !== null, entries: part.entries }));
    }
  }

  /** Marks an entry as done. */
  done(entry: Entry): void {
    const row = this.#rowOf.get(entry);
    if (!row) return;
    this.#rowOf.delete(entry);
    const id = idOf(entry);
    if (this.#newest.get(id) === entry) this.#newest.delete(id);
    row.entries.splice(row.entries.indexOf(entry), 1);
    if (row.entries.length === 0) this.#doneRows.add(row);
  }

  /** Writes an entry's rejections. Inside a transaction. */
  rewrite(entry: Entry): void {
    const row = this.#rowOf.get(entry);
    if (row) this.#rewrite(row, row.entries.some(isWaiting));
  }

  /** The entries that wait for a destination: the least rejected first, then the oldest. */
  waitingFor(destination: string): Entry[] {
    this.#load();
    const waiting = [...this.#rowOf.keys()].filter((entry) => entry.destination === destination && isWaiting(entry));
    return waiting.sort((a, b) => a.rejections - b.rejections);
  }

  /**
   * Takes the alarm from the rows that are due. Inside a transaction.
   * @returns the destinations for which entries wait in these rows, and in rows that have lost their alarm before
   */
  takeDue(now: number): Set<string> {
    this.#load();
    const ids = this.#store.rows<{ id: number }>(`SELECT id FROM outbox WHERE due_at <= ?`, now);
    const due = ids.map(({ id }) => this.#rows!.get(id)).filter((row) => row !== undefined);
    for (const row of due) this.#rewrite(row, false);
    // An entry that was delivered late stands in such a row again after an eviction.
    const withoutAlarm = [...this.#rows!.values()].filter((row) => !row.hasAlarm);
    const waiting = [...due, ...withoutAlarm].flatMap(({ entries }) => entries.filter(isWaiting));
    return new Set(waiting.map(({ destination }) => destination));
  }

  /** Takes the alarm from rows whose waiting entries are scheduled elsewhere. Inside a transaction. */
  holdWhere(isScheduled: (waiting: Entry[]) => boolean): void {
    for (const row of this.#rows?.values() ?? []) {
      const waiting = row.entries.filter(isWaiting);
      if (row.hasAlarm && waiting.length > 0 && isScheduled(waiting)) this.#rewrite(row, false);
    }
  }

  /** When the alarm has to look at the earliest row; null for never. */
  earliest(): number | null {
    return this.#store.row<{ due: number | null }>(`SELECT MIN(due_at) AS due FROM outbox`)?.due ?? null;
  }

  /** Deletes done rows now, in a transaction of its own. */
  deleteDone(): void {
    if (this.#doneRows.size > 0) this.#store.transact(() => this.#store.dueChanged());
  }

  /** The numbers of waiting and parked entries by destination. */
  backlog(): { destination: string; waiting: number; parked: number }[] {
    this.#load();
    const numbers = new Map<string, { destination: string; waiting: number; parked: number }>();
    for (const entry of this.#rowOf.keys()) {
      const { destination } = entry;
      const number = numbers.get(destination) ?? { destination, waiting: 0, parked: 0 };
      numbers.set(destination, number);
      number[isWaiting(entry) ? 'waiting' : 'parked']++;
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
    // Only a read that succeeded counts as loaded.
    this.#rows = new Map();
    for (const row of rows) this.#keep(row);
  }

  #keep(row: Row): void {
    this.#rows!.set(row.id, row);
    for (const entry of [...row.entries]) {
      const id = idOf(entry);
      const older = this.#newest.get(id);
      this.#newest.set(id, entry);
      this.#rowOf.set(entry, row);
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
    const rows = [...this.#doneRows];
    for (const { id } of rows) this.#store.rows(`DELETE FROM outbox WHERE id = ?`, id);
    this.#store.dueChanged();
    // The rows are deleted only if the transaction commits; otherwise the next transaction deletes them.
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
    const last = parts.at(-1);
    if (last && last.chars + text.length <= MAX_ROW_CHARS) {
      last.entries.push(entry);
      last.texts.push(text);
      last.chars += text.length;
    } else parts.push({ entries: [entry], texts: [text], chars: text.length });
  }
  return parts.map((part) => ({ entries: part.entries, text: `[${part.texts.join(',')}]` }));
}
