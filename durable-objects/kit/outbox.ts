import { errorFields } from '../../src/ports/logger.ts';
import { Rejected } from '../../src/ports/rejected.ts';
import { withDeadline } from './outbound.ts';
import type { ObjectStore } from './store.ts';

/** Another store to which this object writes. */
export interface Destination {
  name: string;
  /**
   * Delivers one row. It may be called again for a delivered row, which the destination recognizes by the key or by a
   * version in the payload.
   * @throws Rejected when the row can never be accepted; any other error when the destination is unavailable
   */
  deliver(key: string, payload: unknown, signal: AbortSignal): Promise<void>;
}

interface OutboxRow {
  key: string;
  payload: string;
  rev: number;
  rejections: number;
}

const DELIVERY_MS = 5_000;
/** The delay of the alarm that repeats a delivery which died with its process. */
const BACKSTOP_MS = 2_000;
const FIRST_RETRY_MS = 1_000;
const RETRY_MS_MAX = 300_000;
const PARK_AFTER_REJECTIONS = 10;
const ROWS_AT_A_TIME = 50;

/**
 * Writes to other stores. They commit together with the state that they describe, and are delivered afterwards, at
 * least once and in no particular order. Therefore a row must be an upsert with a version, or an insert by key.
 *
 * Each row has a deadline (`due_at`) that repeats its delivery if the process dies. A delivered row is deleted with the
 * object's next commit, at the latest when that deadline fires. If that commit puts the same key again, no delete is
 * needed.
 *
 * Only a failing destination has a row in `destinations`, whose `next_at` then applies to all its rows. It is retried
 * for ever, with growing pauses. A row that it rejects ten times is parked (`parked_at`), and the other rows continue.
 */
export class Outbox {
  readonly #store: ObjectStore;
  readonly #destinations: Map<string, Destination>;
  readonly #delivering = new Map<string, Promise<void>>();
  /** Delivered rows that are not deleted yet, with the delivered `rev`. After an eviction they are delivered again. */
  readonly #arrived = new Map<string, { destination: string; key: string; rev: number }>();
  /** The destinations of the current transaction's rows. */
  readonly #touched = new Set<string>();

  /** @param destinations in the order in which deliveries start */
  constructor(store: ObjectStore, destinations: readonly Destination[]) {
    this.#store = store;
    this.#destinations = new Map(destinations.map((destination) => [destination.name, destination]));
    store.beforeEachCommit(() => this.#deleteArrived());
  }

  /**
   * Adds or replaces the row of `key`. Inside a transaction; delivery starts after the commit. Writes nothing for a
   * destination that is not configured.
   */
  put(destination: string, key: string, payload: unknown): void {
    if (!this.#destinations.has(destination)) return;
    const { platform } = this.#store;
    this.#store.rows(
      `INSERT INTO outbox (destination, key, payload, rev, due_at) VALUES (?, ?, ?, 1, ?)
       ON CONFLICT (destination, key) DO UPDATE SET
         payload = excluded.payload, rev = rev + 1, due_at = excluded.due_at, rejections = 0, parked_at = NULL`,
      destination,
      key,
      JSON.stringify(payload),
      platform.now() + BACKSTOP_MS,
    );
    this.#store.dueChanged();
    // Discards what a rolled-back transaction has left.
    if (!this.#store.willFinish(this.#startAfterCommit)) this.#touched.clear();
    this.#touched.add(destination);
    this.#store.beforeCommit(this.#startAfterCommit);
  }

  /** Starts (or joins) the delivery to one destination. Resolves when the delivery has ended; never rejects. */
  drain(name: string): Promise<void> {
    const running = this.#delivering.get(name);
    if (running) return running;
    const destination = this.#destinations.get(name);
    if (!destination || !this.#store.created) return Promise.resolve();
    // Starts in a later microtask, so that the delivery is registered as running before it can end.
    const work = Promise.resolve()
      .then(() => this.#deliverAll(destination))
      .catch((error) => {
        this.#store.platform.logger('error', 'outbox_drain_failed', { destination: name, ...errorFields(error) });
      });
    this.#delivering.set(name, work);
    return work;
  }

  /**
   * Starts the due deliveries. The alarm does not wait for them, because a hanging destination must not delay the next
   * local deadline. The next attempt is scheduled first, so that a delivery that dies with its process is repeated.
   */
  startDue(): void {
    const { platform } = this.#store;
    const now = platform.now();
    this.#deleteArrived();
    const due = this.#store.rows<{ name: string }>(
      `SELECT name FROM destinations WHERE next_at <= ?
       UNION SELECT destination FROM outbox WHERE due_at <= ? AND destination NOT IN (SELECT name FROM destinations)`,
      now,
      now,
    );
    for (const { name } of due) {
      if (this.#destinations.has(name)) {
        this.#store.rows(
          `INSERT INTO destinations (name, failures, next_at) VALUES (?, 0, ?)
           ON CONFLICT (name) DO UPDATE SET next_at = excluded.next_at`,
          name,
          now + 2 * DELIVERY_MS,
        );
        this.#store.afterCommit(() => platform.background(this.drain(name)));
      } else {
        // The destination is no longer configured. Its rows stay, without an alarm.
        this.#store.rows(`UPDATE outbox SET due_at = NULL WHERE destination = ?`, name);
        this.#store.rows(`DELETE FROM destinations WHERE name = ?`, name);
      }
    }
    this.#store.dueChanged();
  }

  /** The numbers of waiting and parked rows by destination. */
  backlog(): { destination: string; waiting: number; parked: number }[] {
    if (this.#arrived.size > 0) this.#deleteNow();
    return this.#store.rows(
      `SELECT destination, SUM(parked_at IS NULL) AS waiting, SUM(parked_at IS NOT NULL) AS parked
       FROM outbox GROUP BY destination`,
    );
  }

  /** Does not deliver to a failing destination, whose own next attempt will include the row. */
  #drainUnlessFailing(name: string): Promise<void> {
    return this.#delivering.get(name) ?? (this.#failures(name) > 0 ? Promise.resolve() : this.drain(name));
  }

  /** Ends in the same step in which it finds no more rows, so that no row can be added in between and missed. */
  async #deliverAll(destination: Destination): Promise<void> {
    const { name } = destination;
    try {
      for (;;) {
        const rows = this.#waiting(name);
        if (rows.length === 0) return this.#settle(name);
        let delivered = 0;
        for (const row of rows) {
          const outcome = await this.#deliverOne(destination, row);
          if (outcome === 'delivered') delivered++;
          else if (outcome !== 'rejected') return this.#backOff(name, outcome.error, delivered > 0);
        }
        if (delivered === 0) return this.#backOff(name, new Rejected('every row was refused'), false);
      }
    } finally {
      this.#delivering.delete(name);
    }
  }

  async #deliverOne(destination: Destination, row: OutboxRow): Promise<'delivered' | 'rejected' | { error: unknown }> {
    const { name } = destination;
    try {
      await withDeadline(name, DELIVERY_MS, (signal) => destination.deliver(row.key, JSON.parse(row.payload), signal));
    } catch (error) {
      if (!(error instanceof Rejected)) return { error };
      this.#reject(name, row, error);
      return 'rejected';
    }
    this.#arrived.set(`${name}/${row.key}`, { destination: name, key: row.key, rev: row.rev });
    // Limits the memory of a long delivery to one read.
    if (this.#arrived.size >= ROWS_AT_A_TIME) this.#deleteNow();
    return 'delivered';
  }

  /** The next rows to deliver, without those that were delivered already. */
  #waiting(name: string): OutboxRow[] {
    const rows = this.#store.rows<OutboxRow>(
      `SELECT key, payload, rev, rejections FROM outbox WHERE destination = ? AND parked_at IS NULL
       ORDER BY rejections, key LIMIT ?`,
      name,
      ROWS_AT_A_TIME + this.#arrived.size,
    );
    return rows.filter(({ key, rev }) => this.#arrived.get(`${name}/${key}`)?.rev !== rev).slice(0, ROWS_AT_A_TIME);
  }

  #deleteNow(): void {
    this.#store.transact(() => this.#store.dueChanged());
  }

  /** Deletes delivered rows. Inside a transaction. A row that was put again since has another `rev` and stays. */
  #deleteArrived(): void {
    if (this.#arrived.size === 0) return;
    const arrived = [...this.#arrived.entries()];
    for (const [, { destination, key, rev }] of arrived) {
      this.#store.rows(`DELETE FROM outbox WHERE destination = ? AND key = ? AND rev = ?`, destination, key, rev);
    }
    this.#store.dueChanged();
    // The rows are deleted only if the transaction commits; otherwise the next transaction deletes them.
    this.#store.afterCommit(() => {
      for (const [id, { rev }] of arrived) if (this.#arrived.get(id)?.rev === rev) this.#arrived.delete(id);
    });
  }

  /** Starts the deliveries of a commit in the order of the destinations. */
  readonly #startAfterCommit = (): void => {
    const touched = [...this.#destinations.keys()].filter((name) => this.#touched.has(name));
    this.#store.afterCommit(() => {
      for (const name of touched) this.#store.platform.background(this.#drainUnlessFailing(name));
    });
  };

  /** Clears the failure state of a destination that has no waiting rows. */
  #settle(name: string): void {
    if (!this.#store.row(`SELECT 1 FROM destinations WHERE name = ?`, name)) return;
    this.#store.transact(() => {
      this.#store.rows(`DELETE FROM destinations WHERE name = ?`, name);
      this.#store.dueChanged();
    });
  }

  /** @param progressed whether any row was delivered, which resets the backoff */
  #backOff(name: string, error: unknown, progressed: boolean): void {
    const { platform } = this.#store;
    this.#store.transact(() => {
      const failures = (progressed ? 0 : this.#failures(name)) + 1;
      const pause = Math.min(RETRY_MS_MAX, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20));
      // Half of the pause is random, so that many objects do not retry the same database together.
      const next = platform.now() + Math.round(pause * (0.5 + platform.random() / 2));
      this.#store.rows(
        `INSERT OR REPLACE INTO destinations (name, failures, next_at) VALUES (?, ?, ?)`,
        name,
        failures,
        next,
      );
      this.#store.dueChanged();
      if (failures === 1) platform.logger('warn', 'outbox_unavailable', { destination: name, ...errorFields(error) });
    });
  }

  #reject(name: string, row: OutboxRow, error: Rejected): void {
    const { platform } = this.#store;
    const rejections = row.rejections + 1;
    const parked = rejections >= PARK_AFTER_REJECTIONS;
    this.#store.transact(() => {
      this.#store.rows(
        `UPDATE outbox SET rejections = ?, last_error = ?, parked_at = ?, due_at = IIF(?, NULL, due_at)
         WHERE destination = ? AND key = ? AND rev = ?`,
        rejections,
        error.message.slice(0, 500),
        parked ? platform.now() : null,
        Number(parked),
        name,
        row.key,
        row.rev,
      );
      this.#store.dueChanged();
    });
    if (!parked && rejections > 1) return;
    const fields = { destination: name, key: row.key, ...errorFields(error) };
    platform.logger('error', parked ? 'outbox_parked' : 'outbox_rejected', fields);
  }

  #failures(name: string): number {
    const row = this.#store.row<{ failures: number }>(`SELECT failures FROM destinations WHERE name = ?`, name);
    return row?.failures ?? 0;
  }
}
