import { errorFields } from '../../src/ports/logger.ts';
import type { ObjectStore } from './store.ts';

/** A deadline whose handler threw is tried again after this long, so that one bug cannot spin the alarm. */
const RETRY_AFTER_MS = 30_000;

/**
 * Named points in time at which something local must happen. They live in a table, so a restart, a deploy or an
 * eviction cannot lose one. Handlers run at least once: each may run twice, and decides from stored state.
 */
export class Deadlines {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Sets or moves a deadline. Inside a transaction. */
  set(name: string, dueAt: number): void {
    this.#store.rows(
      `INSERT INTO deadlines (name, due_at) VALUES (?, ?)
       ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at WHERE due_at <> excluded.due_at`,
      name,
      dueAt,
    );
  }

  /** Sets a deadline unless it is set. Inside a transaction. */
  setIfUnset(name: string, dueAt: number): void {
    if (this.dueAt(name) === null) this.set(name, dueAt);
  }

  /** Removes a deadline. Inside a transaction. */
  clear(name: string): void {
    this.#store.rows(`DELETE FROM deadlines WHERE name = ?`, name);
  }

  /** When the deadline is due, in ms; null when it is not set. */
  dueAt(name: string): number | null {
    return this.#store.row<{ due_at: number }>(`SELECT due_at FROM deadlines WHERE name = ?`, name)?.due_at ?? null;
  }

  /**
   * Runs what is due, each in a transaction of its own that also removes it (the handler may set it again).
   * @param handle gets the name and when it was due
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
}
