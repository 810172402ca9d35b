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
  | { state: 'offered' | 'taken'; agent_id: string }
  /** Withdrawn or released before: a tombstone answers, so that order never matters. */
  | { state: 'ended' };

/**
 * The workspace's agents and the slots of their capacity. It owns slots and offers; epochs and leases are the
 * session's. `reserve`, `withdraw` and `release` are idempotent on (task, epoch), commute, and leave tombstones.
 */
export interface AgentRegistryApi {
  /** Asked again, a slot that nobody has taken follows the request's priority and requirements. */
  reserve(workspace: WorkspaceId, request: SlotRequest): Promise<SlotState>;
  /** The request is no longer wanted, queued or offered or taken. */
  withdraw(workspace: WorkspaceId, taskId: TaskId, epoch: number): Promise<void>;
  /** The lease has ended: the slot is free. */
  release(workspace: WorkspaceId, taskId: TaskId, epoch: number): Promise<void>;
  agents(call: Call): Promise<Outcome<AgentView[]>>;
  agent(call: Call, agentId: string): Promise<Outcome<AgentView>>;
  closeSockets(tokenId: string): Promise<void>;
}

export interface AgentRegistries {
  of(workspace: WorkspaceId): AgentRegistryApi;
}
