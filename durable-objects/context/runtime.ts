import { readerOf, whyMayNot } from '../../src/domain/context/access.ts';
import { applyMergePatch, pathOf } from '../../src/domain/context/edits.ts';
import type { JsonObject } from '../../src/domain/context/json.ts';
import { applyJsonPatch, operationsToPut, type PatchOperation, valueIn } from '../../src/domain/context/json-patch.ts';
import type { Call } from '../../src/ports/calls.ts';
import type { ContextSnapshot, MergeInto, NewContext } from '../../src/ports/contexts.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import { FIRST_PAGE, type PageQuery } from '../../src/protocol/common/page.ts';
import { CLOSE } from '../../src/protocol/common/socket.ts';
import type {
  Context,
  ContextData,
  ContextDiff,
  ContextHistory,
  ContextId,
  ContextKey,
  ContextLink,
} from '../../src/protocol/context/context.ts';
import type { ContextConflicts, ResolveConflictRequest } from '../../src/protocol/context/merge.ts';
import type {
  ContextJsonPatch,
  PutContextKeyRequest,
  RevertContextRequest,
  UpdateContextRequest,
} from '../../src/protocol/context/requests.ts';
import { Calls } from '../kit/calls/calls.ts';
import { type Due, handlerOf } from '../kit/deadlines.ts';
import type { ObjectPlatform } from '../kit/platform/platform.ts';
import { buildKit, type ObjectKit, runAlarm } from '../kit/runtime.ts';
import { instant } from '../kit/text.ts';
import { type Changed, Changes, type Expected } from './changes.ts';
import { Fences } from './fences.ts';
import { Journal, type Shown } from './journal.ts';
import { Lineage } from './lineage.ts';
import { Merges } from './merges.ts';
import { type ContextPorts, NO_PORTS } from './ports.ts';
import { ABSENT, ContextRecords } from './records.ts';
import { CONTEXT_SCHEMA } from './schema.ts';
import { ContextSockets } from './sockets.ts';
import { Tiers, tierDestinations } from './tiers.ts';
import { ContextViews, noSuchKey } from './views.ts';
import { WatcherLeases } from './watcher-leases.ts';
import { ContextWatchers, WATCH_TAG } from './watchers.ts';

/** Builds the runtime of a context. */
export function buildContext(workspace: WorkspaceId, platform: ObjectPlatform, ports = NO_PORTS): ContextRuntime {
  const kit = buildKit(
    platform,
    CONTEXT_SCHEMA,
    tierDestinations(workspace, ports, () => runtime.tiers),
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
  readonly sockets: ContextSockets;
  readonly #views: ContextViews;
  readonly #fences: Fences;
  readonly #lineage: Lineage;
  readonly #watchers: ContextWatchers;
  readonly #merges: Merges;

  constructor(workspace: WorkspaceId, kit: ObjectKit, ports: ContextPorts) {
    this.#kit = kit;
    this.#records = new ContextRecords(kit.store);
    this.#journal = new Journal(kit.store, this.#records, (isNew) => {
      this.tiers.changed(isNew);
      if (!isNew) this.#watchers.changed();
    });
    this.tiers = new Tiers(workspace, ports, {
      kit,
      records: this.#records,
      journal: this.#journal,
      view: () => this.#views.contextOf(this.#journal.head),
    });
    this.#changes = new Changes(this.#records, this.#journal);
    const { store } = kit;
    const reshaped = () => this.tiers.reshaped();
    this.#lineage = new Lineage(store, reshaped);
    const parts = { store, records: this.#records, journal: this.#journal, lineage: this.#lineage, reshaped };
    this.#merges = new Merges({ ...parts, changes: this.#changes });
    this.#views = new ContextViews({ ...parts, merges: this.#merges });
    this.#fences = new Fences(kit.store);
    const leases = new WatcherLeases(kit, ports.heldLease, () => store.platform.sockets(WATCH_TAG));
    this.#watchers = new ContextWatchers({ ...parts, leases });
    this.sockets = new ContextSockets({ ...parts, watchers: this.#watchers, leases });
    this.#handle = handlerOf({ ...this.tiers.deadlines, ...leases.deadlines });
    this.#calls = new Calls(kit, { workspace, absent: ABSENT, exists: () => this.#records.exists });
  }

  create(call: Call, context: NewContext, data: ContextData): Outcome<Context> {
    const created = this.#create('create', call, context, () => {
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

  /** @param cold the newest version of a retired context, from Postgres */
  read(call: Call, version?: number, cold?: Shown): Outcome<Context> {
    return this.#read('read', call, () => {
      if (!cold) this.tiers.copying.freshen();
      return cold ? ok(this.#views.contextOf(cold)) : this.#views.context(version);
    });
  }

  update(call: Call, request: UpdateContextRequest | ContextJsonPatch, create?: NewContext): Outcome<Context> {
    const expected = expectedBy(call, 'updates' in request ? request.expected_version : undefined);
    return this.#answer(this.#write('update', call, expected, create, (data) => patched(data, request)));
  }

  revert(call: Call, { version, expected_version }: RevertContextRequest): Outcome<Context> {
    const reverted = this.#write('revert', call, expectedBy(call, expected_version), undefined, () => {
      const past = this.#journal.at(version);
      return past ? ok(past.data) : this.#views.noSuchVersion(version, 'version');
    });
    return this.#answer(reverted);
  }

  readKey(call: Call, path: string): Outcome<ContextKey> {
    return this.#read('readKey', call, () => this.#views.key(path));
  }

  putKey(
    call: Call,
    path: string,
    { value, expected_version }: PutContextKeyRequest,
    create?: NewContext,
  ): Outcome<ContextKey> {
    const expected = { ...expectedBy(call, expected_version), atPlaces: true };
    const put = this.#write('putKey', call, expected, create, (data) => {
      const result = applyJsonPatch(data, operationsToPut(data, pathOf(path), value as PatchValue));
      if ('value' in result) return ok(result.value);
      return refuse('validation_failed', `The value cannot be put there: ${result.problem}.`, {
        errors: [{ path: 'path', message: result.problem }],
      });
    });
    return this.#answer(put, (version) => this.#views.key(path, version));
  }

  removeKey(call: Call, path: string): Outcome<null> {
    const removed = this.#write('removeKey', call, { ...expectedBy(call), atPlaces: true }, undefined, (data) => {
      if (valueIn(data, pathOf(path)) === undefined) return noSuchKey(path);
      return patched(data, { operations: [{ op: 'remove', path }] });
    });
    return removed.ok ? ok(null) : removed;
  }

  snapshot(call: Call, versions: readonly number[]): Outcome<ContextSnapshot> {
    return this.#read('snapshot', call, () => {
      const context = this.#views.context();
      if (!context.ok) return context;
      const known = versions.map((version) => this.#journal.known(version));
      return ok({ context: context.value, stamps: this.#journal.head.stamps.root, versions: known });
    });
  }

  /** @param cold see `read` */
  readLinked(call: Call, cold?: Shown): Outcome<Context> {
    return this.#calls.read('readLinked', call, () => ok(this.#views.contextOf(cold ?? this.#journal.head)));
  }

  merge(call: Call, request: MergeInto, create?: NewContext): Outcome<Context> {
    return this.#answer(this.#orCreate('merge', call, create, (context) => this.#merges.merge(call, request, context)));
  }

  conflicts(call: Call, page: PageQuery = FIRST_PAGE): Outcome<ContextConflicts> {
    return this.#read('conflicts', call, () => this.#merges.conflicts(page));
  }

  resolve(call: Call, n: number, request: ResolveConflictRequest): Outcome<Context> {
    return this.#answer(this.#change('resolve', call, () => this.#merges.resolve(call, n, request)));
  }

  link(call: Call, link: ContextLink, create?: NewContext): Outcome<Context> {
    const linked = this.#orCreate('link', call, create, (context) => {
      const begun = context
        ? this.#changes.begin(context, {}, call, 'data')
        : ok({ version: this.#journal.head.version });
      const done = begun.ok ? this.#lineage.link(link) : begun;
      return done.ok ? begun : done;
    });
    return this.#answer(linked);
  }

  unlink(call: Call, id: ContextId): Outcome<null> {
    return this.#change('unlink', call, () => {
      this.#lineage.unlink(id);
      return ok(null);
    });
  }

  mayWatch(call: Call): Outcome<null> {
    return this.#read('mayWatch', call, () => ok(null));
  }

  history(call: Call, page: PageQuery = FIRST_PAGE): Outcome<ContextHistory> {
    return this.#read('history', call, () => this.#views.history(page));
  }

  diff(call: Call, from: number, to: number): Outcome<ContextDiff> {
    return this.#read('diff', call, () => this.#views.diff(from, to));
  }

  remove(call: Call): Outcome<null> {
    return this.#change('remove', call, () => {
      const stale = this.#changes.whyStale([], expectedBy(call));
      if (stale) return stale;
      this.tiers.remove();
      this.#kit.store.afterCommit(() => this.#watchers.end(CLOSE.deleted, 'the context was deleted'));
      return ok(null);
    });
  }

  alarm(): void {
    runAlarm(this.#kit, this.#handle);
  }

  /** A change of a context that it may make first. `write` gets what the context is to be, or null if it exists. */
  #orCreate(
    method: string,
    call: Call,
    create: NewContext | undefined,
    write: (context: NewContext | null) => Outcome<Changed>,
  ): Outcome<Changed> {
    if (create === undefined) return this.#change(method, call, () => write(null));
    return this.#create(method, call, create, () => write(this.#records.exists ? null : create));
  }

  #read<T>(method: string, call: Call, read: () => Outcome<T>): Outcome<T> {
    return this.#calls.read(method, call, () => whyMayNot(readerOf(call), 'read', this.#records.get()) ?? read());
  }

  #change<T>(method: string, call: Call, change: () => Outcome<T>): Outcome<T> {
    return this.#calls.change(method, call, () => this.#mayWrite(call, this.#records.get(), change));
  }

  /** Like `#change`, for a call that may make the context. */
  #create<T>(method: string, call: Call, context: NewContext, create: () => Outcome<T>): Outcome<T> {
    return this.#calls.create(method, call, () => this.#mayWrite(call, context, create));
  }

  #mayWrite<T>(call: Call, owner: NewContext, write: () => Outcome<T>): Outcome<T> {
    const refusal = whyMayNot(readerOf(call), 'write', owner) ?? this.#fences.whyLate(call, owner);
    if (refusal) return refusal;
    const written = write();
    if (written.ok) this.#fences.note(call, owner);
    return written;
  }

  /** Makes the next version, or the first one if the request does not expect another. */
  #write(
    method: string,
    call: Call,
    expected: Expected,
    create: NewContext | undefined,
    change: (data: JsonObject) => Outcome<JsonObject>,
  ): Outcome<Changed> {
    const write = () => {
      const wanted = change(this.#journal.head.data);
      return wanted.ok ? this.#changes.make(wanted.value, expected, call) : wanted;
    };
    if (create === undefined || expected.versions !== undefined) return this.#change(method, call, write);
    return this.#create(method, call, create, () => {
      if (this.#records.exists) return write();
      const data = change({});
      return data.ok ? this.#changes.begin(create, data.value, call, 'updates') : data;
    });
  }

  /**
   * What a change has left. The outcome that is kept for a repeat has only the version, because a context can be as long
   * as a stored value may be. If that version is gone, the repeat gets the newest one.
   */
  #answer(changed: Outcome<Changed>): Outcome<Context>;
  #answer<T>(changed: Outcome<Changed>, view: (version?: number) => Outcome<T>): Outcome<T>;
  #answer(
    changed: Outcome<Changed>,
    view: (version?: number) => Outcome<unknown> = (version) => this.#views.context(version),
  ): Outcome<unknown> {
    if (!changed.ok) return changed;
    if (!this.#records.exists) return ABSENT;
    const then = view(changed.value.version);
    return then.ok ? then : view();
  }
}

type PatchValue = Extract<PatchOperation, { value: unknown }>['value'];

/** The versions that a request accepts; undefined if it accepts any. */
function expectedBy({ if_match }: Call, expected_version?: number): Expected {
  return { versions: if_match ?? (expected_version === undefined ? undefined : [expected_version]) };
}

/** The data after a patch. Fails if an operation of a JSON Patch cannot be done. */
function patched(data: JsonObject, request: UpdateContextRequest | ContextJsonPatch): Outcome<JsonObject> {
  if ('updates' in request) return ok(applyMergePatch(data, request.updates as JsonObject));
  const result = applyJsonPatch(data, request.operations as PatchOperation[]);
  if ('value' in result) return ok(result.value);
  const detail = `The operation ${result.index} cannot be done: ${result.problem}. None was done.`;
  return refuse('validation_failed', detail, { errors: [{ path: String(result.index), message: result.problem }] });
}
