import type { Call } from '../../../src/ports/calls.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import { IDEMPOTENCY_KEY_MS } from '../../../src/protocol/common/limits.ts';
import type { Deadlines } from '../deadlines.ts';
import { purge } from '../storage/purge.ts';
import type { ObjectStore } from '../storage/store.ts';

export const IDEMPOTENCY_DEADLINE = 'idempotency';

const OUTCOMES = { table: 'idempotency', key: 'key', at: 'at' };
/** An outcome can have a megabyte. */
const PURGED_AT_A_TIME = 50;

export const KEY_IS_TAKEN = refuse(
  'idempotency_mismatch',
  'This Idempotency-Key was used with another request. Use a new key.',
);

/**
 * Stores the outcome of each idempotency key for a day, in the transaction of its effect. A repeated call gets the
 * stored outcome.
 */
export class Idempotency {
  readonly #store: ObjectStore;
  readonly #deadlines: Deadlines;

  constructor(store: ObjectStore, deadlines: Deadlines) {
    this.#store = store;
    this.#deadlines = deadlines;
  }

  /**
   * Runs `effect` in one transaction, at most once for each key. Failures are not stored, because a failure changes
   * nothing and the same request may succeed later.
   */
  once<T>(call: Call, effect: () => Outcome<T>): Outcome<T> {
    return this.#store.transact(() => this.recall<T>(call) ?? this.keep(call, effect()));
  }

  /** The stored outcome of this call; a failure if the key belongs to another request; null if nothing is stored. */
  recall<T>({ idempotency }: Call): Outcome<T> | null {
    if (!idempotency) return null;
    const kept = this.#store.row<{ fingerprint: string; answer: string }>(
      `SELECT fingerprint, answer FROM idempotency WHERE key = ? AND at > ?`,
      idempotency.key,
      this.#expired(),
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
       ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, answer = excluded.answer,
         at = IIF(at > ?, at, excluded.at)`,
      idempotency.key,
      idempotency.fingerprint,
      JSON.stringify(outcome.value),
      now,
      this.#expired(),
    );
    this.#deadlines.setIfUnset(IDEMPOTENCY_DEADLINE, now + IDEMPOTENCY_KEY_MS);
    return outcome;
  }

  /** The handler of `IDEMPOTENCY_DEADLINE`: deletes outcomes that are older than a day, some at a time. */
  purge(): void {
    const next = purge(this.#store, OUTCOMES, { keptMs: IDEMPOTENCY_KEY_MS, rowsMax: PURGED_AT_A_TIME });
    if (next !== null) this.#deadlines.set(IDEMPOTENCY_DEADLINE, next);
  }

  /** The newest time of a key that names nothing any more. Its row stays until the next purge. */
  #expired(): number {
    return this.#store.platform.now() - IDEMPOTENCY_KEY_MS;
  }
}
