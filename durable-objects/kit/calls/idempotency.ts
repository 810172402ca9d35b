import type { Call } from '../../../src/ports/calls.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import { IDEMPOTENCY_KEY_MS } from '../../../src/protocol/common/limits.ts';
import type { Deadlines } from '../deadlines.ts';
import type { ObjectStore } from '../storage/store.ts';

export const IDEMPOTENCY_DEADLINE = 'idempotency';

export const KEY_IS_TAKEN = refuse(
  'idempotency_mismatch',
  'This Idempotency-Key was used with another request; choose a new one.',
);

/**
 * Stores the outcome of each idempotency key for a day, in the transaction of its effect, and returns it to repeats.
 */
export class Idempotency {
  readonly #store: ObjectStore;
  readonly #deadlines: Deadlines;

  constructor(store: ObjectStore, deadlines: Deadlines) {
    this.#store = store;
    this.#deadlines = deadlines;
  }

  /**
   * Runs `effect` as one transaction, once for each key. Failures are not stored: they change nothing, and the same
   * request may succeed later.
   */
  once<T>(call: Call, effect: () => Outcome<T>): Outcome<T> {
    return this.#store.transact(() => this.recall<T>(call) ?? this.keep(call, effect()));
  }

  /** The stored outcome of this call; a failure if the key belongs to another request; null if nothing is stored. */
  recall<T>({ idempotency }: Call): Outcome<T> | null {
    if (!idempotency) return null;
    const kept = this.#store.row<{ fingerprint: string; answer: string }>(
      `SELECT fingerprint, answer FROM idempotency WHERE key = ?`,
      idempotency.key,
    );
    if (!kept) return null;
    if (kept.fingerprint !== idempotency.fingerprint) return KEY_IS_TAKEN;
    return ok(JSON.parse(kept.answer) as T);
  }

  /** Stores a successful outcome, and replaces an earlier one. Must run inside the transaction of its effect. */
  keep<T>({ idempotency }: Call, outcome: Outcome<T>): Outcome<T> {
    if (!idempotency || !outcome.ok) return outcome;
    const now = this.#store.platform.now();
    this.#store.rows(
      `INSERT INTO idempotency (key, fingerprint, answer, at) VALUES (?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET answer = excluded.answer`,
      idempotency.key,
      idempotency.fingerprint,
      JSON.stringify(outcome.value),
      now,
    );
    this.#deadlines.setIfUnset(IDEMPOTENCY_DEADLINE, now + IDEMPOTENCY_KEY_MS);
    return outcome;
  }

  /** The handler of `IDEMPOTENCY_DEADLINE`: deletes outcomes that are older than a day. */
  purge(): void {
    const now = this.#store.platform.now();
    this.#store.rows(`DELETE FROM idempotency WHERE at <= ?`, now - IDEMPOTENCY_KEY_MS);
    const oldest = this.#store.row<{ at: number | null }>(`SELECT MIN(at) AS at FROM idempotency`)?.at;
    if (oldest != null) this.#deadlines.set(IDEMPOTENCY_DEADLINE, oldest + IDEMPOTENCY_KEY_MS);
  }
}
