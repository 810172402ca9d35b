import { errorFields } from '../../src/ports/logger.ts';
import type { SqlValue } from './platform.ts';
import type { ObjectStore } from './store.ts';

/** The pause before a deadline whose handler threw is retried, so that a bug cannot fire the alarm in a tight loop. */
const RETRY_AFTER_MS = 30_000;

/**
 * Named deadlines of local work. They are stored in a table, so that a restart, a deploy or an eviction cannot lose
 * one. Handlers run at least once. A handler may run twice, so it must decide from stored state.
 */
export class Deadlines {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Sets or moves a deadline. Inside a transaction. */
  set(name: string, dueAt: number): void {
    this.#change(
      `INSERT INTO deadlines (name, due_at) VALUES (?, ?)
       ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at WHERE due_at <> excluded.due_at RETURNING 1`,
      name,
      dueAt,
    );
  }

  /** Sets a deadline unless it is already set. Inside a transaction. */
  setIfUnset(name: string, dueAt: number): void {
    this.#change(`INSERT INTO deadlines (name, due_at) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1`, name, dueAt);
  }

  /** Removes a deadline. Inside a transaction. */
  clear(name: string): void {
    this.#change(`DELETE FROM deadlines WHERE name = ? RETURNING 1`, name);
  }

  /** The time of the deadline in ms since the epoch; null when it is not set. */
  dueAt(name: string): number | null {
    return this.#store.row<{ due_at: number }>(`SELECT due_at FROM deadlines WHERE name = ?`, name)?.due_at ?? null;
  }

  /**
   * Runs the handlers of all due deadlines. Each runs in its own transaction, which also removes the deadline; the
   * handler may set it again.
   * @param handle gets the deadline's name and time
   */
  run(handle: (name: string, dueAt: number) => void): void {
    const now = this.#store.platform.now();
    const due = this.#store.rows<{ name: string; due_at: number }>(
      `SELECT name, due_at FROM deadlines WHERE due_at <= ? ORDER BY due_at`,
      now,
    );
    for (const { name, due_at } of due) {
      try {
        this.#store.transact(() => {
          if (this.dueAt(name) !== due_at) return;
          this.clear(name);
          handle(name, due_at);
        });
      } catch (error) {
        this.#store.platform.logger('error', 'deadline_failed', { name, ...errorFields(error) });
        this.#store.transact(() => this.set(name, now + RETRY_AFTER_MS));
      }
    }
  }

  /** The statement returns a row where it has changed one: only then does the alarm need another look. */
  #change(statement: string, ...bindings: SqlValue[]): void {
    if (this.#store.row(statement, ...bindings)) this.#store.dueChanged();
  }
}
