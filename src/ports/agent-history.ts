import type { AgentType, Capability, PerformanceTier, ResultStatus, SessionType } from '../protocol/common/enums.ts';

/** A registered agent, as it was when it last changed. Times are ISO 8601. */
export interface AgentRecord {
  workspace: string;
  agent_id: string;
  /** Grows with each change of the agent, also when it is registered again after its removal. */
  rev: number;
  name: string;
  agent_type: AgentType;
  capabilities: readonly Capability[];
  labels: readonly string[];
  preferred_technologies: readonly string[];
  max_concurrent_capacity: number;
  model: string | null;
  cost_per_token_usd: number | null;
  repository: string | null;
  remotes: readonly string[];
  /** The release of the agent's program; null if it has not said it. */
  version: string | null;
  performance_tier: PerformanceTier;
  changed_at: string;
  /** Null while it is registered. */
  removed_at: string | null;
}

/** A finished assignment: an agent's work on a task under one lease. Times are ISO 8601. */
export interface AgentRun {
  workspace: string;
  /** (`task_id`, `epoch`) is the key, so deliveries may be repeated. */
  task_id: string;
  epoch: number;
  session_id: string;
  agent_id: string;
  agent_name: string;
  session_type: SessionType;
  /** What the task required. */
  capabilities: readonly Capability[];
  status: ResultStatus;
  /** Whether a failure is of the agent's own making. */
  own_fault: boolean;
  started_at: string;
  ended_at: string;
  duration_ms: number;
  cost_usd: number;
  /** How good the work is, from 0 to 1: by a person's rating, or else by its checks; null if neither says so. */
  quality: number | null;
  /** How often it was rated. The newest rating counts. */
  ratings: number;
}

/** Agents and their finished assignments, stored in Postgres for analysis. Deliveries may be repeated and reordered. */
export interface AgentHistory {
  /**
   * Inserts an agent, or replaces an older revision of it.
   * @throws Rejected when the agent can never be stored; any other error when Postgres is not available now
   */
  recordAgent(agent: AgentRecord, signal?: AbortSignal): Promise<void>;
  /** Inserts an assignment, or replaces its quality by that of a newer rating. It throws as `recordAgent` does. */
  recordRun(run: AgentRun, signal?: AbortSignal): Promise<void>;
  /** An agent, also a removed one; null if it was never recorded. */
  agent(workspace: string, agentId: string): Promise<AgentRecord | null>;
  /** An agent's assignments, in the order in which they ended. */
  runsOfAgent(workspace: string, agentId: string): Promise<AgentRun[]>;
}
