import type { NewContext } from '../../src/ports/contexts.ts';
import { refuse } from '../../src/protocol/common/errors.ts';
import { CachedRows } from '../kit/storage/cached-rows.ts';
import type { ObjectStore } from '../kit/storage/store.ts';

export interface ContextRow extends NewContext {
  /** The oldest version that can be read; of a deleted context, its last one. */
  base_version: number;
  created_at: number;
  deleted_at: number | null;
  /** The version that Postgres has of a retired context; null of one whose data is here. */
  retired_version: number | null;
}

export const ABSENT = refuse('context_not_found', 'There is no such context. It may have been deleted.');

const ONE = 1;

/** The row of a context: whose it is. It is kept in memory. */
export class ContextRecords {
  readonly #store: ObjectStore;
  readonly #rows: CachedRows<ContextRow & { one: typeof ONE }>;

  constructor(store: ObjectStore) {
    this.#store = store;
    this.#rows = new CachedRows(store, 'context', 'one');
  }

  /** The row, also of a deleted context; undefined if there was none. */
  find(): ContextRow | undefined {
    return this.#store.created ? this.#rows.get(ONE) : undefined;
  }

  /** The row of a context that exists, also in the transaction that creates it. */
  get(): ContextRow {
    return this.#rows.get(ONE)!;
  }

  get exists(): boolean {
    return this.find()?.deleted_at === null;
  }

  /** Whether the context exists, and its data is here. */
  get isLive(): boolean {
    const row = this.find();
    return row !== undefined && row.deleted_at === null && row.retired_version === null;
  }

  get isRetired(): boolean {
    return (this.find()?.retired_version ?? null) !== null;
  }

  /** Makes the row of a new context, or of one that was deleted. @returns its first version */
  begin({ id, scope, session_id, agent_id, name }: NewContext): number {
    const [created_at, deleted] = [this.#store.platform.now(), this.find()];
    const base_version = deleted ? deleted.base_version + 1 : 1;
    if (deleted) this.#rows.update(ONE, { base_version, created_at, deleted_at: null });
    else {
      const owner = { id, scope, session_id, agent_id, name };
      this.#rows.put({ one: ONE, ...owner, base_version, created_at, deleted_at: null, retired_version: null });
    }
    return base_version;
  }

  /** Older versions than this one can no longer be read. */
  folded(base_version: number): void {
    this.#rows.update(ONE, { base_version });
  }

  /** Deletes the context with its data. The row stays with its last version, after which another one goes on. */
  remove(version: number): void {
    this.#rows.update(ONE, { deleted_at: this.#store.platform.now(), base_version: version });
    for (const table of ['base_parts', 'changes', 'parents', 'links', 'conflicts'] as const) {
      this.#store.rows(`DELETE FROM ${table}`);
    }
  }

  /** The data is in Postgres, in this version. */
  retired(version: number): void {
    this.#rows.update(ONE, { retired_version: version });
    for (const table of ['base_parts', 'changes'] as const) this.#store.rows(`DELETE FROM ${table}`);
  }

  /** The data is here again. @param base_version the oldest version that can be read */
  warmed(base_version: number): void {
    this.#rows.update(ONE, { retired_version: null, base_version });
  }
}
