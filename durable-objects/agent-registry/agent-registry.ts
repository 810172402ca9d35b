import type {
  AgentRegistryApi,
  AssignmentResult,
  PassWord,
  SlotPass,
  SlotRequest,
  SlotState,
} from '../../src/ports/agent-registry.ts';
import type { Call } from '../../src/ports/calls.ts';
import type { Acquired } from '../../src/ports/locks.ts';
import type { AgentView } from '../../src/protocol/agent/agent.ts';
import type { Outcome } from '../../src/protocol/common/errors.ts';
import type { SessionId, TaskId } from '../../src/protocol/common/ids.ts';
import type {
  AcquireLockRequest,
  HeldLock,
  LockView,
  ReleaseLockRequest,
  RenewLockRequest,
} from '../../src/protocol/lock/lock.ts';
import type { QueuePlace } from '../../src/protocol/session/queue.ts';
import { ObjectShell } from '../kit/platform/object-shell.ts';
import { registryPortsOf } from './compose.ts';
import { type AgentRegistryRuntime, buildAgentRegistry } from './runtime.ts';

type Args<M extends keyof AgentRegistryApi> = Parameters<AgentRegistryApi[M]>;

/** The object of a workspace's agents. See `AgentRegistryApi`. */
export class AgentRegistry extends ObjectShell<AgentRegistryRuntime> implements AgentRegistryApi {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, 'AgentRegistry', (workspace, platform) =>
      buildAgentRegistry(workspace, platform, registryPortsOf(workspace, env)),
    );
  }

  async reserve(request: SlotRequest): Promise<SlotState> {
    return this.runtime.reserve(request);
  }

  async cancel(taskId: TaskId, epoch: number): Promise<void> {
    this.runtime.cancel({ task_id: taskId, epoch });
  }

  async release(taskId: TaskId, epoch: number, result?: AssignmentResult): Promise<void> {
    this.runtime.release({ task_id: taskId, epoch }, result);
  }

  async accept(taskId: TaskId, epoch: number, agentId: string): Promise<void> {
    this.runtime.accept({ task_id: taskId, epoch }, agentId);
  }

  async pass(pass: SlotPass): Promise<PassWord> {
    return this.runtime.pass(pass);
  }

  async claim(...args: Args<'claim'>): ReturnType<AgentRegistryApi['claim']> {
    return this.runtime.polls.claim(...args);
  }

  async heartbeat(...args: Args<'heartbeat'>): ReturnType<AgentRegistryApi['heartbeat']> {
    return this.runtime.polls.heartbeat(...args);
  }

  async agents(...args: Args<'agents'>): ReturnType<AgentRegistryApi['agents']> {
    return this.runtime.agents(...args);
  }

  async isOwnToken(...args: Args<'isOwnToken'>): ReturnType<AgentRegistryApi['isOwnToken']> {
    return this.runtime.isOwnToken(...args);
  }

  async route(...args: Args<'route'>): ReturnType<AgentRegistryApi['route']> {
    return this.runtime.fleet.route(...args);
  }

  async statistics(...args: Args<'statistics'>): ReturnType<AgentRegistryApi['statistics']> {
    return this.runtime.fleet.statistics(...args);
  }

  async rebalance(...args: Args<'rebalance'>): ReturnType<AgentRegistryApi['rebalance']> {
    return this.runtime.rebalancer.rebalance(...args);
  }

  async performance(...args: Args<'performance'>): ReturnType<AgentRegistryApi['performance']> {
    return this.runtime.performance(...args);
  }

  async register(...args: Args<'register'>): ReturnType<AgentRegistryApi['register']> {
    return this.runtime.register(...args);
  }

  async update(...args: Args<'update'>): ReturnType<AgentRegistryApi['update']> {
    return this.runtime.update(...args);
  }

  async drain(...args: Args<'drain'>): ReturnType<AgentRegistryApi['drain']> {
    return this.runtime.drain(...args);
  }

  async resume(...args: Args<'resume'>): ReturnType<AgentRegistryApi['resume']> {
    return this.runtime.resume(...args);
  }

  async deregister(...args: Args<'deregister'>): ReturnType<AgentRegistryApi['deregister']> {
    return this.runtime.deregister(...args);
  }

  async places(call: Call, sessions: SessionId[]): Promise<Outcome<Record<SessionId, QueuePlace>>> {
    return this.runtime.places(call, sessions);
  }

  async agent(call: Call, agentId: string): Promise<Outcome<AgentView>> {
    return this.runtime.agent(call, agentId);
  }

  async acquireLock(call: Call, resource: string, request: AcquireLockRequest): Promise<Outcome<Acquired>> {
    return this.runtime.locks.acquireLock(call, resource, request);
  }

  async renewLock(call: Call, resource: string, request: RenewLockRequest): Promise<Outcome<HeldLock>> {
    return this.runtime.locks.renewLock(call, resource, request);
  }

  async releaseLock(call: Call, resource: string, request: ReleaseLockRequest): Promise<Outcome<null>> {
    return this.runtime.locks.releaseLock(call, resource, request);
  }

  async readLock(call: Call, resource: string): Promise<Outcome<LockView>> {
    return this.runtime.locks.readLock(call, resource);
  }
}
