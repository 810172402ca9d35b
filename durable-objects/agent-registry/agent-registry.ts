import { DurableObject } from 'cloudflare:workers';
import { consoleLogger } from '../../src/adapters/console-logger.ts';
import { readObjectSettings } from '../../src/configuration/read.ts';
import type { AgentRegistryApi, SlotRequest, SlotState } from '../../src/ports/agent-registry.ts';
import { type Call, PRINCIPAL_HEADER } from '../../src/ports/calls.ts';
import type { Logger } from '../../src/ports/logger.ts';
import type { AgentView } from '../../src/protocol/agent/agent.ts';
import type { Outcome } from '../../src/protocol/common/errors.ts';
import { type TaskId, Uuid, type WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { Principal } from '../../src/protocol/workspace/token.ts';
import { acceptSocket, durablePlatform, hibernatingSocket, takeMessage } from '../kit/durable-object.ts';
import { tokenTag } from '../kit/text.ts';
import { agentTag, type ControlAttachment } from './connections.ts';
import { type AgentRegistryRuntime, buildAgentRegistry } from './runtime.ts';

const CONTROL_PATH = /^\/ws\/agents\/([^/]+)\/control\/?$/;

/** A workspace's agents and the slots of their capacity; see `AgentRegistryApi`. */
export class AgentRegistry extends DurableObject<Env> implements AgentRegistryApi {
  readonly #logger: Logger;
  readonly #runtime: AgentRegistryRuntime;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#logger = consoleLogger(readObjectSettings(env).OIO_LOG_LEVEL);
    this.#runtime = buildAgentRegistry(durablePlatform(ctx, this.#logger));
  }

  async reserve(workspace: WorkspaceId, request: SlotRequest): Promise<SlotState> {
    return this.#runtime.reserve(workspace, request);
  }

  async cancel(workspace: WorkspaceId, taskId: TaskId, epoch: number): Promise<void> {
    this.#runtime.cancel(workspace, { task_id: taskId, epoch });
  }

  async release(workspace: WorkspaceId, taskId: TaskId, epoch: number): Promise<void> {
    this.#runtime.release(workspace, { task_id: taskId, epoch });
  }

  async agents(call: Call): Promise<Outcome<AgentView[]>> {
    return this.#runtime.agents(call);
  }

  async agent(call: Call, agentId: string): Promise<Outcome<AgentView>> {
    return this.#runtime.agent(call, agentId);
  }

  async closeSockets(tokenId: string): Promise<void> {
    this.#runtime.closeSockets(tokenId);
  }

  /** The upgrade of a control socket: `GET /ws/agents/{agent_id}/control` with the principal in `PRINCIPAL_HEADER`. */
  override fetch(request: Request): Response {
    const agentId = CONTROL_PATH.exec(new URL(request.url).pathname)?.[1];
    if (!Uuid.safeParse(agentId).success) return new Response('there is no such socket', { status: 404 });
    const header = request.headers.get(PRINCIPAL_HEADER);
    if (!header) return new Response('a principal is needed', { status: 401 });
    const { workspace, token_id } = JSON.parse(header) as Principal;
    if (!this.#runtime.admits(workspace)) return new Response('there is no such registry', { status: 404 });
    const attachment: ControlAttachment = {
      workspace,
      agent_id: agentId!,
      instance_id: null,
      seen_at: Date.now(),
      closed: false,
    };
    return acceptSocket(this.ctx, [agentTag(agentId!), tokenTag(token_id)], attachment).response;
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    takeMessage(this.ctx, this.#logger, socket, message, (from, text) => this.#runtime.message(from, text));
  }

  override webSocketClose(socket: WebSocket): void {
    this.#runtime.closed(hibernatingSocket(this.ctx, socket));
  }

  override webSocketError(socket: WebSocket): void {
    this.#runtime.closed(hibernatingSocket(this.ctx, socket));
  }

  override alarm(): void {
    this.#runtime.alarm();
  }
}
