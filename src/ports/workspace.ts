import type { Role } from '../protocol/common/enums.ts';
import type { Outcome } from '../protocol/common/errors.ts';
import type { WorkspaceId } from '../protocol/common/ids.ts';
import type { BulkResult } from '../protocol/session/bulk.ts';
import type { CreateTokenRequest, TokenView } from '../protocol/workspace/token.ts';
import type { Call } from './calls.ts';

/** Where a token's sockets are, so that its revocation can close them. */
export interface SocketPlace {
  kind: 'session' | 'agent_registry';
  /** The object's id in its namespace: a session's id, or the workspace. */
  id: string;
}

/** A workspace's tokens and revocations. The tokens themselves are signed and never stored. */
export interface WorkspaceApi {
  createToken(call: Call, request: CreateTokenRequest): Promise<Outcome<TokenView>>;
  listTokens(call: Call): Promise<Outcome<TokenView[]>>;
  revokeToken(call: Call, id: string): Promise<Outcome<TokenView>>;
  /** Uses a one-time sign-in code up and makes the token it stands for. A used code is `unauthorized`. */
  redeemCode(call: Call, code: { id: string; expires_at: number; role: Role }): Promise<Outcome<TokenView>>;
  /** Ids of revoked tokens that have not expired. */
  revokedTokens(workspace: WorkspaceId): Promise<string[]>;
  /**
   * Whether the token may open a socket there now: false when it is revoked or not known. A socket that is let in and
   * on its way when the token is revoked is closed when it arrives, within a minute.
   */
  noteSocket(workspace: WorkspaceId, tokenId: string, place: SocketPlace): Promise<boolean>;
  /**
   * Claims a bulk request's idempotency key: gives the kept answer; null when the request is to be carried out (again,
   * if the first did not come to its end); or refuses another request under the same key.
   */
  claimBulk(call: Call): Promise<Outcome<BulkResult | null>>;
  /** Keeps the answer to a claimed key, of at most MAX_STORED_BYTES, as long as the claim. */
  keepBulk(call: Call, result: BulkResult): Promise<void>;
}

export interface Workspaces {
  of(workspace: WorkspaceId): WorkspaceApi;
}
