import type { NewContext } from '../../src/ports/contexts.ts';
import { refuse } from '../../src/protocol/common/errors.ts';
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

/** The row of a context: whose it is. */
export class ContextRecords {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** The row, also of a deleted context; undefined if there was none. */
  find(): ContextRow | undefined {
    return this.#store.created ? this.#store.row<ContextRow>(`SELECT * FROM context`) : undefined;
  }

  /** The row of a context that exists, also in the transaction that creates it. */
  get(): ContextRow {
    return this.#store.row<ContextRow>(`SELECT * FROM context`)!;
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
    const [now, deleted] = [this.#store.platform.now(), this.find()];
    if (deleted) {
      const version = deleted.base_version + 1;
      this.#store.rows(`UPDATE context SET base_version = ?, created_at = ?, deleted_at = NULL`, version, now);
      return version;
    }
    this.#store.rows(
      `INSERT INTO context (one, id, scope, session_id, agent_id, name, base_version, created_at)
       VALUES (1, ?, ?, ?, ?, ?, 1, ?)`,
      ...[id, scope, session_id, agent_id, name, now],
    );
    return 1;
  }

  /** Deletes the context with its data. The row stays with its last version, after which another one goes on. */
  remove(version: number): void {
    this.#store.rows(`UPDATE context SET deleted_at = ?, base_version = ?`, this.#store.platform.now(), version);
    for (const table of ['base_parts', 'changes', 'parents', 'links', 'conflicts'] as const) {
      this.#store.rows(`DELETE FROM ${table}`);
    }
  }

  /** The data is in Postgres, in this version. */
  retired(version: number): void {
    this.#store.rows(`UPDATE context SET retired_version = ?`, version);
    for (const table of ['base_parts', 'changes'] as const) this.#store.rows(`DELETE FROM ${table}`);
  }

  /** The data is here again. @param baseVersion the oldest version that can be read */
  warmed(baseVersion: number): void {
    this.#store.rows(`UPDATE context SET retired_version = NULL, base_version = ?`, baseVersion);
  }
}
