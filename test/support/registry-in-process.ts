import { agentTag, newConnection } from '../../durable-objects/agent-registry/agents/connections.ts';
import {
  type AgentRegistryRuntime,
  buildAgentRegistry,
  type RegistryOptions,
} from '../../durable-objects/agent-registry/runtime.ts';
import { endSocketsOf, receiveFrame, tokenTag } from '../../durable-objects/kit/platform/sockets.ts';
import { type Lags, PRIORITY_LAG_MS } from '../../src/domain/dispatch/queue-order.ts';
import type { AgentRegistryApi } from '../../src/ports/agent-registry.ts';
import { type LockWait, lockTurnPath } from '../../src/ports/locks.ts';
import { offerTurnPath } from '../../src/ports/work-claims.ts';
import { authorityOf, type Principal } from '../../src/protocol/workspace/token.ts';
import { principalWith, type TokenOf } from '../unit/ports/agent-registry.fixture.ts';
import type { FakeClient } from './fake-socket.ts';
import { NodePlatform } from './node-platform.ts';

/**
 * The registry in this process: its runtime on SQLite in memory. This class plays the shell.
 */
export class RegistryInProcess {
  readonly platform: NodePlatform;
  readonly workspace: string;
  readonly #evictBetweenSteps: boolean;
  readonly #options: RegistryOptions;
  #runtime: AgentRegistryRuntime;

  /**
   * @param evictBetweenSteps builds a new runtime for every step, as after an eviction
   * @param lags how much later each priority stands in the queue
   * @param evict delivers evictions to sessions
   * @param history where agents are recorded
   */
  constructor({
    platform = new NodePlatform(),
    workspace = 'default',
    evictBetweenSteps = false,
    lags = PRIORITY_LAG_MS as Lags,
    evict = (async () => undefined) as RegistryOptions['evict'],
    history = null as NonNullable<RegistryOptions['history']> | null,
  } = {}) {
    this.platform = platform;
    this.workspace = workspace;
    this.#evictBetweenSteps = evictBetweenSteps;
    this.#options = { lags, evict, history };
    this.#runtime = buildAgentRegistry(workspace, platform, this.#options);
    platform.events = {
      message: (socket, text) => receiveFrame(this.runtime.sockets, socket, text, this.platform.now()),
      close: (socket) => this.runtime.closed(socket),
    };
  }

  /** Memory is lost, and sockets stay. */
  evict(): void {
    this.#runtime = buildAgentRegistry(this.workspace, this.platform, this.#options);
  }

  get runtime(): AgentRegistryRuntime {
    if (this.#evictBetweenSteps) this.evict();
    return this.#runtime;
  }

  get api(): AgentRegistryApi {
    return {
      reserve: async (request) => this.runtime.reserve(request),
      cancel: async (task_id, epoch) => this.runtime.cancel({ task_id, epoch }),
      release: async (task_id, epoch, result) => this.runtime.release({ task_id, epoch }, result),
      accept: async (task_id, epoch, agentId) => this.runtime.accept({ task_id, epoch }, agentId),
      pass: async (pass) => this.runtime.pass(pass),
      claim: async (...args) => this.runtime.polls.claim(...args),
      heartbeat: async (...args) => this.runtime.polls.heartbeat(...args),
      isOwnToken: async (...args) => this.runtime.isOwnToken(...args),
      route: async (...args) => this.runtime.fleet.route(...args),
      statistics: async (...args) => this.runtime.fleet.statistics(...args),
      rebalance: async (...args) => this.runtime.rebalancer.rebalance(...args),
      performance: async (...args) => this.runtime.performance(...args),
      agents: async (...args) => this.runtime.agents(...args),
      register: async (...args) => this.runtime.register(...args),
      update: async (...args) => this.runtime.update(...args),
      drain: async (...args) => this.runtime.drain(...args),
      resume: async (...args) => this.runtime.resume(...args),
      deregister: async (...args) => this.runtime.deregister(...args),
      places: async (call, sessions) => this.runtime.places(call, sessions),
      agent: async (call, agentId) => this.runtime.agent(call, agentId),
      acquireLock: async (call, resource, request) => this.runtime.locks.acquireLock(call, resource, request),
      renewLock: async (call, resource, request) => this.runtime.locks.renewLock(call, resource, request),
      releaseLock: async (call, resource, request) => this.runtime.locks.releaseLock(call, resource, request),
      readLock: async (call, resource) => this.runtime.locks.readLock(call, resource),
      closeSockets: async (tokenId) => endSocketsOf(this.runtime.sockets, this.platform, tokenId),
    };
  }

  connect(agentId: string, token: TokenOf = 'token'): FakeClient {
    const principal = principalWith(token);
    return this.platform.connect(
      [agentTag(agentId), tokenTag(authorityOf(principal))],
      newConnection(agentId, principal, this.platform.now()),
    );
  }

  /** Opens the socket on which the Worker waits for a lock. */
  waitForTurn(wait: LockWait): FakeClient {
    const principal: Principal = { workspace: this.workspace, role: 'operator', token_id: wait.token_id };
    return this.#open(lockTurnPath(wait), principal);
  }

  /** Opens the socket on which the Worker waits for an agent without sockets. */
  poll(agentId: string, max: number, token: TokenOf): FakeClient {
    return this.#open(offerTurnPath(agentId, max), {
      workspace: this.workspace,
      role: 'agent',
      ...principalWith(token),
    });
  }

  #open(path: string, principal: Principal): FakeClient {
    const { tags, attachment, opened } = this.runtime.open(new URL(path, 'https://object'), principal)!;
    const client = this.platform.connect([...tags, tokenTag(authorityOf(principal))], attachment);
    opened?.(client.socket);
    return client;
  }

  advance(ms: number): Promise<void> {
    return this.platform.advance(ms, () => this.runtime.alarm());
  }
}
