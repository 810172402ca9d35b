import { errorFields } from '../../src/ports/logger.ts';
import { Rejected } from '../../src/ports/rejected.ts';
import { withDeadline } from './outbound.ts';
import type { ObjectStore } from './store.ts';

export interface Lane {
  name: string;
  /**
   * Hands one row over. May be called again for a row that arrived: the destination knows it by key, or by a version
   * in the payload.
   * @throws Rejected when it will never be taken; anything else means 'unavailable'
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
/** The alarm that follows a commit whose own drain died with the process. */
const BACKSTOP_MS = 2_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 300_000;
const PARK_AFTER_REJECTIONS = 10;
const ROWS_AT_A_TIME = 50;

/**
 * Writes that cross into another store. They commit with the state that they tell of and are delivered afterwards, at
 * least once, in no particular order: a row is an upsert with a version, or an insert by key.
 *
 * A destination that cannot be reached is tried again for ever, ever more slowly; a row that it refuses ten times is
 * parked, visibly (`parked`), and the others go on.
 */
export class Outbox {
  readonly #store: ObjectStore;
  readonly #lanes: Map<string, Lane>;
  readonly #draining = new Map<string, Promise<void>>();

  constructor(store: ObjectStore, lanes: readonly Lane[]) {
    this.#store = store;
    this.#lanes = new Map(lanes.map((lane) => [lane.name, lane]));
  }

  /**
   * Adds or replaces the row of `key`. Inside a transaction; delivery starts when it commits. No row is written for a
   * destination that is not configured.
   */
  put(lane: string, key: string, payload: unknown): void {
    if (!this.#lanes.has(lane)) return;
    this.#store.rows(
      `INSERT INTO outbox (lane, key, payload, rev) VALUES (?, ?, ?, 1)
       ON CONFLICT (lane, key) DO UPDATE SET payload = excluded.payload, rev = rev + 1, rejections = 0, parked_at = NULL`,
      lane,
      key,
      JSON.stringify(payload),
    );
    this.#store.rows(
      `INSERT INTO outbox_lanes (lane, failures, next_at) VALUES (?, 0, ?) ON CONFLICT (lane) DO NOTHING`,
      lane,
      this.#store.platform.now() + BACKSTOP_MS,
    );
    this.#store.afterCommit(() => this.#store.platform.background(this.#drainUnlessFailing(lane)));
  }

  /** Starts (or joins) the delivery of one lane; settles when it has come to its end, and never rejects. */
  drain(name: string): Promise<void> {
    const running = this.#draining.get(name);
    if (running) return running;
    const lane = this.#lanes.get(name);
    if (!lane || !this.#store.created) return Promise.resolve();
    // Begun a step later, so that it is known as running before it can end.
    const work = Promise.resolve()
      .then(() => this.#deliverAll(lane))
      .catch((error) =>
        this.#store.platform.logger('error', 'outbox_drain_failed', { lane: name, ...errorFields(error) }),
      );
    this.#draining.set(name, work);
    return work;
  }

  /**
   * Starts the deliveries that are due. For the alarm, which does not wait for them: a hung destination must not delay
   * the next local deadline. Each lane's next attempt is set first, so a drain that dies with the process is repeated.
   */
  startDue(): void {
    const { platform } = this.#store;
    const now = platform.now();
    const due = this.#store.rows<{ lane: string }>(`SELECT lane FROM outbox_lanes WHERE next_at <= ?`, now);
    for (const { lane } of due) {
      // A destination that was configured once and is no more: its rows stay, without an alarm.
      if (this.#lanes.has(lane)) {
        this.#store.rows(`UPDATE outbox_lanes SET next_at = ? WHERE lane = ?`, now + 2 * DELIVERY_MS, lane);
        this.#store.afterCommit(() => platform.background(this.drain(lane)));
      } else this.#store.rows(`DELETE FROM outbox_lanes WHERE lane = ?`, lane);
    }
  }

  /** Rows that wait, and rows that were given up, by lane. */
  backlog(): { lane: string; waiting: number; parked: number }[] {
    return this.#store.rows(
      `SELECT lane, SUM(parked_at IS NULL) AS waiting, SUM(parked_at IS NOT NULL) AS parked FROM outbox GROUP BY lane`,
    );
  }

  /** A row that joins a lane in trouble waits for the lane's own next attempt. */
  #drainUnlessFailing(lane: string): Promise<void> {
    const row = this.#store.row<{ failures: number }>(`SELECT failures FROM outbox_lanes WHERE lane = ?`, lane);
    return row?.failures === 0 ? this.drain(lane) : Promise.resolve();
  }

  /** Ends in the same step in which it has found nothing more, so that no row can come between and wait. */
  async #deliverAll(lane: Lane): Promise<void> {
    try {
      for (;;) {
        const rows = this.#store.rows<OutboxRow>(
          `SELECT key, payload, rev, rejections FROM outbox WHERE lane = ? AND parked_at IS NULL
           ORDER BY rejections, key LIMIT ?`,
          lane.name,
          ROWS_AT_A_TIME,
        );
        if (rows.length === 0) return this.#settle(lane.name);
        let refused = 0;
        for (const row of rows) {
          const outcome = await this.#deliverOne(lane, row);
          if (outcome === 'unavailable') return;
          if (outcome === 'rejected') refused++;
        }
        if (refused === rows.length) return this.#backOff(lane.name, 'rejected');
      }
    } finally {
      this.#draining.delete(lane.name);
    }
  }

  async #deliverOne(lane: Lane, row: OutboxRow): Promise<'delivered' | 'rejected' | 'unavailable'> {
    try {
      await withDeadline(lane.name, DELIVERY_MS, (signal) => lane.deliver(row.key, JSON.parse(row.payload), signal));
    } catch (error) {
      if (error instanceof Rejected) {
        this.#reject(lane.name, row, error.message);
        return 'rejected';
      }
      this.#backOff(lane.name, error instanceof Error ? error.message : String(error));
      return 'unavailable';
    }
    this.#store.transact(() =>
      this.#store.rows(`DELETE FROM outbox WHERE lane = ? AND key = ? AND rev = ?`, lane.name, row.key, row.rev),
    );
    return 'delivered';
  }

  /** Nothing waits any more: the lane needs no alarm. */
  #settle(lane: string): void {
    this.#store.transact(() => {
      const [waiting] = this.#store.rows(`SELECT 1 FROM outbox WHERE lane = ? AND parked_at IS NULL LIMIT 1`, lane);
      if (!waiting) this.#store.rows(`DELETE FROM outbox_lanes WHERE lane = ?`, lane);
    });
  }

  #backOff(lane: string, reason: string): void {
    const { platform } = this.#store;
    this.#store.transact(() => {
      const failures = this.#store.row<{ failures: number }>(`SELECT failures FROM outbox_lanes WHERE lane = ?`, lane);
      const count = (failures?.failures ?? 0) + 1;
      const pause = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(count - 1, 20));
      // Half fixed, half random: a thousand objects that lost the same database do not come back as one.
      const next = platform.now() + Math.round(pause * (0.5 + platform.random() / 2));
      this.#store.rows(
        `INSERT OR REPLACE INTO outbox_lanes (lane, failures, next_at) VALUES (?, ?, ?)`,
        lane,
        count,
        next,
      );
      if (count === 1) platform.logger('warn', 'outbox_unavailable', { lane, reason });
    });
  }

  #reject(lane: string, row: OutboxRow, reason: string): void {
    const rejections = row.rejections + 1;
    const parked = rejections >= PARK_AFTER_REJECTIONS;
    this.#store.transact(() =>
      this.#store.rows(
        `UPDATE outbox SET rejections = ?, last_error = ?, parked_at = ? WHERE lane = ? AND key = ? AND rev = ?`,
        rejections,
        reason.slice(0, 500),
        parked ? this.#store.platform.now() : null,
        lane,
        row.key,
        row.rev,
      ),
    );
    if (parked || rejections === 1)
      this.#store.platform.logger('error', parked ? 'outbox_parked' : 'outbox_rejected', {
        lane,
        key: row.key,
        reason,
      });
  }
}
