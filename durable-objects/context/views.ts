import { differenceOf, maskedDifference } from '../../src/domain/context/difference.ts';
import { type Path, pathOf, pointerOf } from '../../src/domain/context/edits.ts';
import type { JsonObject } from '../../src/domain/context/json.ts';
import { valueIn } from '../../src/domain/context/json-patch.ts';
import { editsAt } from '../../src/domain/context/place-edits.ts';
import { reveal } from '../../src/domain/context/secrets.ts';
import type {
  ContextChangeView,
  ContextDiffView,
  ContextHistoryView,
  ContextKeyView,
  ContextView,
} from '../../src/ports/contexts.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import type { PageQuery } from '../../src/protocol/common/page.ts';
import type { Context } from '../../src/protocol/context/context.ts';
import { Keyset } from '../kit/storage/keyset.ts';
import { Memo } from '../kit/storage/memo.ts';
import type { ObjectStore } from '../kit/storage/store.ts';
import { instant } from '../kit/text.ts';
import type { ChangeRow, Journal, Shown } from './journal.ts';
import type { Lineage } from './lineage.ts';
import type { Merges } from './merges.ts';
import type { ContextRecords } from './records.ts';
import type { Secrets } from './secrets.ts';

const NEWEST_FIRST = new Keyset('context_changes', [{ sql: 'version', descending: true }]);

interface Parts {
  store: ObjectStore;
  records: ContextRecords;
  journal: Journal;
  lineage: Lineage;
  merges: Merges;
  secrets: Secrets;
  /** See `Tiers`. */
  shape: () => number;
}

/** What callers see of a context. Each value of it is masked, or revealed to a caller that may see secrets. */
export class ContextViews {
  readonly #parts: Parts;
  readonly #shape: Memo<Pick<Context, 'parents' | 'links' | 'open_conflicts'>>;

  constructor(parts: Parts) {
    const { store, lineage, merges, shape } = parts;
    this.#parts = parts;
    const compute = () => {
      return { parents: lineage.parents(), links: lineage.links(), open_conflicts: merges.openConflicts() };
    };
    this.#shape = new Memo(store, compute, shape);
  }

  /** @param sees whether the caller may see secrets @param version an older version; by default, the newest one */
  context(sees: boolean, version?: number): Outcome<ContextView> {
    const { journal } = this.#parts;
    const shown = version === undefined ? journal.head : journal.at(version);
    return shown ? ok(this.contextOf(shown, sees)) : this.noSuchVersion(version!, 'version');
  }

  contextOf(shown: Shown, sees: boolean): ContextView {
    const { records, secrets } = this.#parts;
    const { id, scope, session_id, agent_id, name, created_at } = records.get();
    return {
      ...{ id, scope, session_id, agent_id, name },
      version: shown.version,
      data: (sees ? reveal(shown.data) : secrets.mask(shown.data)) as ContextView['data'],
      ...this.#shape.value,
      secret_paths: secrets.marks(),
      created_at: instant(created_at),
      updated_at: instant(shown.at),
      updated_by: shown.by,
    };
  }

  key(pointer: string, sees: boolean, version?: number): Outcome<ContextKeyView> {
    const { records, journal, secrets } = this.#parts;
    const { version: now, data, stamps } = (version && journal.at(version)) || journal.head;
    // Who may not see a secret does not learn which names are in it.
    const path = ofLastItem(data, pathOf(sees ? pointer : secrets.placeOf(pointer)));
    const value = valueIn(data, path);
    if (value === undefined) return noSuchKey(pointer);
    const changed = stamps.newestIn(path, data);
    return ok({
      ...{ id: records.get().id, path: pointerOf(path), version: now },
      value: sees ? reveal(value) : secrets.mask(value, path),
      changed: { version: changed.version, at: instant(changed.at), by: changed.by },
    });
  }

  history(page: PageQuery): Outcome<ContextHistoryView> {
    const { store, journal } = this.#parts;
    const rows = NEWEST_FIRST.page<ChangeRow>(store, { select: '*', from: 'changes', chars: 'length(edits)' }, page);
    if (!rows.ok) return rows;
    const { items, next_cursor } = rows.value;
    return ok({ items: items.map((row) => this.change(row)), next_cursor, base_version: journal.baseVersion });
  }

  /** What a change has done at a place and below it. @param place by default the root */
  change({ version, id, at, by, edits, merged }: ChangeRow, place: Path = []): ContextChangeView {
    const shown = this.#parts.secrets.maskEdits(editsAt(JSON.parse(edits), place));
    const change = { version, id, at: instant(at), by: JSON.parse(by), edits: shown };
    return merged === null ? change : { ...change, merged: JSON.parse(merged) };
  }

  diff(from: number, to: number): Outcome<ContextDiffView> {
    const { journal, secrets } = this.#parts;
    const [before, after] = [journal.at(from), journal.at(to)];
    if (!before) return this.noSuchVersion(from, 'from');
    if (!after) return this.noSuchVersion(to, 'to');
    return ok(
      maskedDifference(differenceOf(before.data, after.data), {
        mask: (value, path) => secrets.mask(value, pathOf(path)),
        placeOf: (path) => secrets.placeOf(path),
      }),
    );
  }

  noSuchVersion(version: number, path: string): Outcome<never> {
    const { baseVersion, head } = this.#parts.journal;
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
