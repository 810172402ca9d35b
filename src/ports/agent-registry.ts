import type { AgentView } from '../protocol/agent/agent.ts';
import type { SessionPriority } from '../protocol/common/enums.ts';
import type { Outcome } from '../protocol/common/errors.ts';
import type { SessionId, TaskId, WorkspaceId } from '../protocol/common/ids.ts';
import type { Requirements } from '../protocol/session/requirements.ts';
import type { Call } from './calls.ts';

/** A request for a slot of some agent's capacity. One for each (task, epoch). */
export interface SlotRequest {
  session_id: SessionId;
  task_id: TaskId;
  epoch: number;
  priority: SessionPriority;
  requirements: Requirements;
}

export type SlotState =
  | { state: 'queued'; place: number }
  | { state: 'offered' | 'accepted'; agent_id: string }
  /** Cancelled or released before. The slot’s tombstone answers, so the order of calls never matters. */
  | { state: 'ended' };

/**
 * The workspace's agents and the slots of their capacity. It owns slots and offers; epochs and leases are the
 * session's. `reserve`, `cancel` and `release` are idempotent on (task, epoch), commute, and leave tombstones.
 */
export interface AgentRegistryApi {
  /** Called again, it gives a slot that no agent has accepted the request’s priority and requirements. */
  reserve(workspace: WorkspaceId, request: SlotRequest): Promise<SlotState>;
  /** The session no longer wants the slot, whether it is queued, offered or accepted. */
  cancel(workspace: WorkspaceId, taskId: TaskId, epoch: number): Promise<void>;
  /** The lease has ended: the slot is free. */
  release(workspace: WorkspaceId, taskId: TaskId, epoch: number): Promise<void>;
  agents(call: Call): Promise<Outcome<AgentView[]>>;
  agent(call: Call, agentId: string): Promise<Outcome<AgentView>>;
  closeSockets(tokenId: string): Promise<void>;
}

export interface AgentRegistries {
  of(workspace: WorkspaceId): AgentRegistryApi;
}
