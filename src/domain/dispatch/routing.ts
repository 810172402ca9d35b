import type { Capability } from '../../protocol/common/enums.ts';
import type { Requirements } from '../../protocol/session/requirements.ts';

/** The properties of an agent that requirements refer to. */
export interface Abilities {
  capabilities: readonly Capability[];
  labels: readonly string[];
  repository: string | null;
  /** The keys of its clone's remotes (see `repositoryKey`). */
  remotes: readonly string[];
}

/** The properties of an agent that routing uses. */
export interface Candidate extends Abilities {
  id: string;
  capacity: number;
  slots_used: number;
  /** When a slot of this agent last became free (ms since the epoch). */
  idle_since: number;
}

/** Whether an agent has at least one free slot. */
export function hasRoom(agent: Pick<Candidate, 'capacity' | 'slots_used'>): boolean {
  return agent.slots_used < agent.capacity;
}

/** Whether an agent meets the requirements. Ignores whether the agent has room. */
export function meets(agent: Abilities, required: Requirements): boolean {
  return (
    (required.repository === null || required.repository === agent.repository) &&
    (required.repository_key === null || agent.remotes.includes(required.repository_key)) &&
    required.required_capabilities.every((capability) => agent.capabilities.includes(capability)) &&
    required.required_labels.every((label) => agent.labels.includes(label))
  );
}

/**
 * Chooses the agent for a request among those that have room and meet its requirements. The order of preference is:
 * agents that are not avoided, the least loaded by share of capacity, the longest idle. Ids break ties, so that the
 * order of `agents` does not matter.
 * @returns null when no agent fits
 */
export function chooseAgent<A extends Candidate>(required: Requirements, agents: Iterable<A>): A | null {
  let best: A | null = null;
  for (const agent of agents) {
    if (hasRoom(agent) && meets(agent, required) && (best === null || isBetter(agent, best, required))) best = agent;
  }
  return best;
}

function isBetter(agent: Candidate, other: Candidate, { avoid_agents }: Requirements): boolean {
  const avoided = avoid_agents.includes(agent.id);
  if (avoided !== avoid_agents.includes(other.id)) return !avoided;
  const loadDifference = agent.slots_used / agent.capacity - other.slots_used / other.capacity;
  if (loadDifference !== 0) return loadDifference < 0;
  if (agent.idle_since !== other.idle_since) return agent.idle_since < other.idle_since;
  return agent.id < other.id;
}
