import type { Capability, PerformanceTier } from '../../protocol/common/enums.ts';
import type { Requirements } from '../../protocol/session/requirements.ts';
import { isSameRepository } from '../same-repository.ts';
import { meetsLabel } from './labels.ts';
import { utilisation } from './load.ts';
import { type Scored, scoreOf, scoreParts, type Wishes } from './score.ts';
import { reachesTier } from './tiers.ts';

/** The properties of an agent that requirements refer to. */
export interface Abilities {
  capabilities: readonly Capability[];
  labels: readonly string[];
  tier: PerformanceTier;
  /** Hash of its clone's first commit; null if it is unknown, as in a shallow clone. */
  repository: string | null;
  /** The keys of its clone's remotes (see `repositoryKey`). */
  remotes: readonly string[];
}

/** The properties of an agent that routing uses. */
export interface Candidate extends Abilities, Scored {
  capabilities: readonly Capability[];
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
    isSameRepository(agent.repository, required) &&
    (required.repository_key === null || agent.remotes.includes(required.repository_key)) &&
    required.required_capabilities.every((capability) => agent.capabilities.includes(capability)) &&
    required.required_labels.every((label) => meetsLabel(agent.labels, label)) &&
    reachesTier(agent.tier, required.min_performance_tier)
  );
}

/**
 * Chooses the agent for a request among those that have room and meet its requirements. The order of preference is:
 * agents that are not avoided, the highest score, the least loaded by share of capacity, the fastest, the longest idle.
 * Ids break ties, so that the order of `agents` does not matter.
 * @param peers_ms the median duration of the agents' recent results; null without one
 * @returns null when no agent fits
 */
export function chooseAgent<A extends Candidate>(
  required: Requirements,
  agents: Iterable<A>,
  peers_ms: number | null = null,
): A | null {
  const wishes = wishesOf(required);
  let best: Ranked<A> | null = null;
  for (const agent of agents) {
    if (!hasRoom(agent) || !meets(agent, required)) continue;
    const score = scoreOf(scoreParts(agent, wishes, peers_ms));
    const ranked = { agent, score };
    if (best === null || isPreferred(ranked, best, required)) best = ranked;
  }
  return best?.agent ?? null;
}

interface Ranked<A extends Candidate> {
  agent: A;
  score: number;
}

/** Smaller differences are errors of rounding. */
const EQUAL_SCORES = 1e-9;

function isPreferred(one: Ranked<Candidate>, other: Ranked<Candidate>, { avoid_agents }: Requirements): boolean {
  const isAvoided = avoid_agents.includes(one.agent.id);
  return isAvoided === avoid_agents.includes(other.agent.id) ? isBetter(one, other) : !isAvoided;
}

/** Whether an agent comes before another one: by its score, then the least loaded, the fastest, the longest idle. */
export function isBetter(
  { agent, score }: Ranked<Candidate>,
  { agent: other, score: best }: Ranked<Candidate>,
): boolean {
  if (Math.abs(score - best) > EQUAL_SCORES) return score > best;
  const loadDifference = utilisation(agent) - utilisation(other);
  if (loadDifference !== 0) return loadDifference < 0;
  // The difference may have been too small for the score. An unknown speed comes last.
  const [duration, otherDuration] = [agent, other].map(({ duration_ms }) => duration_ms ?? Number.MAX_VALUE);
  if (duration !== otherDuration) return duration! < otherDuration!;
  if (agent.idle_since !== other.idle_since) return agent.idle_since < other.idle_since;
  return agent.id < other.id;
}

function wishesOf(required: Requirements): Wishes {
  return {
    capabilities: required.required_capabilities,
    technologies: required.technologies ?? [],
    session_type: required.session_type ?? null,
    agent_type: required.preferred_agent_type ?? null,
    agent_ids: required.preferred_agent_ids ?? [],
    labels: required.preferred_labels ?? {},
    worktree_at: required.worktree_at ?? null,
  };
}
