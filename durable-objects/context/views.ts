import { differenceOf } from '../../src/domain/context/difference.ts';
import { type Path, pathOf, pointerOf } from '../../src/domain/context/edits.ts';
import type { JsonObject } from '../../src/domain/context/json.ts';
import { valueIn } from '../../src/domain/context/json-patch.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import type { PageQuery } from '../../src/protocol/common/page.ts';
import type {
  Context,
  ContextChange,
  ContextDiff,
  ContextHistory,
  ContextKey,
} from '../../src/protocol/context/context.ts';
import { Keyset } from '../kit/storage/keyset.ts';
import { Memo } from '../kit/storage/memo.ts';
import type { ObjectStore } from '../kit/storage/store.ts';
import { instant } from '../kit/text.ts';
import type { ChangeRow, Journal, Shown } from './journal.ts';
import type { Lineage } from './lineage.ts';
import type { Merges } from './merges.ts';
import type { ContextRecords } from './records.ts';

const NEWEST_FIRST = new Keyset('context_changes', [{ sql: 'version', descending: true }]);

interface Parts {
  store: ObjectStore;
  records: ContextRecords;
  journal: Journal;
  lineage: Lineage;
  merges: Merges;
}

/** What callers see of a context. */
export class ContextViews {
  readonly #store: ObjectStore;
  readonly #records: ContextRecords;
  readonly #journal: Journal;
  readonly #shape: Memo<Pick<Context, 'parents' | 'links' | 'open_conflicts'>>;

  constructor({ store, records, journal, lineage, merges }: Parts) {
    this.#shape = new Memo(store, () => {
      return { parents: lineage.parents(), links: lineage.links(), open_conflicts: merges.openConflicts() };
    });
    this.#store = store;
    this.#records = records;
    this.#journal = journal;
  }

  /** @param version an older version; by default, the newest one */
  context(version?: number): Outcome<Context> {
    const shown = version === undefined ? this.#journal.head : this.#journal.at(version);
    return shown ? ok(this.contextOf(shown)) : this.noSuchVersion(version!, 'version');
  }

  contextOf(shown: Shown): Context {
    const { id, scope, session_id, agent_id, name, created_at } = this.#records.get();
    return {
      ...{ id, scope, session_id, agent_id, name },
      version: shown.version,
      data: shown.data,
      ...this.#shape.value,
      created_at: instant(created_at),
      updated_at: instant(shown.at),
      updated_by: shown.by,
    };
  }

  key(pointer: string, version?: number): Outcome<ContextKey> {
    const { version: now, data, stamps } = (version && this.#journal.at(version)) || this.#journal.head;
    const path = ofLastItem(data, pathOf(pointer));
    const value = valueIn(data, path);
    if (value === undefined) return noSuchKey(pointer);
    const changed = stamps.newestIn(path);
    return ok({
      ...{ id: this.#records.get().id, path: pointerOf(path), value, version: now },
      changed: { version: changed.version, at: instant(changed.at), by: changed.by },
    });
  }

  history(page: PageQuery): Outcome<ContextHistory> {
    const rows = NEWEST_FIRST.page<ChangeRow>(this.#store, { select: '*', from: 'changes' }, page);
    if (!rows.ok) return rows;
    const { items, next_cursor } = rows.value;
    return ok({ items: items.map(changeOf), next_cursor, base_version: this.#journal.baseVersion });
  }

  diff(from: number, to: number): Outcome<ContextDiff> {
    const [before, after] = [this.#journal.at(from), this.#journal.at(to)];
    if (!before) return this.noSuchVersion(from, 'from');
    if (!after) return this.noSuchVersion(to, 'to');
    return ok(differenceOf(before.data, after.data));
  }

  noSuchVersion(version: number, path: string): Outcome<never> {
    const { baseVersion, head } = this.#journal;
    const message = `must be a version from ${baseVersion} to ${head.version}`;
    return refuse('validation_failed', `There is no version ${version} any more, or yet.`, {
      errors: [{ path, message }],
    });
  }
}

/** `-` is where a new item was put: at the end of its array. */
function ofLastItem(data: JsonObject, path: Path): Path {
  const items = path.at(-1) === '-' ? valueIn(data, path.slice(0, -1)) : undefined;
  return Array.isArray(items) ? [...path.slice(0, -1), String(items.length - 1)] : path;
}

export function noSuchKey(pointer: string): Outcome<never> {
  return refuse('not_found', `The context has no value at ${pointer}.`);
}

export function changeOf({ version, id, at, by, edits, merged }: ChangeRow): ContextChange {
  const change = { version, id, at: instant(at), by: JSON.parse(by), edits: JSON.parse(edits) };
  return merged === null ? change : { ...change, merged: JSON.parse(merged) };
}
