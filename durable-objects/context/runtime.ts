import { differenceOf } from '../../src/domain/context/difference.ts';
import { applyMergePatch } from '../../src/domain/context/edits.ts';
import type { JsonObject } from '../../src/domain/context/json.ts';
import { applyJsonPatch, type PatchOperation } from '../../src/domain/context/json-patch.ts';
import type { Call } from '../../src/ports/calls.ts';
import type { NewContext } from '../../src/ports/contexts.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import { FIRST_PAGE, type PageQuery } from '../../src/protocol/common/page.ts';
import type {
  Context,
  ContextChange,
  ContextData,
  ContextDiff,
  ContextHistory,
} from '../../src/protocol/context/context.ts';
import type {
  ContextJsonPatch,
  RevertContextRequest,
  UpdateContextRequest,
} from '../../src/protocol/context/requests.ts';
import { Calls } from '../kit/calls/calls.ts';
import { type Due, handlerOf } from '../kit/deadlines.ts';
import type { ObjectPlatform } from '../kit/platform/platform.ts';
import { buildKit, type ObjectKit, runAlarm } from '../kit/runtime.ts';
import { Keyset } from '../kit/storage/keyset.ts';
import { instant } from '../kit/text.ts';
import { type Changed, Changes } from './changes.ts';
import { type ChangeRow, Journal } from './journal.ts';
import { type ContextPorts, NO_PORTS } from './ports.ts';
import { ABSENT, ContextRecords } from './records.ts';
import { CONTEXT_SCHEMA } from './schema.ts';
import { Tiers, tierDestinations } from './tiers.ts';

const NEWEST_FIRST = new Keyset('context_changes', [{ sql: 'version', descending: true }]);

/** Builds the runtime of a context. */
export function buildContext(workspace: WorkspaceId, platform: ObjectPlatform, ports = NO_PORTS): ContextRuntime {
  const kit = buildKit(
    platform,
    CONTEXT_SCHEMA,
    tierDestinations(ports, () => runtime.tiers),
  );
  const runtime: ContextRuntime = new ContextRuntime(workspace, kit, ports);
  return runtime;
}

/** The runtime of a context (`ContextApi`): the only writer of its versions. Each method is one synchronous step. */
export class ContextRuntime {
  readonly #kit: ObjectKit;
  readonly #calls: Calls;
  readonly #records: ContextRecords;
  readonly #journal: Journal;
  readonly #changes: Changes;
  readonly #handle: (name: string, due: Due) => void;
  readonly tiers: Tiers;

  constructor(workspace: WorkspaceId, kit: ObjectKit, ports: ContextPorts) {
    this.#kit = kit;
    this.#records = new ContextRecords(kit.store);
    this.#journal = new Journal(kit.store, (isNew) => this.tiers.changed(isNew));
    this.tiers = new Tiers(workspace, ports, { kit, records: this.#records, journal: this.#journal });
    this.#handle = handlerOf(this.tiers.deadlines);
    this.#changes = new Changes(this.#records, this.#journal);
    this.#calls = new Calls(kit, { workspace, absent: ABSENT, exists: () => this.#records.exists });
  }

  create(call: Call, context: NewContext, data: ContextData): Outcome<Context> {
    const created = this.#calls.create('create', call, () => {
      if (!this.#records.exists) return this.#changes.begin(context, data as JsonObject, call, 'data');
      const { version } = this.#journal.head;
      const detail = `There is a context with this name already. Its id is ${context.id}, and its version ${version}.`;
      return refuse('context_exists', detail, { current: { id: context.id, version } });
    });
    return this.#answer(created);
  }

  createdAt(call: Call): Outcome<string | null> {
    return this.#calls.answer('debug', 'createdAt', call, () => {
      const row = this.#records.find();
      return ok(row ? instant(row.created_at) : null);
    });
  }

  read(call: Call, version?: number): Outcome<Context> {
    return this.#calls.read('read', call, () => this.#view(version));
  }

  update(call: Call, request: UpdateContextRequest | ContextJsonPatch, create?: NewContext): Outcome<Context> {
    const expected = 'updates' in request ? request.expected_version : undefined;
    return this.#write('update', call, expected, create, (data) => patched(data, request));
  }

  revert(call: Call, { version, expected_version }: RevertContextRequest): Outcome<Context> {
    const changed = this.#calls.change('revert', call, () => {
      const past = this.#journal.at(version);
      if (!past) return this.#noSuchVersion(version, 'version');
      return this.#changes.make(past.data, expectedBy(call, expected_version), call);
    });
    return this.#answer(changed);
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
    return this.#calls.change('remove', call, () => {
      const stale = this.#changes.whyStale([], call.if_match);
      if (stale) return stale;
      this.#records.remove(this.#journal.head.version);
      this.tiers.removed();
      return ok(null);
    });
  }

  alarm(): void {
    runAlarm(this.#kit, this.#handle);
  }

  /** Makes the next version, or the first one if the request does not expect another. */
  #write(
    method: string,
    call: Call,
    expected_version: number | undefined,
    create: NewContext | undefined,
    change: (data: JsonObject) => Outcome<JsonObject>,
  ): Outcome<Context> {
    const expected = expectedBy(call, expected_version);
    const write = () => {
      const wanted = change(this.#journal.head.data);
      return wanted.ok ? this.#changes.make(wanted.value, expected, call) : wanted;
    };
    if (create === undefined || expected !== undefined) return this.#answer(this.#calls.change(method, call, write));
    const written = this.#calls.create(method, call, () => {
      if (this.#records.exists) return write();
      const data = change({});
      return data.ok ? this.#changes.begin(create, data.value, call, 'updates') : data;
    });
    return this.#answer(written);
  }

  /**
   * The context as a change has left it. The outcome that is kept for a repeat has only the version, because a context
   * can be as long as a stored value may be. If that version is gone, the repeat gets the newest one.
   */
  #answer(changed: Outcome<Changed>): Outcome<Context> {
    if (!changed.ok) return changed;
    if (!this.#records.exists) return ABSENT;
    const then = this.#view(changed.value.version);
    return then.ok ? then : this.#view();
  }

  #noSuchVersion(version: number, path: string): Outcome<never> {
    const { baseVersion, head } = this.#journal;
    const message = `must be a version from ${baseVersion} to ${head.version}`;
    return refuse('validation_failed', `There is no version ${version} any more, or yet.`, {
      errors: [{ path, message }],
    });
  }

  #view(version?: number): Outcome<Context> {
    const { id, scope, session_id, agent_id, name, created_at } = this.#records.get();
    const shown = version === undefined ? this.#journal.head : this.#journal.at(version);
    if (!shown) return this.#noSuchVersion(version!, 'version');
    return ok({
      id,
      scope,
      session_id,
      agent_id,
      name,
      version: shown.version,
      data: shown.data,
      created_at: instant(created_at),
      updated_at: instant(shown.at),
      updated_by: shown.by,
    });
  }
}

/** The versions that a request accepts; undefined if it accepts any. */
function expectedBy({ if_match }: Call, expected_version: number | undefined): readonly number[] | undefined {
  return if_match ?? (expected_version === undefined ? undefined : [expected_version]);
}

/** The data after a patch. Fails if an operation of a JSON Patch cannot be done. */
function patched(data: JsonObject, request: UpdateContextRequest | ContextJsonPatch): Outcome<JsonObject> {
  if ('updates' in request) return ok(applyMergePatch(data, request.updates as JsonObject));
  const result = applyJsonPatch(data, request.operations as PatchOperation[]);
  if ('value' in result) return ok(result.value);
  const detail = `The operation ${result.index} cannot be done: ${result.problem}. None was done.`;
  return refuse('validation_failed', detail, { errors: [{ path: String(result.index), message: result.problem }] });
}

function changeOf({ version, id, at, by, edits }: ChangeRow): ContextChange {
  return { version, id, at: instant(at), by: JSON.parse(by), edits: JSON.parse(edits) };
}
