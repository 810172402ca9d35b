import type { Outcome } from '../protocol/common/errors.ts';
import type { WorkspaceId } from '../protocol/common/ids.ts';
import type { PageQuery } from '../protocol/common/page.ts';
import type { ContextOwner } from '../protocol/context/address.ts';
import type {
  Context,
  ContextData,
  ContextDiff,
  ContextHistory,
  ContextId,
  ContextKey,
  ContextLink,
} from '../protocol/context/context.ts';
import type { ContextConflicts, MergeStrategy, ResolveConflictRequest } from '../protocol/context/merge.ts';
import type {
  ContextJsonPatch,
  PutContextKeyRequest,
  RevertContextRequest,
  UpdateContextRequest,
} from '../protocol/context/requests.ts';
import type { Call } from './calls.ts';

/** What a context is when it is created. */
export interface NewContext extends ContextOwner {
  id: ContextId;
}

/** What a merge needs to know of a context. */
export interface ContextSnapshot {
  context: Context;
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
  create(call: Call, context: NewContext, data: ContextData): Promise<Outcome<Context>>;
  /** When it was created; null if it was not. Also of a deleted one. */
  createdAt(call: Call): Promise<Outcome<string | null>>;
  /** @param version an older version; by default, the newest one */
  read(call: Call, version?: number): Promise<Outcome<Context>>;
  /** @param create what the context is, if this write may be its first */
  update(call: Call, request: UpdateContextRequest | ContextJsonPatch, create?: NewContext): Promise<Outcome<Context>>;
  /** @param path a JSON Pointer, also into arrays. Fails with `not_found` if there is no value */
  readKey(call: Call, path: string): Promise<Outcome<ContextKey>>;
  /** A condition of the request is about this place alone. @param create see `update` */
  putKey(call: Call, path: string, request: PutContextKeyRequest, create?: NewContext): Promise<Outcome<ContextKey>>;
  removeKey(call: Call, path: string): Promise<Outcome<null>>;
  /** Makes a new version with the data of an older one. */
  revert(call: Call, request: RevertContextRequest): Promise<Outcome<Context>>;
  /** The context with what a merge needs. @param versions older versions whose data is wanted, as far as it is known */
  snapshot(call: Call, versions: readonly number[]): Promise<Outcome<ContextSnapshot>>;
  /** Like `read`, of a context that is linked to one that the caller may read. Only the Worker checks that. */
  readLinked(call: Call): Promise<Outcome<Context>>;
  /** Merges sources into it, all or none. @param create see `update` */
  merge(call: Call, request: MergeInto, create?: NewContext): Promise<Outcome<Context>>;
  conflicts(call: Call, page?: PageQuery): Promise<Outcome<ContextConflicts>>;
  resolve(call: Call, n: number, request: ResolveConflictRequest): Promise<Outcome<Context>>;
  /** @param create see `update` */
  link(call: Call, link: ContextLink, create?: NewContext): Promise<Outcome<Context>>;
  unlink(call: Call, id: ContextId): Promise<Outcome<null>>;
  /** Whether the caller may watch it, now. Its socket then opens by `Sockets`. */
  mayWatch(call: Call): Promise<Outcome<null>>;
  history(call: Call, page?: PageQuery): Promise<Outcome<ContextHistory>>;
  diff(call: Call, from: number, to: number): Promise<Outcome<ContextDiff>>;
  remove(call: Call): Promise<Outcome<null>>;
}

export interface Contexts {
  at(workspace: WorkspaceId, id: ContextId): ContextApi;
}
