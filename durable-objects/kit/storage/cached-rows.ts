import type { SqlValue } from '../platform/platform.ts';
import { insertOrReplace } from './insert-or-replace.ts';
import type { ObjectStore, Transaction } from './store.ts';

interface Entry<Row> {
  /** The row in the table; null if the row must be written with all columns. */
  stored: Row | null;
  /** The current row; null if it was removed. It is frozen, because callers share it. */
  row: Row | null;
}

/**
 * Caches the rows of one table by their key, which is safe because only this object writes its tables. A row is read
 * once in the life of the object in memory, and written at most once in a transaction, at its end.
 *
 * A failed transaction clears the cache. Other statements do not see cached changes until the transaction ends. After
 * another statement that writes the table, call `forget`.
 *
 * @example
 * const tasks = new CachedRows<TaskRow>(store, 'tasks', 'number');
 * store.transact(() => {
 *   tasks.update(1, { status: 'ready' });
 *   tasks.update(1, { epoch: tasks.get(1)!.epoch + 1 });
 * }); // one SELECT, one UPDATE
 * tasks.get(1); // no statement
 */
export class CachedRows<Row extends object> {
  readonly #store: ObjectStore;
  readonly #table: string;
  readonly #key: keyof Row & string;
  readonly #complete: (row: Row) => Row;
  readonly #entries = new Map<SqlValue, Entry<Row>>();
  /** Whether all rows of the table are in memory. */
  #hasAll = false;
  /** The keys that this transaction has changed. */
  readonly #changed = new Set<SqlValue>();
  /** All rows in the order of their keys, and the place of each; null if they must be put in order again. */
  #list: Row[] | null = null;
  readonly #places = new Map<SqlValue, number>();
  /** The last transaction that has changed the cache. */
  #changedBy: Transaction | null = null;

  /**
   * @param table becomes part of SQL statements, as does `key`; never pass input from outside
   * @param complete adds values that are stored in other tables to a row that was read
   */
  constructor(store: ObjectStore, table: string, key: keyof Row & string, complete = (row: Row): Row => row) {
    this.#store = store;
    this.#table = table;
    this.#key = key;
    this.#complete = complete;
  }

  get(key: SqlValue): Row | undefined {
    this.#settle();
    const known = this.#entries.get(key);
    if (known || this.#hasAll) return known?.row ?? undefined;
    const row = this.#store.row<Row>(`SELECT * FROM ${this.#table} WHERE ${this.#key} = ?`, key);
    return row && this.#keep(row);
  }

  /** All rows, in the order of their keys. */
  all(): Row[] {
    this.#settle();
    if (!this.#hasAll) {
      for (const row of this.#store.rows<Row>(`SELECT * FROM ${this.#table}`)) {
        if (!this.#entries.has(row[this.#key] as SqlValue)) this.#keep(row);
      }
      this.#hasAll = true;
    }
    this.#list ??= this.#inOrder();
    return [...this.#list];
  }

  /** The number of rows. */
  get size(): number {
    this.#settle();
    return this.#list?.length ?? this.all().length;
  }

  /** Inserts a row, or replaces the one with the same key. Must run inside a transaction. */
  put(row: Row): void {
    this.#open();
    this.#set(row[this.#key] as SqlValue, { stored: null, row: Object.freeze(row) });
  }

  /**
   * Changes columns of a row. Must run inside a transaction.
   * @throws Error if the row does not exist
   */
  update(key: SqlValue, changes: Partial<Row>): void {
    this.#open();
    const { stored, row } = this.#present(key);
    this.#set(key, { stored, row: Object.freeze({ ...row, ...changes }) });
  }

  /** Deletes a row if it exists. Must run inside a transaction. */
  remove(key: SqlValue): void {
    this.#open();
    const row = this.get(key);
    if (row) this.#set(key, { stored: row, row: null });
  }

  /** Changes a cached value that `complete` reads from another table, and that this transaction stores there. */
  note(key: SqlValue, changes: Partial<Row>): void {
    this.#open();
    const { stored, row } = this.#present(key);
    this.#set(key, { stored: stored && { ...stored, ...changes }, row: Object.freeze({ ...row, ...changes }) });
  }

  /** Call this in a transaction after another statement has written the table. */
  forget(): void {
    this.#open();
    this.#clear();
  }

  #keep(stored: Row): Row {
    const row = Object.freeze(this.#complete(stored));
    const key = row[this.#key] as SqlValue;
    this.#set(key, { stored: row, row });
    this.#changed.delete(key);
    return row;
  }

  #set(key: SqlValue, entry: Entry<Row>): void {
    const place = this.#places.get(key);
    if (this.#list && place !== undefined && entry.row) this.#list[place] = entry.row;
    else this.#list = null;
    this.#entries.set(key, entry);
    this.#changed.add(key);
  }

  #inOrder(): Row[] {
    const present = [...this.#entries].filter(([, { row }]) => row !== null).sort(([a], [b]) => (a! < b! ? -1 : 1));
    this.#places.clear();
    for (const [place, [key]] of present.entries()) this.#places.set(key, place);
    return present.map(([, { row }]) => row!);
  }

  #present(key: SqlValue): Entry<Row> & { row: Row } {
    if (!this.get(key)) throw new Error(`no row ${key} in ${this.#table}`);
    return this.#entries.get(key) as Entry<Row> & { row: Row };
  }

  #clear(): void {
    this.#entries.clear();
    this.#changed.clear();
    this.#list = null;
    this.#hasAll = false;
  }

  #open(): void {
    this.#settle();
    this.#changedBy = this.#store.beforeCommit(this.#write);
  }

  /** Clears the cache after a failed transaction. */
  #settle(): void {
    if (this.#changedBy?.outcome !== 'failed') return;
    this.#clear();
    this.#changedBy = null;
  }

  readonly #write = (): void => {
    for (const key of this.#changed) {
      this.#changed.delete(key);
      const entry = this.#entries.get(key)!;
      const { stored, row } = entry;
      if (row === null) {
        if (stored) this.#store.rows(`DELETE FROM ${this.#table} WHERE ${this.#key} = ?`, key);
        entry.stored = null;
        continue;
      }
      if (stored === null) {
        insertOrReplace(this.#store, this.#table, row);
        entry.stored = row;
        continue;
      }
      const columns = (Object.keys(row) as (keyof Row & string)[]).filter((column) => stored[column] !== row[column]);
      if (columns.length === 0) continue;
      const values = columns.map((column) => row[column] as SqlValue);
      const assignments = columns.map((column) => `${column} = ?`).join(', ');
      this.#store.rows(`UPDATE ${this.#table} SET ${assignments} WHERE ${this.#key} = ?`, ...values, key);
      entry.stored = row;
    }
  };
}
