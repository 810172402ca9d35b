import { readerOf, rightsOf, whyMayNot } from '../../src/domain/context/access.ts';
import type { Parent } from '../../src/domain/context/ancestor.ts';
import { whyOther } from '../../src/domain/context/condition.ts';
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
import { runAlarm } from '../kit/runtime.ts';
import { instant } from '../kit/text.ts';
import { buildParts, type ContextParts } from './build-parts.ts';
import type { Changed, Expected } from './changes.ts';
import type { Shown } from './journal.ts';
import { NO_PORTS } from './ports.ts';
import { ABSENT } from './records.ts';
import { expectedBy, patched, withKey } from './requests.ts';
import type { ContextSockets } from './sockets.ts';
import type { Tiers } from './tiers.ts';
import { noSuchKey } from './views.ts';

/** Builds the runtime of a context. */
export function buildContext(workspace: WorkspaceId, platform: ObjectPlatform, ports = NO_PORTS): ContextRuntime {
  return new ContextRuntime(workspace, buildParts(workspace, platform, ports));
}

/** The runtime of a context (`ContextApi`): the only writer of its versions. Each method is one synchronous step. */
export class ContextRuntime {
  readonly sockets: ContextSockets;
  readonly tiers: Tiers;
  readonly #parts: ContextParts;
  readonly #calls: Calls;
  readonly #handle: (name: string, due: Due) => void;

  constructor(workspace: WorkspaceId, parts: ContextParts) {
    const { kit, records, sockets, tiers, leases } = parts;
    this.sockets = sockets;
    this.tiers = tiers;
    this.#parts = parts;
    this.#handle = handlerOf({ ...tiers.deadlines, ...leases.deadlines });
    this.#calls = new Calls(kit, { workspace, absent: ABSENT, exists: () => records.exists });
  }

  create(
    call: Call,
    context: NewContext,
    data: ContextData,
    secret_paths: readonly string[] = [],
  ): Outcome<ContextView> {
    const created = this.#create('create', call, context, () => {
      if (!this.#parts.records.exists)
        return this.#parts.changes.begin(context, data as JsonObject, call, 'data', marksOf(secret_paths));
      const { version } = this.#parts.journal.head;
      const detail = `There is a context with this name already. Its id is ${context.id}, and its version ${version}.`;
      return refuse('context_exists', detail, { current: { id: context.id, version } });
    });
    return this.#answer(call, created);
  }

  createdAt(call: Call): Outcome<string | null> {
    return this.#calls.answer('debug', 'createdAt', call, () => {
      const row = this.#parts.records.find();
      return ok(row ? instant(row.created_at) : null);
    });
  }

  /** @param cold the newest version of a retired context, from Postgres */
  read(call: Call, version?: number, cold?: Shown): Outcome<ContextView> {
    return this.#read('read', call, () => {
      if (!cold) this.#parts.tiers.copying.freshen();
      const sees = this.#sees(call);
      return cold ? ok(this.#parts.views.contextOf(cold, sees)) : this.#parts.views.context(sees, version);
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
      const past = this.#parts.journal.at(version);
      return past ? ok(past.data) : this.#parts.views.noSuchVersion(version, 'version');
    });
    return this.#answer(call, reverted);
  }

  readKey(call: Call, path: string): Outcome<ContextKeyView> {
    return this.#read('readKey', call, () => this.#parts.views.key(path, this.#sees(call)));
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
    return this.#answer(call, put, (version) => this.#parts.views.key(path, this.#sees(call), version));
  }

  removeKey(call: Call, path: string): Outcome<null> {
    const removed = this.#write('removeKey', call, { ...expectedBy(call), atPlaces: true }, undefined, (data) => {
      if (valueIn(data, pathOf(path)) === undefined) return noSuchKey(path);
      return patched(data, { operations: [{ op: 'remove', path }] });
    });
    return removed.ok ? ok(null) : removed;
  }

  parents(call: Call): Outcome<Parent[]> {
    return this.#read('parents', call, () => ok(this.#parts.lineage.parents()));
  }

  snapshot(call: Call, versions: readonly number[]): Outcome<ContextSnapshot> {
    return this.#read('snapshot', call, () => {
      const refusal = this.#parts.secrets.any && whyMayNot(readerOf(call), 'secrets', this.#parts.records.get());
      if (refusal) return refusal;
      const { version, data, stamps } = this.#parts.journal.merging();
      const known = versions.map((version) => this.#parts.journal.known(version));
      const parents = this.#parts.lineage.parents();
      return ok({
        version,
        data,
        parents,
        secret_paths: this.#parts.secrets.marks(),
        stamps: stamps.root,
        versions: known,
      });
    });
  }

  /** @param cold see `read` */
  readMasked(call: Call, cold?: Shown): Outcome<ContextView> {
    return this.#calls.read('readMasked', call, () =>
      ok(this.#parts.views.contextOf(cold ?? this.#parts.journal.head, false)),
    );
  }

  merge(call: Call, request: MergeInto, create?: NewContext): Outcome<ContextView> {
    return this.#answer(
      call,
      this.#orCreate('merge', call, create, (context) => this.#parts.merges.merge(call, request, context)),
    );
  }

  repeated(call: Call): Outcome<ContextView | null> {
    return this.#calls.read('repeated', call, () => {
      const kept = this.#parts.kit.idempotency.recall<Changed>(call);
      return kept ? this.#answer(call, kept) : ok(null);
    });
  }

  conflicts(call: Call, page: PageQuery = FIRST_PAGE): Outcome<ContextConflictsView> {
    return this.#read('conflicts', call, () => this.#parts.merges.conflicts(page));
  }

  resolve(call: Call, n: number, request: ResolveConflictRequest): Outcome<ContextView> {
    return this.#answer(
      call,
      this.#change('resolve', call, () => this.#parts.merges.resolve(call, n, request)),
    );
  }

  link(call: Call, link: ContextLink, create?: NewContext): Outcome<ContextView> {
    const linked = this.#orCreate('link', call, create, (context) => {
      const begun = context
        ? this.#parts.changes.begin(context, {}, call, 'data')
        : ok({ version: this.#parts.journal.head.version });
      const done = begun.ok ? this.#parts.lineage.link(link) : begun;
      return done.ok ? begun : done;
    });
    return this.#answer(call, linked);
  }

  unlink(call: Call, id: ContextId): Outcome<null> {
    return this.#change('unlink', call, () => {
      const stale = whyOther(this.#parts.journal.head.version, call.if_match);
      if (stale) return stale;
      this.#parts.lineage.unlink(id);
      return ok(null);
    });
  }

  mayWatch(call: Call): Outcome<null> {
    return this.#read('mayWatch', call, () => ok(null));
  }

  history(call: Call, page: PageQuery = FIRST_PAGE): Outcome<ContextHistoryView> {
    return this.#read('history', call, () => this.#parts.views.history(page));
  }

  diff(call: Call, from: number, to: number): Outcome<ContextDiffView> {
    return this.#read('diff', call, () => this.#parts.views.diff(from, to));
  }

  remove(call: Call): Outcome<null> {
    return this.#change('remove', call, () => {
      const stale = whyOther(this.#parts.journal.head.version, call.if_match);
      if (stale) return stale;
      this.#parts.tiers.remove();
      this.#parts.kit.store.afterCommit(() => this.#parts.watchers.end(CLOSE.deleted, 'the context was deleted'));
      return ok(null);
    });
  }

  alarm(): void {
    runAlarm(this.#parts.kit, this.#handle);
  }

  /** A change of a context that it may make first. `write` gets what the context is to be, or null if it exists. */
  #orCreate(
    method: string,
    call: Call,
    create: NewContext | undefined,
    write: (context: NewContext | null) => Outcome<Changed>,
  ): Outcome<Changed> {
    if (create === undefined) return this.#change(method, call, () => write(null));
    return this.#create(method, call, create, () => write(this.#parts.records.exists ? null : create));
  }

  /** Whether the caller may see the secrets of a context that it reads. */
  #sees(call: Call): boolean {
    return rightsOf(readerOf(call), this.#parts.records.get()).secrets;
  }

  /** The places that a change makes secret: those that it names, and those to which it moves secrets. */
  #marksOf(request: UpdateContextRequest | ContextJsonPatch): Mark[] {
    if ('updates' in request) return marksOf(request.secret_paths);
    return marksMoved(this.#parts.secrets.marks(), request.operations as PatchOperation[]);
  }

  #read<T>(method: string, call: Call, read: () => Outcome<T>): Outcome<T> {
    return this.#calls.read(method, call, () => whyMayNot(readerOf(call), 'read', this.#parts.records.get()) ?? read());
  }

  #change<T>(method: string, call: Call, change: () => Outcome<T>): Outcome<T> {
    return this.#calls.change(method, call, () => this.#guardedWrite(call, this.#parts.records.get(), change));
  }

  /** Like `#change`, for a call that may make the context. */
  #create<T>(method: string, call: Call, context: NewContext, create: () => Outcome<T>): Outcome<T> {
    return this.#calls.create(method, call, () => this.#guardedWrite(call, context, create));
  }

  #guardedWrite<T>(call: Call, owner: NewContext, write: () => Outcome<T>): Outcome<T> {
    const refusal = whyMayNot(readerOf(call), 'write', owner) ?? this.#parts.fences.whyLate(call, owner);
    if (refusal) return refusal;
    const written = write();
    if (written.ok) this.#parts.fences.note(call, owner);
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
      const wanted = change(context ? {} : this.#parts.journal.head.data);
      if (!wanted.ok) return wanted;
      if (context) return this.#parts.changes.begin(context, wanted.value, call, 'updates', marks());
      return this.#parts.changes.make(wanted.value, expected, call, { marks: marks() });
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
    view: (version?: number) => Outcome<unknown> = (version) => this.#parts.views.context(this.#sees(call), version),
  ): Outcome<unknown> {
    if (!changed.ok) return changed;
    if (!this.#parts.records.exists) return ABSENT;
    // The outcome of a repeat is kept, also for a caller that has lost its lease since.
    const refusal = whyMayNot(readerOf(call), 'read', this.#parts.records.get());
    if (refusal) return refusal;
    const then = view(changed.value.version);
    return then.ok ? then : view();
  }
}
