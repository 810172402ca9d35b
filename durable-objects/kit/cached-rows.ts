import type { SqlValue } from './platform.ts';
import type { ObjectStore, Transaction } from './store.ts';

interface Entry<Row> {
  /** As it is stored; null for a row that is written whole. */
  stored: Row | null;
  /** Frozen: it is handed out to everybody. */
  row: Row;
}

/**
 * Rows of one table by their key, kept in memory: the object is the only one that writes its tables. A row is read once
 * in the object's life, and written once in a transaction, when that ends. What changes a row ten times costs one
 * statement, and what leaves it as it was costs none.
 *
 * A transaction that fails takes everything that was kept with it. A statement that reads or writes the same table does
 * not see what waits here until the transaction ends; after one that writes, call `forget`.
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
  /** Every row of the table is in memory. */
  #hasAll = false;
  /** The last transaction that has changed what is kept. */
  #changedBy: Transaction | null = null;

  /**
   * @param table and `key` become part of statements: never text from outside
   * @param complete adds what is stored elsewhere to a row that was read
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
    if (known || this.#hasAll) return known?.row;
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
    return [...this.#entries.entries()].sort(([a], [b]) => (a! < b! ? -1 : 1)).map(([, { row }]) => row);
  }

  /** Inserts a row, or replaces the one of the same key. Inside a transaction. */
  put(row: Row): void {
    this.#open();
    this.#entries.set(row[this.#key] as SqlValue, { stored: null, row: Object.freeze(row) });
  }

  /**
   * Changes columns of a row. Inside a transaction.
   * @throws Error when there is no such row
   */
  update(key: SqlValue, changes: Partial<Row>): void {
    this.#open();
    const entry = this.#entryOf(key);
    entry.row = Object.freeze({ ...entry.row, ...changes });
  }

  /** Notes what this transaction stores elsewhere: `complete` would add it when the row is read again. */
  note(key: SqlValue, changes: Partial<Row>): void {
    this.#open();
    const entry = this.#entryOf(key);
    entry.row = Object.freeze({ ...entry.row, ...changes });
    if (entry.stored) entry.stored = { ...entry.stored, ...changes };
  }

  /** To be called in a transaction after a statement of its own has written the table. */
  forget(): void {
    this.#open();
    this.#clear();
  }

  #keep(stored: Row): Row {
    const row = Object.freeze(this.#complete(stored));
    this.#entries.set(row[this.#key] as SqlValue, { stored: row, row });
    return row;
  }

  #entryOf(key: SqlValue): Entry<Row> {
    if (!this.get(key)) throw new Error(`no row ${key} in ${this.#table}`);
    return this.#entries.get(key)!;
  }

  #clear(): void {
    this.#entries.clear();
    this.#hasAll = false;
  }

  #open(): void {
    this.#settle();
    this.#changedBy = this.#store.beforeCommit(this.#write);
  }

  /** Forgets what a transaction that failed has left behind. */
  #settle(): void {
    if (this.#changedBy?.outcome !== 'failed') return;
    this.#clear();
    this.#changedBy = null;
  }

  readonly #write = (): void => {
    for (const [key, entry] of this.#entries) {
      const { stored, row } = entry;
      const columns = (Object.keys(row) as (keyof Row & string)[]).filter((column) => stored?.[column] !== row[column]);
      if (columns.length === 0) continue;
      const values = columns.map((column) => row[column] as SqlValue);
      if (stored === null) {
        const places = columns.map(() => '?').join(', ');
        this.#store.rows(`INSERT OR REPLACE INTO ${this.#table} (${columns.join(', ')}) VALUES (${places})`, ...values);
      } else {
        const assignments = columns.map((column) => `${column} = ?`).join(', ');
        this.#store.rows(`UPDATE ${this.#table} SET ${assignments} WHERE ${this.#key} = ?`, ...values, key);
      }
      entry.stored = row;
    }
  };
}
