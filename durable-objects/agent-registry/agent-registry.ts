import type { AgentRegistryApi, SlotRequest, SlotState } from '../../src/ports/agent-registry.ts';
import type { Call } from '../../src/ports/calls.ts';
import type { Acquired } from '../../src/ports/locks.ts';
import type { AgentView } from '../../src/protocol/agent/agent.ts';
import type { Outcome } from '../../src/protocol/common/errors.ts';
import type { SessionId, TaskId } from '../../src/protocol/common/ids.ts';
import type { Page, PageQuery } from '../../src/protocol/common/page.ts';
import type {
  AcquireLockRequest,
  HeldLock,
  LockView,
  ReleaseLockRequest,
  RenewLockRequest,
} from '../../src/protocol/lock/lock.ts';
import type { QueuePlace } from '../../src/protocol/session/queue.ts';
import { ObjectShell } from '../kit/platform/object-shell.ts';
import { type AgentRegistryRuntime, buildAgentRegistry } from './runtime.ts';

/** The object of a workspace's agents. See `AgentRegistryApi`. */
export class AgentRegistry extends ObjectShell<AgentRegistryRuntime> implements AgentRegistryApi {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, 'AgentRegistry', buildAgentRegistry);
  }

  async reserve(request: SlotRequest): Promise<SlotState> {
    return this.runtime.reserve(request);
  }

  async cancel(taskId: TaskId, epoch: number): Promise<void> {
    this.runtime.cancel({ task_id: taskId, epoch });
  }

  async release(taskId: TaskId, epoch: number): Promise<void> {
    this.runtime.release({ task_id: taskId, epoch });
  }

  async agents(call: Call, page?: PageQuery): Promise<Outcome<Page<AgentView>>> {
    return this.runtime.agents(call, page);
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
