import { errorFields } from '../../src/ports/logger.ts';
import { CachedRows } from './storage/cached-rows.ts';
import type { ObjectStore } from './storage/store.ts';

/** The pause before a failed handler is retried, so that a bug cannot fire the alarm in a tight loop. */
const RETRY_AFTER_MS = 30_000;

/** All deadlines are in one row, so that a transaction that changes several of them writes one row. */
interface DeadlinesRow {
  one: number;
  /** JSON: times in ms since the epoch by name. */
  due: string;
}

const ONE = 1;

/** When a deadline fell due. Times are in ms. */
export interface Due {
  at: number;
  /** How much later its handler runs. The alarm is late if the object was down. */
  late_ms: number;
}

/**
 * The handler of the deadlines with one name. `waitsFor` says what these deadlines wait for:
 * - `time`: only for the time. Lateness does not matter.
 * - `others`: for an agent or a person to act first. They cannot act while the object is down, so the handler extends
 *   the deadline if it is late.
 */
export type DeadlineHandler =
  | { waitsFor: 'time'; run: (subject: string) => void }
  | { waitsFor: 'others'; run: (subject: string, due: Due) => void };

/**
 * Finds the handler of each deadline by its name. A name that ends with a colon is followed by the deadline's subject.
 * A deadline without a handler is dropped: another release has set it.
 */
export function handlerOf(handlers: Readonly<Record<string, DeadlineHandler>>): (name: string, due: Due) => void {
  return (name, due) => {
    const colon = name.indexOf(':') + 1;
    handlers[colon > 0 ? name.slice(0, colon) : name]?.run(name.slice(colon), due);
  };
}

/**
 * Named deadlines of local work. They are stored, so that a restart, a deploy or an eviction cannot lose one. Handlers
 * run at least once. A handler may run twice, so it must decide from stored state.
 */
export class Deadlines {
  readonly #store: ObjectStore;
  readonly #rows: CachedRows<DeadlinesRow>;
  /** The parsed times of each row. */
  readonly #parsed = new WeakMap<DeadlinesRow, ReadonlyMap<string, number>>();

  constructor(store: ObjectStore) {
    this.#store = store;
    this.#rows = new CachedRows(store, 'deadlines', 'one');
    store.addDueSource(() => this.#earliest());
  }

  /** Sets or moves a deadline. Must run inside a transaction. */
  set(name: string, dueAt: number): void {
    if (this.dueAt(name) !== dueAt) this.#save(new Map([...this.all(), [name, dueAt]]));
  }

  /** Sets a deadline unless it is already set. Must run inside a transaction. */
  setIfUnset(name: string, dueAt: number): void {
    if (this.dueAt(name) === null) this.set(name, dueAt);
  }

  /** Removes a deadline. Must run inside a transaction. */
  clear(name: string): void {
    if (this.dueAt(name) !== null) this.#save(new Map([...this.all()].filter(([other]) => other !== name)));
  }

  /** The time of the deadline in ms since the epoch; null when it is not set. */
  dueAt(name: string): number | null {
    return this.all().get(name) ?? null;
  }

  /** The times of all deadlines, by name. */
  all(): ReadonlyMap<string, number> {
    const [row] = this.#rows.all();
    if (!row) return new Map();
    const known = this.#parsed.get(row);
    if (known) return known;
    const times = new Map(Object.entries(JSON.parse(row.due) as Record<string, number>));
    this.#parsed.set(row, times);
    return times;
  }

  /**
   * Runs the handlers of all due deadlines, the earliest first. Each handler runs in its own transaction, which also
   * removes the deadline. The handler may set it again.
   * @param handle gets the deadline's name, and when it fell due
   */
  run(handle: (name: string, due: Due) => void): void {
    const now = this.#store.platform.now();
    const due = [...this.all()].filter(([, dueAt]) => dueAt <= now).sort(([, a], [, b]) => a - b);
    for (const [name, dueAt] of due) {
      try {
        this.#store.transact(() => {
          if (this.dueAt(name) !== dueAt) return;
          this.clear(name);
          handle(name, { at: dueAt, late_ms: now - dueAt });
        });
      } catch (error) {
        this.#store.platform.logger('error', 'deadline_failed', { name, ...errorFields(error) });
        this.#store.transact(() => this.set(name, now + RETRY_AFTER_MS));
      }
    }
  }

  #save(times: ReadonlyMap<string, number>): void {
    const due = JSON.stringify(Object.fromEntries(times));
    if (this.#rows.all().length > 0) this.#rows.update(ONE, { due });
    else this.#rows.put({ one: ONE, due });
    this.#store.dueChanged();
  }

  #earliest(): number | null {
    const times = [...this.all().values()];
    return times.length === 0 ? null : Math.min(...times);
  }
}
