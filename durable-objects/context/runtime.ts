import { readerOf, rightsOf, whyMayNot } from '../../src/domain/context/access.ts';
import type { Parent } from '../../src/domain/context/ancestor.ts';
import { pathOf } from '../../src/domain/context/edits.ts';
import type { JsonObject } from '../../src/domain/context/json.ts';
import { type PatchOperation, valueIn } from '../../src/domain/context/json-patch.ts';
import { type Mark, marksMoved, marksOf } from '../../src/domain/context/secrets.ts';
import type { Call } from '../../src/ports/calls.ts';
import type {
  ContextConflictsView,
  ContextDiffView,
  ContextHistoryView,
  ContextKeyView,
  ContextSnapshot,
  ContextView,
  MergeInto,
  NewContext,
} from '../../src/ports/contexts.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import { FIRST_PAGE, type PageQuery } from '../../src/protocol/common/page.ts';
import { CLOSE } from '../../src/protocol/common/socket.ts';
import type { ContextData, ContextId, ContextLink } from '../../src/protocol/context/context.ts';
import type { ResolveConflictRequest } from '../../src/protocol/context/merge.ts';
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
import { expectedBy, patched, withKey } from './requests.ts';
import { CONTEXT_SCHEMA } from './schema.ts';
import { Secrets } from './secrets.ts';
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
    tierDestinations(
      workspace,
      ports,
      () => platform.now(),
      () => runtime.tiers,
    ),
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
  readonly #secrets: Secrets;
  readonly #watchers: ContextWatchers;
  readonly #merges: Merges;

  constructor(workspace: WorkspaceId, kit: ObjectKit, ports: ContextPorts) {
    this.#kit = kit;
    this.#records = new ContextRecords(kit.store);
    this.#journal = new Journal(kit.store, this.#records, (isNew) => {
      this.tiers.changed(isNew);
      if (!isNew) this.#watchers.changed();
    });
    this.#secrets = new Secrets(
      kit.store,
      () => this.#journal.head.data,
      () => this.tiers.reshaped(),
    );
    this.tiers = new Tiers(workspace, ports, {
      kit,
      records: this.#records,
      journal: this.#journal,
      secrets: this.#secrets,
      view: () => (this.#secrets.any ? null : this.#views.contextOf(this.#journal.head, false)),
    });
    this.#changes = new Changes({ records: this.#records, journal: this.#journal, secrets: this.#secrets });
    const { store } = kit;
    const reshaped = () => this.tiers.reshaped();
    this.#lineage = new Lineage(store, reshaped);
    const parts = {
      ...{ store, records: this.#records, journal: this.#journal, secrets: this.#secrets },
      ...{ lineage: this.#lineage, reshaped },
    };
    this.#merges = new Merges({ ...parts, changes: this.#changes });
    this.#views = new ContextViews({ ...parts, merges: this.#merges, shape: () => this.tiers.shape });
    this.#fences = new Fences(kit.store);
    const leases = new WatcherLeases(kit, ports.heldLease, () => store.platform.sockets(WATCH_TAG));
    this.#watchers = new ContextWatchers({ ...parts, views: this.#views, leases });
    const used = () => this.tiers.retirement.used();
    this.sockets = new ContextSockets({ ...parts, watchers: this.#watchers, leases, used });
    this.#handle = handlerOf({ ...this.tiers.deadlines, ...leases.deadlines });
    this.#calls = new Calls(kit, { workspace, absent: ABSENT, exists: () => this.#records.exists });
  }

  create(
    call: Call,
    context: NewContext,
    data: ContextData,
    secret_paths: readonly string[] = [],
  ): Outcome<ContextView> {
    const created = this.#create('create', call, context, () => {
      if (!this.#records.exists)
        return this.#changes.begin(context, data as JsonObject, call, 'data', marksOf(secret_paths));
      const { version } = this.#journal.head;
      const detail = `There is a context with this name already. Its id is ${context.id}, and its version ${version}.`;
      return refuse('context_exists', detail, { current: { id: context.id, version } });
    });
    return this.#answer(call, created);
  }

  createdAt(call: Call): Outcome<string | null> {
    return this.#calls.answer('debug', 'createdAt', call, () => {
      const row = this.#records.find();
      return ok(row ? instant(row.created_at) : null);
    });
  }

  /** @param cold the newest version of a retired context, from Postgres */
  read(call: Call, version?: number, cold?: Shown): Outcome<ContextView> {
    return this.#read('read', call, () => {
      if (!cold) this.tiers.copying.freshen();
      const sees = this.#sees(call);
      return cold ? ok(this.#views.contextOf(cold, sees)) : this.#views.context(sees, version);
    });
  }

  update(call: Call, request: UpdateContextRequest | ContextJsonPatch, create?: NewContext): Outcome<ContextView> {
    const expected = expectedBy(call, 'updates' in request ? request.expected_version : undefined);
    const write = (data: JsonObject) => patched(data, request);
    return this.#answer(
      call,
      this.#write('update', call, expected, create, write, () => this.#marksOf(request)),
    );
  }

  revert(call: Call, { version, expected_version }: RevertContextRequest): Outcome<ContextView> {
    const reverted = this.#write('revert', call, expectedBy(call, expected_version), undefined, () => {
      const past = this.#journal.at(version);
      return past ? ok(past.data) : this.#views.noSuchVersion(version, 'version');
    });
    return this.#answer(call, reverted);
  }

  readKey(call: Call, path: string): Outcome<ContextKeyView> {
    return this.#read('readKey', call, () => this.#views.key(path, this.#sees(call)));
  }

  putKey(
    call: Call,
    path: string,
    { value, expected_version, secret = false }: PutContextKeyRequest,
    create?: NewContext,
  ): Outcome<ContextKeyView> {
    const expected = { ...expectedBy(call, expected_version), atPlaces: true };
    const write = (data: JsonObject) => withKey(data, path, value);
    const put = this.#write('putKey', call, expected, create, write, () => marksOf(secret ? [path] : []));
    return this.#answer(call, put, (version) => this.#views.key(path, this.#sees(call), version));
  }

  removeKey(call: Call, path: string): Outcome<null> {
    const removed = this.#write('removeKey', call, { ...expectedBy(call), atPlaces: true }, undefined, (data) => {
      if (valueIn(data, pathOf(path)) === undefined) return noSuchKey(path);
      return patched(data, { operations: [{ op: 'remove', path }] });
    });
    return removed.ok ? ok(null) : removed;
  }

  parents(call: Call): Outcome<Parent[]> {
    return this.#read('parents', call, () => ok(this.#lineage.parents()));
  }

  snapshot(call: Call, versions: readonly number[]): Outcome<ContextSnapshot> {
    return this.#read('snapshot', call, () => {
      const refusal = this.#secrets.any && whyMayNot(readerOf(call), 'secrets', this.#records.get());
      if (refusal) return refusal;
      const { version, data, stamps } = this.#journal.merging();
      const known = versions.map((version) => this.#journal.known(version));
      const parents = this.#lineage.parents();
      return ok({ version, data, parents, secret_paths: this.#secrets.marks(), stamps: stamps.root, versions: known });
    });
  }

  /** @param cold see `read` */
  readMasked(call: Call, cold?: Shown): Outcome<ContextView> {
    return this.#calls.read('readMasked', call, () => ok(this.#views.contextOf(cold ?? this.#journal.head, false)));
  }

  merge(call: Call, request: MergeInto, create?: NewContext): Outcome<ContextView> {
    return this.#answer(
      call,
      this.#orCreate('merge', call, create, (context) => this.#merges.merge(call, request, context)),
    );
  }

  conflicts(call: Call, page: PageQuery = FIRST_PAGE): Outcome<ContextConflictsView> {
    return this.#read('conflicts', call, () => this.#merges.conflicts(page));
  }

  resolve(call: Call, n: number, request: ResolveConflictRequest): Outcome<ContextView> {
    return this.#answer(
      call,
      this.#change('resolve', call, () => this.#merges.resolve(call, n, request)),
    );
  }

  link(call: Call, link: ContextLink, create?: NewContext): Outcome<ContextView> {
    const linked = this.#orCreate('link', call, create, (context) => {
      const begun = context
        ? this.#changes.begin(context, {}, call, 'data')
        : ok({ version: this.#journal.head.version });
      const done = begun.ok ? this.#lineage.link(link) : begun;
      return done.ok ? begun : done;
    });
    return this.#answer(call, linked);
  }

  unlink(call: Call, id: ContextId): Outcome<null> {
    return this.#change('unlink', call, () => {
      const stale = this.#changes.whyStale([], expectedBy(call));
      if (stale) return stale;
      this.#lineage.unlink(id);
      return ok(null);
    });
  }

  mayWatch(call: Call): Outcome<null> {
    return this.#read('mayWatch', call, () => ok(null));
  }

  history(call: Call, page: PageQuery = FIRST_PAGE): Outcome<ContextHistoryView> {
    return this.#read('history', call, () => this.#views.history(page));
  }

  diff(call: Call, from: number, to: number): Outcome<ContextDiffView> {
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

  /** Whether the caller may see the secrets of a context that it reads. */
  #sees(call: Call): boolean {
    return rightsOf(readerOf(call), this.#records.get()).secrets;
  }

  /** The places that a change makes secret: those that it names, and those to which it moves secrets. */
  #marksOf(request: UpdateContextRequest | ContextJsonPatch): Mark[] {
    if ('updates' in request) return marksOf(request.secret_paths);
    return marksMoved(this.#secrets.marks(), request.operations as PatchOperation[]);
  }

  #read<T>(method: string, call: Call, read: () => Outcome<T>): Outcome<T> {
    return this.#calls.read(method, call, () => whyMayNot(readerOf(call), 'read', this.#records.get()) ?? read());
  }

  #change<T>(method: string, call: Call, change: () => Outcome<T>): Outcome<T> {
    return this.#calls.change(method, call, () => this.#guardedWrite(call, this.#records.get(), change));
  }

  /** Like `#change`, for a call that may make the context. */
  #create<T>(method: string, call: Call, context: NewContext, create: () => Outcome<T>): Outcome<T> {
    return this.#calls.create(method, call, () => this.#guardedWrite(call, context, create));
  }

  #guardedWrite<T>(call: Call, owner: NewContext, write: () => Outcome<T>): Outcome<T> {
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
    marks: () => readonly Mark[] = () => [],
  ): Outcome<Changed> {
    const mayCreate = expected.versions === undefined ? create : undefined;
    return this.#orCreate(method, call, mayCreate, (context) => {
      const wanted = change(context ? {} : this.#journal.head.data);
      if (!wanted.ok) return wanted;
      if (context) return this.#changes.begin(context, wanted.value, call, 'updates', marks());
      return this.#changes.make(wanted.value, expected, call, { marks: marks() });
    });
  }

  /**
   * What a change has left. The outcome that is kept for a repeat has only the version, because a context can be as long
   * as a stored value may be. If that version is gone, the repeat gets the newest one.
   */
  #answer(call: Call, changed: Outcome<Changed>): Outcome<ContextView>;
  #answer<T>(call: Call, changed: Outcome<Changed>, view: (version?: number) => Outcome<T>): Outcome<T>;
  #answer(
    call: Call,
    changed: Outcome<Changed>,
    view: (version?: number) => Outcome<unknown> = (version) => this.#views.context(this.#sees(call), version),
  ): Outcome<unknown> {
    if (!changed.ok) return changed;
    if (!this.#records.exists) return ABSENT;
    // The outcome of a repeat is kept, also for a caller that has lost its lease since.
    const refusal = whyMayNot(readerOf(call), 'read', this.#records.get());
    if (refusal) return refusal;
    const then = view(changed.value.version);
    return then.ok ? then : view();
  }
}
