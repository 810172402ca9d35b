import { DurableObject } from 'cloudflare:workers';
import { consoleLogger } from '../../src/adapters/console-logger.ts';
import { partsOfName } from '../../src/adapters/objects/names.ts';
import { objectAgentRegistries, objectSessions } from '../../src/adapters/objects/stubs.ts';
import { readObjectSettings } from '../../src/configuration/read.ts';
import type { Call } from '../../src/ports/calls.ts';
import type { SocketPlace, WorkspaceApi } from '../../src/ports/workspace.ts';
import type { Role } from '../../src/protocol/common/enums.ts';
import type { Outcome } from '../../src/protocol/common/errors.ts';
import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { BulkResult } from '../../src/protocol/session/bulk.ts';
import type { CreateTokenRequest, TokenView } from '../../src/protocol/workspace/token.ts';
import { durablePlatform } from '../kit/durable-object.ts';
import { type SocketClosing, WorkspaceRuntime } from './runtime.ts';

/** The object of a workspace: a shell that checks whose it is and hands on to the runtime. */
export class Workspace extends DurableObject<Env> implements WorkspaceApi {
  readonly #runtime: WorkspaceRuntime;
  readonly #workspace: WorkspaceId;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#workspace = partsOfName(ctx.id.name ?? '').workspace;
    const sessions = objectSessions(env.SESSION);
    const registries = objectAgentRegistries(env.AGENT_REGISTRY);
    this.#runtime = new WorkspaceRuntime(
      durablePlatform(ctx, consoleLogger(readObjectSettings(env).OIO_LOG_LEVEL)),
      async (_key, payload) => {
        const { token_id, place } = payload as SocketClosing;
        const holder =
          place.kind === 'session' ? sessions.at(this.#workspace, place.id) : registries.of(this.#workspace);
        await holder.closeSockets(token_id);
      },
    );
  }

  async createToken(call: Call, request: CreateTokenRequest): Promise<Outcome<TokenView>> {
    this.#assertOurs(call.principal.workspace);
    return this.#runtime.createToken(call, request);
  }

  async listTokens(call: Call): Promise<Outcome<TokenView[]>> {
    this.#assertOurs(call.principal.workspace);
    return this.#runtime.listTokens();
  }

  async revokeToken(call: Call, id: string): Promise<Outcome<TokenView>> {
    this.#assertOurs(call.principal.workspace);
    return this.#runtime.revokeToken(id);
  }

  async redeemCode(call: Call, code: { id: string; expires_at: number; role: Role }): Promise<Outcome<TokenView>> {
    this.#assertOurs(call.principal.workspace);
    return this.#runtime.redeemCode(call, code);
  }

  async revokedTokens(workspace: WorkspaceId): Promise<string[]> {
    this.#assertOurs(workspace);
    return this.#runtime.revokedTokens();
  }

  async noteSocket(workspace: WorkspaceId, tokenId: string, place: SocketPlace): Promise<boolean> {
    this.#assertOurs(workspace);
    return this.#runtime.noteSocket(tokenId, place);
  }

  async claimBulk(call: Call): Promise<Outcome<BulkResult | null>> {
    this.#assertOurs(call.principal.workspace);
    return this.#runtime.claimBulk(call);
  }

  async keepBulk(call: Call, result: BulkResult): Promise<void> {
    this.#assertOurs(call.principal.workspace);
    this.#runtime.keepBulk(call, result);
  }

  override alarm(): void {
    this.#runtime.alarm();
  }

  /** Names begin with the workspace, so a call for another one cannot arrive here unless we have a bug. */
  #assertOurs(workspace: WorkspaceId): void {
    if (workspace !== this.#workspace) throw new Error('a call for another workspace');
  }
}
