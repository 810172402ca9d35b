import type { Outcome } from '../protocol/common/errors.ts';
import type { WorkspaceId } from '../protocol/common/ids.ts';
import type { PageQuery } from '../protocol/common/page.ts';
import type { ContextOwner } from '../protocol/context/address.ts';
import type {
  Context,
  ContextChange,
  ContextData,
  ContextDiff,
  ContextHistory,
  ContextId,
  ContextKey,
  ContextLink,
} from '../protocol/context/context.ts';
import type {
  ContextConflict,
  ContextConflicts,
  MergeStrategy,
  ResolveConflictRequest,
} from '../protocol/context/merge.ts';
import type {
  ContextJsonPatch,
  PutContextKeyRequest,
  RevertContextRequest,
  UpdateContextRequest,
} from '../protocol/context/requests.ts';
import type { Visible } from '../protocol/context/visible.ts';
import type { Call } from './calls.ts';

/** What a context is when it is created. */
export interface NewContext extends ContextOwner {
  id: ContextId;
}

/**
 * What callers see. Their values are `Visible`, so that no answer of a home has a value whose secrets nobody has thought
 * of. Only a context and its places are shown with their secrets, to those who may see them.
 */
export type ContextView = Context & { data: Visible };
export type ContextKeyView = ContextKey & { value: Visible };
export type ContextChangeView = ContextChange & { edits: { path: string; value?: Visible }[] };
export type ContextHistoryView = ContextHistory & { items: ContextChangeView[] };
export type ContextConflictView = ContextConflict & { base?: Visible; current?: Visible; source?: Visible };
export type ContextConflictsView = ContextConflicts & { items: ContextConflictView[] };
export interface ContextDiffView extends ContextDiff {
  added: { path: string; value: Visible }[];
  changed: { path: string; old: Visible; new: Visible }[];
  removed: { path: string; value: Visible }[];
}

/** What a merge needs to know of a context, with its secrets. It must not leave the Worker. */
export interface ContextSnapshot {
  version: number;
  data: ContextData;
  parents: Context['parents'];
  /** JSON Pointers of the secret places. */
  secret_paths: readonly string[];
  stamps: ContextStamps;
  /** For each wanted version: its data, or what is known of it. */
  versions: readonly ContextData[];
}

/** Who has changed which place last: see `StampNode` of the domain. */
export interface ContextStamps {
  stamp: { version: number; at: number; by: string };
  below?: Record<string, ContextStamps>;
}

/** A context that is merged into another one. */
export interface MergeSource {
  id: ContextId;
  version: number;
  data: ContextData;
  /** JSON Pointers of the secret places. */
  secret_paths: readonly string[];
  stamps: ContextStamps;
  /** The places that are merged; null for all. */
  keys: string[] | null;
  /** Their common ancestor: its data, or the target's own version that it is; null if there is none. */
  base: { data: ContextData } | { own_version: number } | null;
  /** The version of the source that the target had when the ancestor was found; null if none. */
  taken: number | null;
}

export interface MergeInto {
  strategy: MergeStrategy;
  sources: readonly MergeSource[];
}

/** The home of one context: its only writer. */
export interface ContextApi {
  /** Creates the context. Fails with `context_exists` if it exists. */
  create(
    call: Call,
    context: NewContext,
    data: ContextData,
    secret_paths?: readonly string[],
  ): Promise<Outcome<ContextView>>;
  /** When it was created; null if it was not. Also of a deleted one. */
  createdAt(call: Call): Promise<Outcome<string | null>>;
  /** @param version an older version; by default, the newest one */
  read(call: Call, version?: number): Promise<Outcome<ContextView>>;
  /** @param create what the context is, if this write may be its first */
  update(
    call: Call,
    request: UpdateContextRequest | ContextJsonPatch,
    create?: NewContext,
  ): Promise<Outcome<ContextView>>;
  /** @param path a JSON Pointer, also into arrays. Fails with `not_found` if there is no value */
  readKey(call: Call, path: string): Promise<Outcome<ContextKeyView>>;
  /** A condition of the request is about this place alone. @param create see `update` */
  putKey(
    call: Call,
    path: string,
    request: PutContextKeyRequest,
    create?: NewContext,
  ): Promise<Outcome<ContextKeyView>>;
  removeKey(call: Call, path: string): Promise<Outcome<null>>;
  /** Makes a new version with the data of an older one. */
  revert(call: Call, request: RevertContextRequest): Promise<Outcome<ContextView>>;
  /** What it was copied from or has merged, the newest first. A retired one stays retired. */
  parents(call: Call): Promise<Outcome<Context['parents']>>;
  /** What a merge needs. Fails if there are secrets that the caller may not see. @param versions older versions whose data is wanted, as far as it is known */
  snapshot(call: Call, versions: readonly number[]): Promise<Outcome<ContextSnapshot>>;
  /** Like `read`, without secrets, and without a check of the caller's rights, which is the Worker's. */
  readMasked(call: Call): Promise<Outcome<ContextView>>;
  /** Merges sources into it, all or none. @param create see `update` */
  merge(call: Call, request: MergeInto, create?: NewContext): Promise<Outcome<ContextView>>;
  /** What a request with this idempotency key has made; null if it has made nothing. */
  repeated(call: Call): Promise<Outcome<ContextView | null>>;
  conflicts(call: Call, page?: PageQuery): Promise<Outcome<ContextConflictsView>>;
  resolve(call: Call, n: number, request: ResolveConflictRequest): Promise<Outcome<ContextView>>;
  /** @param create see `update` */
  link(call: Call, link: ContextLink, create?: NewContext): Promise<Outcome<ContextView>>;
  unlink(call: Call, id: ContextId): Promise<Outcome<null>>;
  /** Whether the caller may watch it, now. Its socket then opens by `Sockets`. */
  mayWatch(call: Call): Promise<Outcome<null>>;
  history(call: Call, page?: PageQuery): Promise<Outcome<ContextHistoryView>>;
  diff(call: Call, from: number, to: number): Promise<Outcome<ContextDiffView>>;
  remove(call: Call): Promise<Outcome<null>>;
}

export interface Contexts {
  at(workspace: WorkspaceId, id: ContextId): ContextApi;
}
