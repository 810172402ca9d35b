import type { Capability, PerformanceTier } from '../../protocol/common/enums.ts';
import type { Requirements } from '../../protocol/session/requirements.ts';
import { isSameRepository } from '../same-repository.ts';
import { meetsLabel } from './labels.ts';
import { reachesTier } from './tiers.ts';

/**
 * How long a slot may pass on without another permission of the registry, in ms.
 *
 * When a task ends, its session may give the next one to the same agent without asking the registry: the slot *passes
 * on*. The registry has allowed this until a certain time. The session reports each pass, and the registry answers with
 * a new time. The rule:
 *
 * - While no other session's request that the agent can take waits, a slot may pass on for this time.
 * - While one waits, a slot may pass on until a request that comes then would stand behind it in the queue.
 *
 * So a task that comes later than a request by more than the request's lags and this time does not overtake it. A
 * permission that ends while a task is worked on costs at most that one task of each slot.
 */
export const PASS_MS = 60_000;

/** What the registry knows of an agent whose slot may pass on. */
export interface PassFacts {
  /** Whether the agent may get new work at all: it does not drain, has not failed often, and has no more than it takes. */
  takes_work: boolean;
  /** Where the first request of another session that it can take stands (ms since the epoch); null without one. */
  first_waiting: number | null;
  /** The greatest lag of a request of the slot's session, in ms. */
  lag: number;
}

/** For how long a slot may pass on from now, in ms. */
export function passMs({ takes_work, first_waiting, lag }: PassFacts, now: number): number {
  if (!takes_work) return 0;
  if (first_waiting === null) return PASS_MS;
  return Math.max(0, Math.min(PASS_MS, first_waiting - lag - now));
}

/** What a session knows of the agent of a lease. */
export interface KnownAgent {
  agent_id: string;
  instance_id: string;
  /** The root commit of its clone; null if it does not know it. */
  repository: string | null;
  /** What it has presented, and what the request required for which the registry has chosen it. */
  capabilities: readonly Capability[];
  labels: readonly string[];
  /** The labels that its request required. */
  met_labels: readonly string[];
  tier: PerformanceTier | null;
  repository_key: string | null;
}

/**
 * Whether an agent can go on with a task, by what its session knows of it. If the session does not know, or if the task
 * prefers another agent, the registry decides.
 */
export function canGoOnWith(agent: KnownAgent, required: Requirements): boolean {
  const { preferred_agent_ids = [], refusing_instances = [], worktree_at, min_performance_tier } = required;
  return (
    isSameRepository(agent.repository, required) &&
    (required.repository_key === null || required.repository_key === agent.repository_key) &&
    required.required_capabilities.every((one) => agent.capabilities.includes(one)) &&
    required.required_labels.every((one) => agent.met_labels.includes(one) || meetsLabel(agent.labels, one)) &&
    (min_performance_tier == null || (agent.tier !== null && reachesTier(agent.tier, min_performance_tier))) &&
    !required.avoid_agents.includes(agent.agent_id) &&
    !refusing_instances.includes(agent.instance_id) &&
    (worktree_at === undefined || worktree_at === agent.agent_id) &&
    (preferred_agent_ids.length === 0 || preferred_agent_ids.includes(agent.agent_id))
  );
}
