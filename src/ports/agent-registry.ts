import type { AgentView } from '../protocol/agent/agent.ts';
import type { Capability, SessionPriority } from '../protocol/common/enums.ts';
import type { Outcome } from '../protocol/common/errors.ts';
import type { SessionId, TaskId, WorkspaceId } from '../protocol/common/ids.ts';
import type { Call } from './calls.ts';

/** A request for a slot of some agent's capacity. One for each (task, epoch). */
export interface SlotRequest {
  session_id: SessionId;
  task_id: TaskId;
  epoch: number;
  priority: SessionPriority;
  required_capabilities: Capability[];
  /** `name=value`, each to be found on the agent as it is. */
  required_labels: string[];
  /** The repository's first commit, once the session is bound to one. */
  repository: string | null;
  /** The key of the repository's address, where the session names one: a remote of the agent's clone. */
  repository_key: string | null;
  /** Agents that have given this task back as not to be done there: asked again only when there is nobody else. */
  avoid_agents: string[];
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
