import type { SqlValue } from './platform.ts';
import type { ObjectStore } from './store.ts';

interface Entry<Row> {
  /** As it was read; null for a row that is written whole. */
  stored: Row | null;
  row: Row;
}

/**
 * Rows of one table by their key. Within a transaction a row is read once and written once, when the transaction ends:
 * what changes a row ten times costs one statement, and what leaves it as it was costs none. Outside of a transaction each
 * read is a statement, and nothing is kept.
 *
 * A statement of another part that reads or writes the same table within the transaction does not see what waits here.
 *
 * @example
 * const tasks = new CachedRows<TaskRow>(store, 'tasks', 'number');
 * store.transact(() => {
 *   tasks.update(1, { status: 'ready' });
 *   tasks.update(1, { epoch: tasks.get(1)!.epoch + 1 });
 * }); // one SELECT, one UPDATE
 */
export class CachedRows<Row extends object> {
  readonly #store: ObjectStore;
  readonly #table: string;
  readonly #key: keyof Row & string;
  readonly #complete: (row: Row) => Row;
  readonly #entries = new Map<SqlValue, Entry<Row>>();
  /** Whether the entries are all rows of the table. */
  #isComplete = false;

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
    if (!this.#store.inTransaction) return this.#read(key);
    this.#open();
    const known = this.#entries.get(key);
    if (known || this.#isComplete) return known?.row;
    const row = this.#read(key);
    if (row) this.#entries.set(key, { stored: row, row });
    return row;
  }

  /** All rows, in the order of their keys. */
  all(): Row[] {
    if (!this.#store.inTransaction) return this.#readAll().map(this.#complete);
    this.#open();
    for (const found of this.#isComplete ? [] : this.#readAll()) {
      const key = found[this.#key] as SqlValue;
      if (this.#entries.has(key)) continue;
      const row = this.#complete(found);
      this.#entries.set(key, { stored: row, row });
    }
    this.#isComplete = true;
    return [...this.#entries.entries()].sort(([a], [b]) => (a! < b! ? -1 : 1)).map(([, { row }]) => row);
  }

  /** Inserts a row, or replaces the one of the same key. Inside a transaction. */
  put(row: Row): void {
    this.#open();
    this.#entries.set(row[this.#key] as SqlValue, { stored: null, row });
  }

  /**
   * Changes columns of a row. Inside a transaction.
   * @throws Error when there is no such row
   */
  update(key: SqlValue, changes: Partial<Row>): void {
    this.#open();
    const row = this.get(key);
    if (!row) throw new Error(`no row ${key} in ${this.#table}`);
    const entry = this.#entries.get(key)!;
    entry.row = { ...row, ...changes };
  }

  #read(key: SqlValue): Row | undefined {
    const row = this.#store.row<Row>(`SELECT * FROM ${this.#table} WHERE ${this.#key} = ?`, key);
    return row && this.#complete(row);
  }

  #readAll(): Row[] {
    return this.#store.rows<Row>(`SELECT * FROM ${this.#table} ORDER BY ${this.#key}`);
  }

  /** What an earlier transaction has left behind counts no more. */
  #open(): void {
    if (this.#store.willFinish(this.#write)) return;
    this.#entries.clear();
    this.#isComplete = false;
    this.#store.beforeCommit(this.#write);
  }

  readonly #write = (): void => {
    for (const [key, { stored, row }] of this.#entries) {
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
    }
  };
}
