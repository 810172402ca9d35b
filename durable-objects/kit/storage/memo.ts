import type { ObjectStore } from './store.ts';

/**
 * A value that is computed from an object's rows, and kept in memory until the object writes. So an object that is read
 * often and changes seldom answers without a statement.
 *
 * Inside a transaction the value is computed each time, because rows that this transaction changes may be in memory
 * only, and because it may fail.
 *
 * @example
 * const open = new Memo(store, () => store.row<{ n: number }>('SELECT COUNT(*) AS n FROM approvals')!.n);
 * open.value; // a statement
 * open.value; // none
 */
export class Memo<Value> {
  readonly #store: ObjectStore;
  readonly #compute: () => Value;
  #kept: { revision: number; value: Value } | null = null;

  constructor(store: ObjectStore, compute: () => Value) {
    this.#store = store;
    this.#compute = compute;
  }

  /** The value at present. Callers share it, and must not change it. */
  get value(): Value {
    const { revision, transaction } = this.#store;
    if (transaction) return this.#compute();
    if (this.#kept?.revision !== revision) this.#kept = { revision, value: this.#compute() };
    return this.#kept.value;
  }
}
