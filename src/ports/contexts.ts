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
} from '../protocol/context/context.ts';
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
  history(call: Call, page?: PageQuery): Promise<Outcome<ContextHistory>>;
  diff(call: Call, from: number, to: number): Promise<Outcome<ContextDiff>>;
  remove(call: Call): Promise<Outcome<null>>;
}

export interface Contexts {
  at(workspace: WorkspaceId, id: ContextId): ContextApi;
}
