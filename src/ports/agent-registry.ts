import type {
  AgentListQuery,
  AgentPerformance,
  AgentView,
  DeregisterAgentRequest,
  DrainAgentRequest,
  FleetStatistics,
  RegisterAgentRequest,
  RoutedAgent,
  RouteTaskRequest,
  UpdateAgentRequest,
} from '../protocol/agent/agent.ts';
import type { Rebalance, RebalanceRequest } from '../protocol/agent/rebalance.ts';
import type {
  AgentType,
  Capability,
  ResultStatus,
  SessionPriority,
  SessionType,
  TaskPriority,
} from '../protocol/common/enums.ts';
import type { Outcome } from '../protocol/common/errors.ts';
import type { SessionId, TaskId, WorkspaceId } from '../protocol/common/ids.ts';
import { FIRST_PAGE, type Page, type PageQuery } from '../protocol/common/page.ts';
import type { CheckEvidence } from '../protocol/session/checks.ts';
import type { QueuePlace } from '../protocol/session/queue.ts';
import type { Requirements } from '../protocol/session/requirements.ts';
import type { Call } from './calls.ts';
import type { LocksApi } from './locks.ts';
import type { TokenSockets } from './sockets.ts';
import type { WorkClaimsApi } from './work-claims.ts';

/** A request for a slot of an agent's capacity. Each (task, epoch) has one. */
export interface SlotRequest {
  session_id: SessionId;
  task_id: TaskId;
  epoch: number;
  priority: SessionPriority;
  /** The rank of the task in its session; absent if it is normal. */
  task_priority?: TaskPriority;
  requirements: Requirements;
  /** The key under which the registry proves to the session whom it has offered the slot. No agent knows it. */
  proof_key: string;
  /** Whether the session asks for the registry's word; see `PassWord`. */
  may_pass?: true;
  /** The session asks what was measured of estimates: for a type of agents, or for all of them (null). */
  times_of?: AgentType | null;
}

/**
 * How long work took that required a capability, relative to its estimates; see `MeasuredTimes`. What required none is
 * under `EVERYTHING`.
 */
export type TimesByCapability = Readonly<Record<string, { logarithms: number; results: number }>>;
export const EVERYTHING = '';

/** A slot whose lease has ended, and which its session has passed on to the next task, with the lease of that one. */
export interface SlotPass {
  from: { task_id: TaskId; epoch: number; result?: AssignmentResult };
  /** As it would be reserved. */
  request: SlotRequest;
  agent_id: string;
  /** The agent's process. */
  instance_id: string;
}

/** For how long a slot may pass on to other tasks of its session, in ms from now; see `PASS_MS`. */
export interface PassWord {
  pass_ms: number;
}

/** How an agent's assignment has ended. */
export interface AssignmentResult {
  agent_id: string;
  status: ResultStatus;
  /** Whether a failure is of the agent's own making; see `isOwnFault`. */
  own_fault: boolean;
  /** By the session's clock, in ms since the epoch. */
  ended_at: number;
  duration_ms: number;
  cost_usd: number;
  session_type: SessionType;
  /** The mean of the task's estimate; absent if it has none. */
  estimated_ms?: number;
  /** What the task required. */
  capabilities: readonly Capability[];
  /** What the checks of the task say of the work; absent if it has none, or if they did not run. */
  checks?: CheckEvidence;
  /** A person's rating, from 0 to 1, and its number, from 1: the highest one counts. Absent before the first. */
  rating?: { quality: number; number: number };
}

/** The ids of an agent and of its own token. */
export interface Registration {
  agent_id: string;
  token_id: string;
}

/** Which agents a list has. An empty list of values filters nothing. */
export type AgentFilter = Omit<AgentListQuery, keyof PageQuery>;
export type AgentQuery = AgentFilter & PageQuery;

/** The first page of all agents. */
export const ALL_AGENTS: AgentQuery = {
  ...FIRST_PAGE,
  capability: [],
  label: [],
  agent_type: [],
  performance_tier: [],
};

export type SlotState = (
  | { state: 'queued'; place: number }
  | { state: 'offered' | 'accepted'; agent_id: string; pass_ms?: number }
  /** The slot was cancelled or released before. Its tombstone remains, so that the order of calls does not matter. */
  | { state: 'ended' }
) & { times?: TimesByCapability };

/**
 * The workspace's agents and the slots of their capacity. The registry owns slots and offers; sessions own epochs and
 * leases. `reserve`, `cancel`, `release` and `pass` are idempotent on (task, epoch), commute, and leave tombstones.
 * The registry also has the workspace's locks.
 */
export interface AgentRegistryApi extends TokenSockets, LocksApi, WorkClaimsApi {
  /** Reserves a slot. If called again, it updates the slot's priority and requirements. */
  reserve(request: SlotRequest): Promise<SlotState>;
  /** The session no longer wants the slot, whether it is queued, offered or accepted. */
  cancel(taskId: TaskId, epoch: number): Promise<void>;
  /** Says that an agent without a socket holds the lease of its offer. */
  accept(taskId: TaskId, epoch: number, agentId: string): Promise<void>;
  /**
   * Frees the slot, because its lease has ended. A repeat with another rating rates the result.
   * @param result absent if the end says nothing of the agent
   */
  release(taskId: TaskId, epoch: number, result?: AssignmentResult): Promise<void>;
  /** Frees one slot and takes the next one for the same agent, which has that lease already. */
  pass(pass: SlotPass): Promise<PassWord>;
  /** A page of the agents, the first one by default. Like all pages, it fails for the cursor of another list. */
  agents(call: Call, query?: AgentQuery): Promise<Outcome<Page<AgentView>>>;
  /**
   * Registers an agent under the proposed ids, with its own token.
   * @returns the ids that count: a repeated request, and an agent that registers again with its secret, has earlier ones
   */
  register(call: Call, proposed: Registration, request: RegisterAgentRequest): Promise<Outcome<Registration>>;
  update(call: Call, agentId: string, changes: UpdateAgentRequest): Promise<Outcome<AgentView>>;
  /** Gives the agent no new work. When the time is over, its sessions take the leases that it still has. */
  drain(call: Call, agentId: string, request: DrainAgentRequest): Promise<Outcome<AgentView>>;
  resume(call: Call, agentId: string): Promise<Outcome<AgentView>>;
  /** Drains the agent, and then removes it and ends its token. */
  deregister(call: Call, agentId: string, request: DeregisterAgentRequest): Promise<Outcome<null>>;
  /** What sessions wait for, by their ids. Sessions without a queued or offered slot are absent. */
  places(call: Call, sessions: SessionId[]): Promise<Outcome<Record<SessionId, QueuePlace>>>;
  /** Whether a token is the own one of an agent that is registered. Only the Worker asks. */
  isOwnToken(agentId: string, tokenId: string): Promise<boolean>;
  /** The agent that would get a task now. Reserves nothing. */
  route(call: Call, request: RouteTaskRequest): Promise<Outcome<RoutedAgent>>;
  /** Moves work from agents that have too much to idle ones. */
  rebalance(call: Call, request: RebalanceRequest): Promise<Outcome<Rebalance>>;
  statistics(call: Call): Promise<Outcome<FleetStatistics>>;
  /** How an agent has worked lately. */
  performance(call: Call, agentId: string): Promise<Outcome<AgentPerformance>>;
  agent(call: Call, agentId: string): Promise<Outcome<AgentView>>;
}

export interface AgentRegistries {
  of(workspace: WorkspaceId): AgentRegistryApi;
}
