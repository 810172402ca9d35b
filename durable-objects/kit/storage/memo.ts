import type { ObjectStore } from './store.ts';

/**
 * A value that is computed from an object's rows, and kept in memory until the object writes, or until `version` grows.
 * So an object that is read often and changes seldom answers without a statement.
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
  readonly #version: () => number;
  #kept: { version: number; value: Value } | null = null;

  /** @param version grows in each transaction that changes the value; by default, in each one */
  constructor(store: ObjectStore, compute: () => Value, version: () => number = () => store.revision) {
    this.#store = store;
    this.#compute = compute;
    this.#version = version;
  }

  /** The value at present. Callers share it, and must not change it. */
  get value(): Value {
    if (this.#store.transaction) return this.#compute();
    const version = this.#version();
    if (this.#kept?.version !== version) this.#kept = { version, value: this.#compute() };
    return this.#kept.value;
  }
}
