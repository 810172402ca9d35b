import { takenFrom } from '../../src/domain/context/ancestor.ts';
import { conflict as conflictOf } from '../../src/domain/context/condition.ts';
import { editsBetween, pathOf } from '../../src/domain/context/edits.ts';
import { isSame, type Json, type JsonObject } from '../../src/domain/context/json.ts';
import { type MergeConflict, merge } from '../../src/domain/context/merge.ts';
import { valueAtPlace, withValueAtPlace } from '../../src/domain/context/place.ts';
import { Stamps } from '../../src/domain/context/stamps.ts';
import { strategyOf } from '../../src/domain/context/strategies.ts';
import type { Call } from '../../src/ports/calls.ts';
import type {
  ContextConflictsView,
  ContextConflictView,
  MergeInto,
  MergeSource,
  NewContext,
} from '../../src/ports/contexts.ts';
import { type Failure, type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import { MAX_CONTEXT_CONFLICTS } from '../../src/protocol/common/limits.ts';
import type { PageQuery } from '../../src/protocol/common/page.ts';
import type { ResolveConflictRequest } from '../../src/protocol/context/merge.ts';
import { Keyset } from '../kit/storage/keyset.ts';
import type { ObjectStore } from '../kit/storage/store.ts';
import { instant } from '../kit/text.ts';
import type { Changed, Changes } from './changes.ts';
import type { Journal } from './journal.ts';
import type { Lineage } from './lineage.ts';
import type { Secrets } from './secrets.ts';

interface ConflictRow {
  n: number;
  path: string;
  /** JSON; null if there is no value. */
  base: string | null;
  source: string | null;
  source_id: string;
  source_version: number;
  at_version: number;
  at: number;
}

const OLDEST_FIRST = new Keyset('context_conflicts', [{ sql: 'n', descending: false }]);
/** The stamps of a context that is made by a merge. */
const NO_STAMPS = { stamp: { version: 0, at: 0, by: '' } };

interface Parts {
  store: ObjectStore;
  journal: Journal;
  changes: Changes;
  lineage: Lineage;
  secrets: Secrets;
  /** Called in each transaction that changes the open conflicts. */
  reshaped(): void;
}

/** Merges into a context, and their conflicts. Each change is part of a transaction. */
export class Merges {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @param create what the context is, if it does not exist */
  merge(call: Call, { strategy, sources }: MergeInto, create: NewContext | null): Outcome<Changed> {
    const { journal, changes, lineage } = this.#parts;
    const head = create ? null : journal.head;
    const parents = create ? [] : lineage.parents();
    if (sources.some(({ id, keys, taken }) => (takenFrom(parents, id, keys)?.version ?? null) !== taken)) {
      return conflictOf('The contexts have been merged meanwhile. Send the request again.', {
        version: head?.version ?? 0,
        can_merge: true,
        keys: [],
      });
    }
    let data = head?.data ?? {};
    const stamps = new Stamps(structuredClone(head?.stamps.root ?? NO_STAMPS));
    const open: { source: MergeSource; conflict: MergeConflict }[] = [];
    for (const source of sources) {
      const theirs = new Stamps(source.stamps);
      const ours = data;
      const other = source.data as JsonObject;
      const decided = strategyOf(strategy, {
        target: (place) => stamps.newestIn(place, ours),
        source: (place) => theirs.newestIn(place, other),
      });
      const { value, conflicts } = merge(this.#baseOf(source), ours, other, decided);
      for (const edit of editsBetween(ours, value)) {
        stamps.record([edit], theirs.newestIn(pathOf(edit.path), other), ours);
      }
      data = value;
      open.push(...conflicts.map((conflict) => ({ source, conflict })));
    }
    if (this.openConflicts() + open.length > MAX_CONTEXT_CONFLICTS) {
      const detail = `The context would have more than ${MAX_CONTEXT_CONFLICTS} open conflicts. Decide some, or merge with another strategy.`;
      return refuse('limit_reached', detail);
    }
    const merged = sources.map(({ id, version }) => ({ id, version }));
    const marks = sources.flatMap(({ secret_paths }) => secret_paths);
    const changed = create
      ? changes.begin(create, data, call, 'data', marks)
      : changes.make(data, { versions: call.if_match }, call, { merged, marks });
    if (!changed.ok) return changed;
    const own_version = changed.value.version;
    for (const { id, version, keys } of sources) lineage.add({ id, version, own_version, keys });
    for (const source of sources) this.#closeAgreed(source, data);
    for (const { source, conflict } of open) this.#open(source, conflict, own_version);
    return changed;
  }

  openConflicts(): number {
    return this.#parts.store.row<{ count: number }>(`SELECT COUNT(*) AS count FROM conflicts`)!.count;
  }

  conflicts(page: PageQuery): Outcome<ContextConflictsView> {
    const { store } = this.#parts;
    const chars = `ifnull(length(base), 0) + ifnull(length(source), 0)`;
    const rows = OLDEST_FIRST.page<ConflictRow>(store, { select: '*', from: 'conflicts', chars }, page);
    if (!rows.ok) return rows;
    const items = rows.value.items.map((row) => this.#view(row));
    return ok({ items, next_cursor: rows.value.next_cursor });
  }

  /** Fails with `context_conflict` if somebody has changed the place since the merge. */
  resolve(call: Call, n: number, { choose, value }: ResolveConflictRequest): Outcome<Changed> {
    const { store, journal, changes, reshaped } = this.#parts;
    const row = store.row<ConflictRow>(`SELECT * FROM conflicts WHERE n = ?`, n);
    if (!row) return refuse('not_found', `The context has no open conflict ${n}. It may have been decided.`);
    const { data } = journal.head;
    const put = choose === 'source' ? parsed(row.source) : (value as Json | undefined);
    const wanted = choose === 'current' ? data : withValueAtPlace(data, pathOf(row.path), put);
    const expected = { versions: call.if_match ?? [row.at_version], atPlaces: true };
    const merged = [{ id: row.source_id, version: row.source_version }];
    const changed = changes.make(wanted, expected, call, { merged });
    if (!changed.ok) return changed.failure.code === 'context_conflict' ? this.#moved(row, changed.failure) : changed;
    store.rows(`DELETE FROM conflicts WHERE n = ?`, n);
    reshaped();
    return changed;
  }

  /** The refusal of an answer whose author has not seen what the place has now. The same answer again would be refused. */
  #moved({ path }: ConflictRow, { current }: Failure): Outcome<never> {
    const { journal, secrets } = this.#parts;
    const detail = `Others have changed ${secrets.placeOf(path)} since the merge. Choose current to keep what it has now. To replace that, set the place and then choose current, or send If-Match: "${journal.head.version}".`;
    return refuse('context_conflict', detail, { current, retryable: false });
  }

  #view({ base, source, at, ...row }: ConflictRow): ContextConflictView {
    const { journal, secrets } = this.#parts;
    const current = valueAtPlace(journal.head.data, pathOf(row.path));
    return {
      ...row,
      path: secrets.placeOf(row.path),
      ...secrets.maskAs('base', parsed(base), row.path),
      ...secrets.maskAs('current', current, row.path),
      ...secrets.maskAs('source', parsed(source), row.path),
      at: instant(at),
    };
  }

  #baseOf({ base }: MergeSource): JsonObject | undefined {
    if (base === null) return undefined;
    return 'data' in base ? (base.data as JsonObject) : this.#parts.journal.known(base.own_version);
  }

  /** Closes the conflicts of earlier merges with a source that has the same value there by now. */
  #closeAgreed({ id, keys, data: theirs }: MergeSource, data: JsonObject): void {
    const { store } = this.#parts;
    for (const { n, path } of store.rows<ConflictRow>(`SELECT * FROM conflicts WHERE source_id = ?`, id)) {
      const isPart = keys === null || keys.some((key) => path === key || path.startsWith(`${key}/`));
      const [ours, other] = [data, theirs as JsonObject].map((side) => valueAtPlace(side, pathOf(path)));
      if (isPart && isSame(ours, other)) store.rows(`DELETE FROM conflicts WHERE n = ?`, n);
    }
  }

  /** A newer conflict with the same source at the same place takes the place of an older one. */
  #open({ id, version }: MergeSource, { path, base, source }: MergeConflict, at_version: number): void {
    const { store } = this.#parts;
    store.rows(`DELETE FROM conflicts WHERE source_id = ? AND path = ?`, id, path);
    store.rows(
      `INSERT INTO conflicts (path, base, source, source_id, source_version, at_version, at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ...[path, json(base), json(source), id, version, at_version, store.platform.now()],
    );
  }
}

const json = (value: Json | undefined) => (value === undefined ? null : JSON.stringify(value));
const parsed = (text: string | null) => (text === null ? undefined : (JSON.parse(text) as Json));
