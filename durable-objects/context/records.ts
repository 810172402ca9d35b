import { refuse } from '../../src/protocol/common/errors.ts';
import type { Context, ContextId } from '../../src/protocol/context/context.ts';
import type { ObjectStore } from '../kit/storage/store.ts';

export interface ContextRow {
  id: ContextId;
  scope: Context['scope'];
  session_id: string | null;
  agent_id: string | null;
  created_at: number;
  deleted_at: number | null;
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

  /** The row of a context that exists. */
  get(): ContextRow {
    return this.find()!;
  }

  get exists(): boolean {
    return this.find()?.deleted_at === null;
  }

  insert({ id, scope, session_id, agent_id }: Pick<ContextRow, 'id' | 'scope' | 'session_id' | 'agent_id'>): void {
    this.#store.rows(
      `INSERT INTO context (one, id, scope, session_id, agent_id, base_version, created_at) VALUES (1, ?, ?, ?, ?, 1, ?)`,
      id,
      scope,
      session_id,
      agent_id,
      this.#store.platform.now(),
    );
  }

  /** Deletes the context with its data. The row stays, so that the id is known. */
  remove(): void {
    this.#store.rows(`UPDATE context SET deleted_at = ?`, this.#store.platform.now());
    for (const table of ['base_parts', 'changes'] as const) this.#store.rows(`DELETE FROM ${table}`);
  }
}
