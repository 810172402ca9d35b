import type { AgentType, PerformanceTier, SessionType } from '../../protocol/common/enums.ts';
import { meetsLabel } from './labels.ts';
import { utilisation } from './load.ts';

/** What of an agent determines its score. */
export interface Scored {
  id: string;
  agent_type: AgentType;
  capacity: number;
  slots_used: number;
  capabilities: readonly string[];
  preferred_technologies: readonly string[];
  labels: readonly string[];
  tier: PerformanceTier;
  /** The median duration of its recent results in ms; null without one. */
  duration_ms: number | null;
}

/** What a request would like. What it requires is checked before. */
export interface Wishes {
  capabilities: readonly string[];
  technologies: readonly string[];
  session_type: SessionType | null;
  agent_type: AgentType | null;
  agent_ids: readonly string[];
  /** Weights from 0 to 1, by label. A label is written as a required one is. */
  labels: Readonly<Record<string, number>>;
  /** The agent that has the session's worktree. */
  worktree_at: string | null;
}

/** A score's parts, each already weighted. The score is their sum. */
export interface ScoreParts {
  tier: number;
  fit: number;
  load: number;
  duration: number;
  preference: number;
}

const WEIGHT = { tier: 0.4, fit: 0.3, load: 0.2, duration: 0.1 } as const;

/**
 * What a preference adds. The agent with the worktree saves a checkpoint's restoration, but not at the price of a tier:
 * the weight is less than that between elite and trainee (0.24).
 */
const PREFERENCE = { agent_type: 0.1, agent_id: 0.2, label: 0.1, worktree: 0.2 } as const;

const OF_TIER: Readonly<Record<PerformanceTier, number>> = {
  elite: 1,
  advanced: 0.8,
  competent: 0.6,
  trainee: 0.4,
  degraded: 0.2,
};

/** The types of agents that fit a type of session. */
const FITTING: Readonly<Record<SessionType, readonly AgentType[]>> = {
  planning: ['architect', 'analyst', 'orchestrator'],
  execution: ['implementer', 'optimizer'],
  review: ['reviewer', 'analyst'],
  debug: ['debugger'],
  integration: ['integrator', 'orchestrator'],
};

/**
 * Scores an agent for a request. More load never raises a score, and no sum is capped, so that a preference still
 * decides between two good agents.
 * @param peers_ms the median duration of the workspace's recent results in ms; null without one
 */
export function scoreParts(agent: Scored, wishes: Wishes, peers_ms: number | null): ScoreParts {
  return {
    tier: WEIGHT.tier * OF_TIER[agent.tier],
    fit: WEIGHT.fit * fitOf(agent, wishes),
    load: WEIGHT.load * (1 - utilisation(agent)),
    duration: WEIGHT.duration * speedOf(agent.duration_ms, peers_ms),
    preference: preferenceOf(agent, wishes),
  };
}

export function scoreOf({ tier, fit, load, duration, preference }: ScoreParts): number {
  return tier + fit + load + duration + preference;
}

/** The share of the wishes that the agent fulfils; 1 without wishes. */
function fitOf(agent: Scored, { capabilities, technologies, session_type }: Wishes): number {
  const met = [
    ...capabilities.map((capability) => agent.capabilities.includes(capability)),
    ...technologies.map((technology) => prefers(agent, technology)),
    ...(session_type === null ? [] : [FITTING[session_type].includes(agent.agent_type)]),
  ];
  return met.length === 0 ? 1 : met.filter(Boolean).length / met.length;
}

function prefers({ preferred_technologies }: Scored, technology: string): boolean {
  return preferred_technologies.some((each) => each.toLowerCase() === technology.toLowerCase());
}

/** Between 0 and 1: 0.5 if the agent is as fast as its peers or nothing is known, 2/3 if it is twice as fast. */
function speedOf(own_ms: number | null, peers_ms: number | null): number {
  if (own_ms === null || peers_ms === null || own_ms + peers_ms === 0) return 0.5;
  return peers_ms / (own_ms + peers_ms);
}

function preferenceOf(agent: Scored, { agent_type, agent_ids, labels, worktree_at }: Wishes): number {
  const met = Object.entries(labels).filter(([label]) => meetsLabel(agent.labels, label));
  const ofLabels = met.reduce((sum, [, weight]) => sum + weight, 0);
  return (
    (agent.agent_type === agent_type ? PREFERENCE.agent_type : 0) +
    (agent_ids.includes(agent.id) ? PREFERENCE.agent_id : 0) +
    (agent.id === worktree_at ? PREFERENCE.worktree : 0) +
    PREFERENCE.label * ofLabels
  );
}
