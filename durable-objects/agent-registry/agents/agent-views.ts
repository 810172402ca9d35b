import { unavailableBecause } from '../../../src/domain/dispatch/availability.ts';
import { loadLevel } from '../../../src/domain/dispatch/load.ts';
import { CLOSED, circuitOf } from '../../../src/domain/fleet/breaker.ts';
import type { AgentQuery } from '../../../src/ports/agent-registry.ts';
import type { AgentState, AgentView } from '../../../src/protocol/agent/agent.ts';
import { type Outcome, ok } from '../../../src/protocol/common/errors.ts';
import type { Page } from '../../../src/protocol/common/page.ts';
import { instant } from '../../kit/text.ts';
import { DISPATCH } from '../config.ts';
import type { RegistryParts } from '../parts.ts';
import type { Agent } from './agent-rows.ts';

type Needs = Pick<RegistryParts, 'kit' | 'agents' | 'slots' | 'connections'>;

/** The API's views of agents. */
export class AgentViews {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  one(id: string): AgentView | undefined {
    const agent = this.#parts.agents.find(id);
    return agent && this.#viewsOf([agent])[0];
  }

  page({ cursor, page_size, ...filter }: AgentQuery): Outcome<Page<AgentView>> {
    const { kit, agents, connections } = this.#parts;
    const awakeFrom = kit.store.platform.now() - DISPATCH.quiet_ms;
    const awake = [...connections.aliveAt()].flatMap(([id, heardAt]) => (heardAt >= awakeFrom ? [id] : []));
    const page = agents.page(filter, awake, { page_size, ...(cursor !== undefined && { cursor }) });
    return page.ok ? ok({ ...page.value, items: this.#viewsOf(page.value.items) }) : page;
  }

  #viewsOf(agents: readonly Agent[]): AgentView[] {
    const { kit, slots, connections } = this.#parts;
    const held = slots.heldByEach(agents.map(({ id }) => id));
    const now = kit.store.platform.now();
    return agents.map((agent) => viewOf(agent, held.get(agent.id) ?? [], connections.heardAt(agent.id), now));
  }
}

function viewOf(agent: Agent, leases: AgentView['leases'], heard_at: number | null, now: number): AgentView {
  const {
    idle_since: _,
    drain: _drain,
    breaker,
    duration_ms: _duration,
    rev: _rev,
    polled_at: _polled,
    tier,
    capacity,
    version,
    last_seen_at,
    ...same
  } = agent;
  const circuit = circuitOf(breaker ?? CLOSED, now);
  const seenAt = Math.max(last_seen_at, heard_at ?? 0);
  const unavailable = unavailableBecause({ ...agent, heard_at, circuit }, now, DISPATCH.quiet_ms);
  return {
    ...same,
    performance_tier: tier,
    state: stateOf(agent, heard_at),
    connected: heard_at !== null,
    is_available: unavailable === null,
    unavailable_because: unavailable,
    max_concurrent_capacity: capacity,
    load_level: loadLevel(agent),
    leases,
    version: version === '' ? null : version,
    last_seen_at: seenAt === 0 ? null : instant(seenAt),
  };
}

export function stateOf(
  { drain, last_seen_at }: Pick<Agent, 'drain' | 'last_seen_at'>,
  heard_at: number | null,
): AgentState {
  if (drain) return drain.leaves ? 'leaving' : 'draining';
  if (heard_at !== null) return 'connected';
  return last_seen_at === 0 ? 'registered' : 'offline';
}
