import { objectSockets } from '../../src/adapters/objects/stubs.ts';
import type { Call } from '../../src/ports/calls.ts';
import type { CodeClaims, SocketPlace, StoredTemplate, WorkspaceApi } from '../../src/ports/workspace.ts';
import type { Outcome } from '../../src/protocol/common/errors.ts';
import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { Page, PageQuery } from '../../src/protocol/common/page.ts';
import type { BulkResult } from '../../src/protocol/session/bulk.ts';
import type { TemplateBody } from '../../src/protocol/workspace/task-template.ts';
import type { CreateTokenRequest, TokenView } from '../../src/protocol/workspace/token.ts';
import type { Destination } from '../kit/delivery/outbox.ts';
import { ObjectShell } from '../kit/platform/object-shell.ts';
import { buildWorkspace, type WorkspaceRuntime } from './runtime.ts';
import type { SocketClosing } from './tokens/open-sockets.ts';

/** The object of a workspace. See `WorkspaceApi`. */
export class Workspace extends ObjectShell<WorkspaceRuntime> implements WorkspaceApi {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, 'Workspace', (workspace, platform) =>
      buildWorkspace(workspace, platform, closeSocketsIn(workspace, env)),
    );
  }

  async templates(call: Call): Promise<Outcome<StoredTemplate[]>> {
    return this.runtime.templates(call);
  }

  async putTemplate(call: Call, name: string, body: TemplateBody): Promise<Outcome<StoredTemplate>> {
    return this.runtime.putTemplate(call, name, body);
  }

  async deleteTemplate(call: Call, name: string): Promise<Outcome<null>> {
    return this.runtime.deleteTemplate(call, name);
  }

  async createToken(call: Call, request: CreateTokenRequest): Promise<Outcome<TokenView>> {
    return this.runtime.createToken(call, request);
  }

  async listTokens(call: Call, page?: PageQuery): Promise<Outcome<Page<TokenView>>> {
    return this.runtime.listTokens(call, page);
  }

  async revokeToken(call: Call, id: string): Promise<Outcome<TokenView>> {
    return this.runtime.revokeToken(call, id);
  }

  async redeemCode(call: Call, code: CodeClaims): Promise<Outcome<TokenView>> {
    return this.runtime.redeemCode(call, code);
  }

  async revokedTokens(usedToken?: string): Promise<string[]> {
    return this.runtime.revokedTokens(usedToken);
  }

  async recordSocket(tokenId: string, socketId: string, place: SocketPlace): Promise<boolean> {
    return this.runtime.recordSocket(tokenId, socketId, place);
  }

  async forgetSocket(tokenId: string, socketId: string): Promise<void> {
    this.runtime.forgetSocket(tokenId, socketId);
  }

  async claimBulk(call: Call): Promise<Outcome<BulkResult | null>> {
    return this.runtime.claimBulk(call);
  }

  async storeBulk(call: Call, result: BulkResult): Promise<void> {
    this.runtime.storeBulk(call, result);
  }
}

/** Delivers socket closings to the objects of a workspace that hold sockets. */
function closeSocketsIn(workspace: WorkspaceId, env: Env): Destination['deliver'] {
  const sockets = objectSockets(env);
  return async (_key, payload) => {
    const { token_id, place } = payload as SocketClosing;
    await sockets.close(workspace, place, token_id);
  };
}
