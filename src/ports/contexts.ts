import type { Outcome } from '../protocol/common/errors.ts';
import type { WorkspaceId } from '../protocol/common/ids.ts';
import type { PageQuery } from '../protocol/common/page.ts';
import type { Context, ContextDiff, ContextHistory, ContextId } from '../protocol/context/context.ts';
import type { CreateContextRequest, RevertContextRequest, UpdateContextRequest } from '../protocol/context/requests.ts';
import type { Call } from './calls.ts';

/** The home of one context: its only writer. */
export interface ContextApi {
  /** Creates the context. A repeat with the same idempotency key gets it as it was created. */
  create(call: Call, id: ContextId, request: CreateContextRequest): Promise<Outcome<Context>>;
  /** When it was created; null if it was not. Also of a deleted one. */
  createdAt(call: Call): Promise<Outcome<string | null>>;
  /** @param version an older version; by default, the newest one */
  read(call: Call, version?: number): Promise<Outcome<Context>>;
  update(call: Call, request: UpdateContextRequest): Promise<Outcome<Context>>;
  /** Makes a new version with the data of an older one. */
  revert(call: Call, request: RevertContextRequest): Promise<Outcome<Context>>;
  history(call: Call, page?: PageQuery): Promise<Outcome<ContextHistory>>;
  diff(call: Call, from: number, to: number): Promise<Outcome<ContextDiff>>;
  remove(call: Call): Promise<Outcome<null>>;
}

export interface Contexts {
  at(workspace: WorkspaceId, id: ContextId): ContextApi;
}
