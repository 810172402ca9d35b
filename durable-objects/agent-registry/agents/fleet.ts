import { unavailableBecause } from '../../../src/domain/dispatch/availability.ts';
import { loadLevel } from '../../../src/domain/dispatch/load.ts';
import { type RankedAgent, routeTask } from '../../../src/domain/dispatch/route.ts';
import { CLOSED, circuitOf } from '../../../src/domain/fleet/breaker.ts';
import { median } from '../../../src/domain/percentile.ts';
import type { Call } from '../../../src/ports/calls.ts';
import type { FleetStatistics, RoutedAgent, RouteTaskRequest } from '../../../src/protocol/agent/agent.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import type { Calls } from '../../kit/calls/calls.ts';
import { DISPATCH } from '../config.ts';
import type { RegistryParts } from '../parts.ts';
import { type AgentViews, stateOf } from './agent-views.ts';

type Needs = Pick<RegistryParts, 'kit' | 'slots' | 'dispatch'>;

const MAX_ALTERNATIVES = 3;
/** The reasons that an error names. */
const MAX_REASONS = 3;
const MAX_REQUIREMENTS = 50;

/** Questions about all agents together. */
export class Fleet {
  readonly #parts: Needs;
  readonly #calls: Calls;
  readonly #views: AgentViews;

  constructor(parts: Needs, calls: Calls, views: AgentViews) {
    this.#parts = parts;
    this.#calls = calls;
    this.#views = views;
  }

  route(call: Call, request: RouteTaskRequest): Outcome<RoutedAgent> {
    return this.#calls.read('route', call, () => {
      const agents = this.#agents();
      const { ranked, rejected, missing } = routeTask(requestOf(request), agents, {
        now: this.#now,
        quiet_ms: DISPATCH.quiet_ms,
        peers_ms: median(agents.flatMap(({ duration_ms }) => duration_ms ?? [])),
      });
      if (missing !== null) return refuse('no_capable_agent', missing);
      const [best, ...others] = ranked;
      if (best === undefined) {
        const reasons = rejected.slice(0, MAX_REASONS).map(({ reason, agents }) => `${agents.join(', ')}: ${reason}`);
        return refuse('no_agent_available', `No agent can take the task now. ${reasons.join(' ')}`);
      }
      const routing = { score: best.score, parts: best.parts, alternatives: alternativesOf(others), rejected };
      return ok({ ...this.#views.one(best.agent.id)!, routing });
    });
  }

  statistics(call: Call): Outcome<FleetStatistics> {
    return this.#calls.read('statistics', call, () => ok({ ...this.#count(), queue: this.#queue() }));
  }

  #count(): Pick<FleetStatistics, 'agents' | 'capacity'> {
    const counts = { total: 0, available: 0, by_state: {}, by_tier: {}, by_load: {} } as FleetStatistics['agents'];
    const capacity = { slots: 0, free: 0 };
    for (const agent of this.#agents()) {
      counts.total++;
      add(counts.by_state, stateOf(agent, agent.heard_at));
      add(counts.by_tier, agent.tier);
      add(counts.by_load, loadLevel(agent));
      const reason = unavailableBecause(agent, this.#now, DISPATCH.quiet_ms);
      if (reason === null) counts.available++;
      // Also those that are full now.
      if (unavailableBecause({ ...agent, slots_used: 0 }, this.#now, DISPATCH.quiet_ms) !== null) continue;
      const slots = agent.circuit === 'half_open' ? 1 : agent.capacity;
      capacity.slots += slots;
      capacity.free += Math.max(0, slots - agent.slots_used);
    }
    return { agents: counts, capacity };
  }

  #queue(): FleetStatistics['queue'] {
    const seconds = (queuedAt: number) => Math.max(0, Math.floor((this.#now - queuedAt) / 1_000));
    const groups = new Map<string, FleetStatistics['queue']['by_requirement'][number]>();
    let oldest: number | null = null;
    let all = 0;
    for (const { requirements, waiting, oldest_at } of this.#kitCreated()
      ? this.#parts.slots.waitingByRequirement()
      : []) {
      const { required_capabilities, required_labels, repository, repository_key } = requirements;
      const min_performance_tier = requirements.min_performance_tier ?? null;
      const wanted = repository_key ?? repository;
      const named = { required_capabilities, required_labels, min_performance_tier, repository: wanted };
      const key = JSON.stringify(named);
      const group = groups.get(key) ?? { ...named, waiting: 0, oldest_wait_seconds: 0 };
      group.waiting += waiting;
      group.oldest_wait_seconds = Math.max(group.oldest_wait_seconds, seconds(oldest_at));
      groups.set(key, group);
      oldest = Math.max(oldest ?? 0, seconds(oldest_at));
      all += waiting;
    }
    const by_requirement = [...groups.values()].sort((one, other) => other.waiting - one.waiting);
    return { waiting: all, oldest_wait_seconds: oldest, by_requirement: by_requirement.slice(0, MAX_REQUIREMENTS) };
  }

  #agents() {
    if (!this.#kitCreated()) return [];
    const registered = this.#parts.dispatch.registered();
    return registered.map((agent) => ({ ...agent, circuit: circuitOf(agent.breaker ?? CLOSED, this.#now) }));
  }

  #kitCreated(): boolean {
    return this.#parts.kit.store.created;
  }

  get #now(): number {
    return this.#parts.kit.store.platform.now();
  }
}

function requestOf(request: RouteTaskRequest): Parameters<typeof routeTask>[0] {
  return {
    capabilities: request.required_capabilities,
    labels: request.required_labels,
    min_tier: request.min_performance_tier,
    wishes: {
      capabilities: request.required_capabilities,
      technologies: request.technologies,
      session_type: null,
      agent_type: request.preferred_agent_type,
      agent_ids: request.preferred_agent_ids,
      labels: request.preferred_labels,
      worktree_at: null,
    },
  };
}

function alternativesOf(others: readonly RankedAgent[]): RoutedAgent['routing']['alternatives'] {
  return others.slice(0, MAX_ALTERNATIVES).map(({ agent: { id, name }, score }) => ({ agent_id: id, name, score }));
}

function add(counts: Record<string, number>, word: string): void {
  counts[word] = (counts[word] ?? 0) + 1;
}
