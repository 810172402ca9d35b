import type { Parent } from '../../src/domain/context/ancestor.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import { MAX_CONTEXT_LINKS, MAX_CONTEXT_PARENTS } from '../../src/protocol/common/limits.ts';
import type { ContextLink } from '../../src/protocol/context/context.ts';
import type { ObjectStore } from '../kit/storage/store.ts';

interface Keyed {
  /** JSON: JSON Pointers, or null. */
  keys: string;
}

/** What a context was copied from or has merged (`parents`), and what is effective together with it (`links`). */
export class Lineage {
  readonly #store: ObjectStore;

  readonly #reshaped: () => void;

  /** @param reshaped is called in each transaction that changes it */
  constructor(store: ObjectStore, reshaped: () => void) {
    this.#store = store;
    this.#reshaped = reshaped;
  }

  /** The newest first. */
  parents(): Parent[] {
    return this.#store
      .rows<Omit<Parent, 'keys'> & Keyed>(`SELECT * FROM parents ORDER BY own_version DESC, id`)
      .map(({ id, version, own_version, keys }) => ({ id, version, own_version, keys: JSON.parse(keys) }));
  }

  /** Notes a parent. The oldest ones are forgotten. */
  add({ id, version, own_version, keys }: Parent): void {
    this.#reshaped();
    this.#store.rows(
      `INSERT INTO parents (id, keys, version, own_version) VALUES (?, ?, ?, ?)
       ON CONFLICT (id, keys) DO UPDATE SET version = excluded.version, own_version = excluded.own_version`,
      ...[id, JSON.stringify(keys), version, own_version],
    );
    for (const old of this.parents().slice(MAX_CONTEXT_PARENTS)) {
      this.#store.rows(`DELETE FROM parents WHERE id = ? AND keys = ?`, old.id, JSON.stringify(old.keys));
    }
  }

  links(): ContextLink[] {
    return this.#store
      .rows<{ id: string } & Keyed>(`SELECT * FROM links ORDER BY id`)
      .map(({ id, keys }) => ({ id, keys: JSON.parse(keys) }));
  }

  link({ id, keys }: ContextLink): Outcome<null> {
    const others = this.links().filter((link) => link.id !== id);
    if (others.length >= MAX_CONTEXT_LINKS) {
      return refuse('limit_reached', `The context has ${MAX_CONTEXT_LINKS} links. Remove one that is not needed.`);
    }
    this.#reshaped();
    this.#store.rows(`INSERT OR REPLACE INTO links (id, keys) VALUES (?, ?)`, id, JSON.stringify(keys));
    return ok(null);
  }

  unlink(id: string): void {
    this.#reshaped();
    this.#store.rows(`DELETE FROM links WHERE id = ?`, id);
  }
}
