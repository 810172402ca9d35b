import type { PerformanceTier } from '../../protocol/common/enums.ts';
import { type Presence, unavailableBecause } from './availability.ts';
import { meetsLabel } from './labels.ts';
import { type Candidate, isBetter } from './routing.ts';
import { type ScoreParts, scoreOf, scoreParts, type Wishes } from './score.ts';
import { reachesTier } from './tiers.ts';

/** A registered agent, connected or not. */
export type RoutedAgent = Candidate & Presence & { name: string };

/** What a caller asks for. */
export interface RouteRequest {
  capabilities: readonly string[];
  labels: readonly string[];
  min_tier: PerformanceTier | null;
  wishes: Wishes;
}

/** Agents that were rejected for the same reason. */
export interface Rejection {
  reason: string;
  count: number;
  /** The names of the first ones. */
  agents: string[];
}

export interface RankedAgent {
  agent: RoutedAgent;
  score: number;
  parts: ScoreParts;
}

export interface Route {
  /** The best first; empty if no agent can take the task now. */
  ranked: RankedAgent[];
  rejected: Rejection[];
  /** What no agent has, in words; null if some agent has everything. */
  missing: string | null;
}

const NAMES_MAX = 3;
const REASONS_MAX = 20;

/**
 * Ranks the agents that could take a task now, and says why the others could not.
 * @param situation `now` in ms since the epoch; see `matchQueue` for the others
 */
export function routeTask(
  request: RouteRequest,
  agents: readonly RoutedAgent[],
  { now, quiet_ms, peers_ms }: { now: number; quiet_ms: number; peers_ms: number | null },
): Route {
  const rejections = new Map<string, Rejection>();
  const reject = (reason: string, { name }: RoutedAgent) => {
    const rejection = rejections.get(reason) ?? { reason, count: 0, agents: [] };
    rejection.count++;
    if (rejection.agents.length < NAMES_MAX) rejection.agents.push(name);
    rejections.set(reason, rejection);
  };
  const ranked: RankedAgent[] = [];
  let someHasAll = false;
  for (const agent of agents) {
    const lack = lackOf(agent, request);
    if (lack === null) someHasAll = true;
    const reason = lack ?? unavailableBecause(agent, now, quiet_ms);
    if (reason !== null) reject(reason, agent);
    else {
      const parts = scoreParts(agent, request.wishes, peers_ms);
      ranked.push({ agent, parts, score: scoreOf(parts) });
    }
  }
  ranked.sort((one, other) => (isBetter(one, other) ? -1 : 1));
  const rejected = [...rejections.values()].sort((one, other) => other.count - one.count).slice(0, REASONS_MAX);
  return { ranked, rejected, missing: someHasAll ? null : missingIn(request, agents) };
}

/** What the agent lacks, in words; null if it has everything. */
function lackOf(agent: RoutedAgent, { capabilities, labels, min_tier }: RouteRequest): string | null {
  const capability = capabilities.find((each) => !(agent.capabilities as readonly string[]).includes(each));
  if (capability !== undefined) return `It lacks the capability ${capability}.`;
  const label = labels.find((each) => !meetsLabel(agent.labels, each));
  if (label !== undefined) return `Its labels do not meet ${label}.`;
  if (!reachesTier(agent.tier, min_tier)) return `It is below ${min_tier}.`;
  return null;
}

/** The requirements that no agent meets; if each is met by some agent, that no agent meets all. */
function missingIn(request: RouteRequest, agents: readonly RoutedAgent[]): string {
  if (agents.length === 0) return 'No agent is registered.';
  const alone = (part: Partial<RouteRequest>): RouteRequest => ({
    ...{ capabilities: [], labels: [], min_tier: null, wishes: request.wishes },
    ...part,
  });
  const parts: [string, RouteRequest][] = [
    ...request.capabilities.map((each): [string, RouteRequest] => [
      `capability ${each}`,
      alone({ capabilities: [each] }),
    ]),
    ...request.labels.map((each): [string, RouteRequest] => [`label ${each}`, alone({ labels: [each] })]),
    [`tier ${request.min_tier} or better`, alone({ min_tier: request.min_tier })],
  ];
  const lacking = parts.filter(([, part]) => agents.every((agent) => lackOf(agent, part) !== null));
  const names = lacking.map(([name]) => name);
  return names.length > 0 ? `No agent has ${names.join(' or ')}.` : 'No agent has all of what is required.';
}
