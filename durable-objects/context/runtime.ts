import { whyOutOfBounds } from '../../src/domain/context/bounds.ts';
import { differenceOf } from '../../src/domain/context/difference.ts';
import { applyMergePatch, type Edit, editsBetween, pathOf, valueAt } from '../../src/domain/context/edits.ts';
import type { JsonObject } from '../../src/domain/context/json.ts';
import type { Call } from '../../src/ports/calls.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import { FIRST_PAGE, type PageQuery } from '../../src/protocol/common/page.ts';
import type {
  Context,
  ContextChange,
  ContextDiff,
  ContextHistory,
  ContextId,
  ContextWriter,
} from '../../src/protocol/context/context.ts';
import type {
  CreateContextRequest,
  RevertContextRequest,
  UpdateContextRequest,
} from '../../src/protocol/context/requests.ts';
import type { Principal } from '../../src/protocol/workspace/token.ts';
import { Calls } from '../kit/calls/calls.ts';
import type { ObjectPlatform } from '../kit/platform/platform.ts';
import { buildKit, type ObjectKit, runAlarm } from '../kit/runtime.ts';
import { Keyset } from '../kit/storage/keyset.ts';
import { instant } from '../kit/text.ts';
import { type ChangeRow, CONTEXT_BOUNDS, Journal } from './journal.ts';
import { CONTEXT_SCHEMA } from './schema.ts';

interface ContextRow {
  id: ContextId;
  scope: Context['scope'];
  session_id: string | null;
  agent_id: string | null;
  created_at: number;
  deleted_at: number | null;
}

const ABSENT = refuse('context_not_found', 'There is no such context. It may have been deleted.');
const NEWEST_FIRST = new Keyset('context_changes', [{ sql: 'version', descending: true }]);
/** How many places in conflict an error names. */
const SHOWN_CONFLICTS = 20;

/** Builds the runtime of a context. */
export function buildContext(workspace: WorkspaceId, platform: ObjectPlatform): ContextRuntime {
  const kit = buildKit(platform, CONTEXT_SCHEMA, []);
  return new ContextRuntime(workspace, kit, new Journal(kit.store));
}

/** The runtime of a context (`ContextApi`): the only writer of its versions. Each method is one synchronous step. */
export class ContextRuntime {
  readonly #kit: ObjectKit;
  readonly #calls: Calls;
  readonly #journal: Journal;

  constructor(workspace: WorkspaceId, kit: ObjectKit, journal: Journal) {
    this.#kit = kit;
    this.#journal = journal;
    this.#calls = new Calls(kit, { workspace, absent: ABSENT, exists: () => this.#found?.deleted_at === null });
  }

  create(call: Call, id: ContextId, { scope, session_id, agent_id, data }: CreateContextRequest): Outcome<Context> {
    const { store } = this.#kit;
    return this.#calls.create('create', call, () => {
      if (this.#row !== undefined) return ABSENT;
      const problem = whyOutOfBounds(data as JsonObject, CONTEXT_BOUNDS);
      if (problem !== null)
        return refuse('validation_failed', problem, { errors: [{ path: 'data', message: problem }] });
      const row = { id, scope, session_id: session_id ?? null, agent_id: agent_id ?? null };
      store.rows(
        `INSERT INTO context (one, id, scope, session_id, agent_id, base_version, created_at) VALUES (1, ?, ?, ?, ?, 1, ?)`,
        ...Object.values(row),
        store.platform.now(),
      );
      this.#journal.begin(data as JsonObject, writerOf(call.principal));
      return this.#view();
    });
  }

  createdAt(call: Call): Outcome<string | null> {
    return this.#calls.answer('debug', 'createdAt', call, () =>
      ok(this.#found ? instant(this.#found.created_at) : null),
    );
  }

  read(call: Call, version?: number): Outcome<Context> {
    return this.#calls.read('read', call, () => this.#view(version));
  }

  update(call: Call, { updates, expected_version }: UpdateContextRequest): Outcome<Context> {
    return this.#change('update', call, expected_version, (data) => ok(applyMergePatch(data, updates as JsonObject)));
  }

  revert(call: Call, { version, expected_version }: RevertContextRequest): Outcome<Context> {
    return this.#change('revert', call, expected_version, () => {
      const past = this.#journal.at(version);
      return past ? ok(past.data) : this.#noSuchVersion(version, 'version');
    });
  }

  history(call: Call, page: PageQuery = FIRST_PAGE): Outcome<ContextHistory> {
    return this.#calls.read('history', call, () => {
      const rows = NEWEST_FIRST.page<ChangeRow>(this.#kit.store, { select: '*', from: 'changes' }, page);
      if (!rows.ok) return rows;
      const items = rows.value.items.map(changeOf);
      return ok({ items, next_cursor: rows.value.next_cursor, base_version: this.#journal.baseVersion });
    });
  }

  diff(call: Call, from: number, to: number): Outcome<ContextDiff> {
    return this.#calls.read('diff', call, () => {
      const [before, after] = [this.#journal.at(from), this.#journal.at(to)];
      if (!before) return this.#noSuchVersion(from, 'from');
      if (!after) return this.#noSuchVersion(to, 'to');
      return ok(differenceOf(before.data, after.data));
    });
  }

  remove(call: Call): Outcome<null> {
    const { store } = this.#kit;
    return this.#calls.change('remove', call, () => {
      const stale = this.#whyStale([], call.if_match);
      if (stale) return stale;
      store.rows(`UPDATE context SET deleted_at = ?`, store.platform.now());
      for (const table of ['base_parts', 'changes'] as const) store.rows(`DELETE FROM ${table}`);
      return ok(null);
    });
  }

  alarm(): void {
    runAlarm(this.#kit, () => {});
  }

  /** The row of the context, also if it was deleted. The object must have its tables. */
  get #row(): ContextRow | undefined {
    return this.#kit.store.row<ContextRow>(`SELECT * FROM context`);
  }

  get #found(): ContextRow | undefined {
    return this.#kit.store.created ? this.#row : undefined;
  }

  /** Makes the next version, if `next` is another value than the present one. */
  #change(
    method: string,
    call: Call,
    expected: number | undefined,
    next: (data: JsonObject) => Outcome<JsonObject>,
  ): Outcome<Context> {
    return this.#calls.change(method, call, () => {
      const wanted = next(this.#journal.head.data);
      if (!wanted.ok) return wanted;
      const edits = editsBetween(this.#journal.head.data, wanted.value);
      const stale = this.#whyStale(edits, call.if_match ?? (expected === undefined ? undefined : [expected]));
      if (stale) return stale;
      if (edits.length === 0) return this.#view();
      const problem = this.#journal.whyNot(edits);
      if (problem !== null)
        return refuse('validation_failed', problem, { errors: [{ path: 'updates', message: problem }] });
      this.#journal.append(edits, writerOf(call.principal));
      return this.#view();
    });
  }

  /** The refusal of a change by a writer that has seen none of the newest version; null if it may go on. */
  #whyStale(edits: readonly Edit[], expected: readonly number[] | undefined): Outcome<never> | null {
    const { version, data, stamps } = this.#journal.head;
    if (expected === undefined || expected.includes(version)) return null;
    const seen = Math.max(0, ...expected.filter((one) => one < version));
    const inConflict = edits.filter(({ path }) => stamps.newestIn(pathOf(path)).version > seen);
    const keys = inConflict.slice(0, SHOWN_CONFLICTS).map(({ path, value }) => {
      const current = valueAt(data, pathOf(path));
      return { path, ...(current !== undefined && { current }), ...(value !== undefined && { yours: value }) };
    });
    const can_merge = inConflict.length === 0;
    const where = inConflict
      .slice(0, SHOWN_CONFLICTS)
      .map(({ path }) => path)
      .join(', ');
    const detail = can_merge
      ? `The context has version ${version}. Your changes are in other places: send them again with that version.`
      : `The context has version ${version}, and others have changed ${where} since. Read it, and decide which value counts.`;
    return refuse('context_conflict', detail, { current: { version, can_merge, keys } });
  }

  #noSuchVersion(version: number, path: string): Outcome<never> {
    const { baseVersion, head } = this.#journal;
    const message = `must be a version from ${baseVersion} to ${head.version}`;
    return refuse('validation_failed', `There is no version ${version} any more, or yet.`, {
      errors: [{ path, message }],
    });
  }

  #view(version?: number): Outcome<Context> {
    const { id, scope, session_id, agent_id, created_at } = this.#row!;
    const shown = version === undefined ? this.#journal.head : this.#journal.at(version);
    if (!shown) return this.#noSuchVersion(version!, 'version');
    return ok({
      id,
      scope,
      session_id,
      agent_id,
      version: shown.version,
      data: shown.data,
      created_at: instant(created_at),
      updated_at: instant(shown.at),
      updated_by: shown.by,
    });
  }
}

function changeOf({ version, id, at, by, edits }: ChangeRow): ContextChange {
  return { version, id, at: instant(at), by: JSON.parse(by), edits: JSON.parse(edits) };
}

function writerOf({ token_id, agent }: Principal): ContextWriter {
  return { token_id, agent_id: agent?.id ?? null, task_id: null, epoch: null };
}
