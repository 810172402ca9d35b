import type { Role } from '../protocol/common/enums.ts';
import type { Outcome } from '../protocol/common/errors.ts';
import type { SessionId, WorkspaceId } from '../protocol/common/ids.ts';
import type { Page, PageQuery } from '../protocol/common/page.ts';
import type { ContextId } from '../protocol/context/context.ts';
import type { BulkResult } from '../protocol/session/bulk.ts';
import type { TaskTemplate, TemplateBody } from '../protocol/workspace/task-template.ts';
import type { CreateTokenRequest, TokenView } from '../protocol/workspace/token.ts';
import type { Call } from './calls.ts';

/** The object that holds a socket, so that a revocation can close it. */
export type SocketPlace =
  | { kind: 'session'; id: SessionId }
  | { kind: 'context'; id: ContextId }
  | { kind: 'agent_registry'; id: WorkspaceId };

/** The id of a socket's record. The records of one object sort together. @param id unique within the object */
export function socketIdAt({ kind, id: place }: SocketPlace, id: string): string {
  return `${kind}/${place}/${id}`;
}

/** The verified claims of a one-time sign-in code. */
export interface CodeClaims {
  id: string;
  /** In ms since the epoch. */
  expires_at: number;
  role: Role;
  /** The token that made the code. When it ends, the code and its sign-in end too. Null if the token cannot end. */
  by: string | null;
}

/** A template of a workspace, with the time (ISO 8601) at which it was stored. */
export type StoredTemplate = TaskTemplate & { updated_at: string };

/** A workspace's templates, tokens and revocations. The tokens themselves are signed and never stored. */
export interface WorkspaceApi {
  /** Fails with `unauthorized` if the token that asks is no longer valid. */
  createToken(call: Call, request: CreateTokenRequest): Promise<Outcome<TokenView>>;
  /** A page of the tokens that have not expired, newest first; by default the first one. */
  listTokens(call: Call, page?: PageQuery): Promise<Outcome<Page<TokenView>>>;
  /** Revokes a token, and every token that it or its codes have made. */
  revokeToken(call: Call, id: string): Promise<Outcome<TokenView>>;
  /** The templates that the workspace has added, by name. */
  templates(call: Call): Promise<Outcome<StoredTemplate[]>>;
  /** Adds a template, or replaces the one of this name. Fails if its parts do not fit together, or if there are too many. */
  putTemplate(call: Call, name: string, body: TemplateBody): Promise<Outcome<StoredTemplate>>;
  deleteTemplate(call: Call, name: string): Promise<Outcome<null>>;
  /**
   * Consumes a one-time sign-in code and creates its token. Fails with `unauthorized` if the code was used before, or
   * if the token that made it is no longer valid.
   */
  redeemCode(call: Call, code: CodeClaims): Promise<Outcome<TokenView>>;
  /**
   * Ids of revoked tokens that have not expired.
   * @param usedToken the token of a request, whose last use is recorded if the record is older than an hour
   */
  revokedTokens(usedToken?: string): Promise<string[]>;
  /**
   * Records a socket that an object has opened, so that the socket closes when its token ends.
   *
   * @param socketId from `socketIdAt`
   * @returns false if the token is revoked or unknown. Nothing is recorded then, and the caller must close the socket
   */
  recordSocket(tokenId: string, socketId: string, place: SocketPlace): Promise<boolean>;
  /** Deletes the record of a socket that has closed. */
  forgetSocket(tokenId: string, socketId: string): Promise<void>;
  /**
   * Claims a bulk request's idempotency key. Fails if another request has used the key.
   *
   * @returns the stored result; null if the caller must run the request, perhaps again after an interrupted attempt
   */
  claimBulk(call: Call): Promise<Outcome<BulkResult | null>>;
  /** Stores the result of a claimed key, of at most MAX_STORED_BYTES, for as long as the claim. */
  storeBulk(call: Call, result: BulkResult): Promise<void>;
}

export interface Workspaces {
  of(workspace: WorkspaceId): WorkspaceApi;
}
