import type { Role } from '../protocol/enums.ts';
import type { Outcome } from '../protocol/errors.ts';
import type { WorkspaceId } from '../protocol/ids.ts';
import type { CreateTokenRequest, TokenView } from '../protocol/token.ts';
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
  noteSocket(workspace: WorkspaceId, tokenId: string, place: SocketPlace): Promise<void>;
}

export interface Workspaces {
  of(workspace: WorkspaceId): WorkspaceApi;
}
