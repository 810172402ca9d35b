import { buildWorkspace, type WorkspaceRuntime } from '../../durable-objects/workspace/runtime.ts';
import type { SocketClosing } from '../../durable-objects/workspace/tokens/open-sockets.ts';
import type { WorkspaceApi } from '../../src/ports/workspace.ts';
import { NodePlatform } from './node-platform.ts';

/** The workspace's object in this process: its runtime on SQLite in memory. This class plays the shell. */
export class WorkspaceInProcess {
  readonly platform: NodePlatform;
  readonly workspace = 'default';
  /** The closes that have arrived at the objects that hold sockets, as `<token id>/<kind>/<object id>`. */
  readonly closed: string[] = [];
  /** Whether those objects cannot be reached now, or the id of the one that cannot. */
  away: boolean | string = false;
  readonly #evictBetweenSteps: boolean;
  #runtime: WorkspaceRuntime;

  /** @param evictBetweenSteps builds a new runtime for every step, as after an eviction */
  constructor({ platform = new NodePlatform(), evictBetweenSteps = false } = {}) {
    this.platform = platform;
    this.#evictBetweenSteps = evictBetweenSteps;
    this.#runtime = this.#build();
  }

  get runtime(): WorkspaceRuntime {
    if (this.#evictBetweenSteps) this.#runtime = this.#build();
    return this.#runtime;
  }

  get api(): WorkspaceApi {
    return {
      templates: async (call) => this.runtime.templates(call),
      putTemplate: async (call, name, body) => this.runtime.putTemplate(call, name, body),
      deleteTemplate: async (call, name) => this.runtime.deleteTemplate(call, name),
      createToken: async (call, request) => this.runtime.createToken(call, request),
      listTokens: async (call, page) => this.runtime.listTokens(call, page),
      revokeToken: async (call, id) => this.runtime.revokeToken(call, id),
      redeemCode: async (call, code) => this.runtime.redeemCode(call, code),
      revokedTokens: async (usedToken) => this.runtime.revokedTokens(usedToken),
      recordSocket: async (tokenId, socketId, place) => this.runtime.recordSocket(tokenId, socketId, place),
      forgetSocket: async (tokenId, socketId) => this.runtime.forgetSocket(tokenId, socketId),
      claimBulk: async (call) => this.runtime.claimBulk(call),
      storeBulk: async (call, result) => this.runtime.storeBulk(call, result),
    };
  }

  async advance(ms: number): Promise<void> {
    await this.platform.settle();
    await this.platform.advance(ms, () => this.runtime.alarm());
  }

  #build(): WorkspaceRuntime {
    return buildWorkspace(this.workspace, this.platform, async (_key, payload) => {
      const { token_id, place } = payload as SocketClosing;
      if (this.away === true || this.away === place.id) throw new Error('away');
      this.closed.push(`${token_id}/${place.kind}/${place.id}`);
    });
  }
}
