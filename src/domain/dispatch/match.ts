import type { Requirements } from '../../protocol/session/requirements.ts';
import { median } from '../percentile.ts';
import { type Candidate, chooseAgent, hasRoom } from './routing.ts';
import type { Declined } from './slot.ts';

/** A queued request for a slot. */
export interface Waiting {
  requirements: Requirements;
  declined: Declined;
}

/** A connected agent. */
export interface ConnectedAgent extends Candidate {
  /** When the agent last sent a frame or a ping (ms since the epoch). */
  seen_at: number;
  /** The id of the agent's process. */
  instance_id: string;
  /** The agent has failed several times in a row. Until then it gets no offer (ms since the epoch), later one as a probe. */
  open_until: number | null;
}

export interface MatchState<Slot extends Waiting> {
  /** The queue in its order (see `PRIORITY_LAG_MS`). Iteration stops when no agent has room. */
  queue: Iterable<Slot>;
  /** The connected agents, including those without room. */
  agents: readonly ConnectedAgent[];
  /** The id of an agent that gets no offer in this pass, because it has just declined one. */
  skip: string | null;
  /** ms since the epoch */
  now: number;
}

export interface MatchConfig {
  /** An agent that is quiet for longer gets no offer. */
  quiet_ms: number;
  /** The pause before the next pass while a quiet agent has room, because its next ping wakes no object. */
  quiet_retry_ms: number;
  /** The pause before the next pass if an agent was skipped. */
  skipped_retry_ms: number;
}

export interface Match<Slot extends Waiting> {
  offers: { slot: Slot; agent_id: string }[];
  /** When to match again if nothing else triggers a pass (ms since the epoch); null if no such pass is needed. */
  look_again_at: number | null;
}

/**
 * Decides which waiting requests are offered to which agents. Each request in turn gets the best agent that meets it
 * and has room, so a request that no agent can take does not hold up those behind it.
 */
export function matchQueue<Slot extends Waiting>(state: MatchState<Slot>, config: MatchConfig): Match<Slot> {
  const { now } = state;
  const withRoom = state.agents.filter((agent) => hasRoom(agent) && !isProbing(agent));
  const awake = withRoom.filter(({ seen_at }) => now - seen_at <= config.quiet_ms);
  const trusted = awake.filter(({ open_until }) => open_until === null || open_until <= now);
  const agents = trusted.filter(({ id }) => id !== state.skip).map(asProbe);
  const passTimes = awake.flatMap(({ open_until }) => (open_until !== null && open_until > now ? [open_until] : []));
  if (awake.length < withRoom.length) passTimes.push(now + config.quiet_retry_ms);
  if (agents.length < trusted.length) passTimes.push(now + config.skipped_retry_ms);

  const peers_ms = median(state.agents.flatMap(({ duration_ms }) => duration_ms ?? []));
  const offers: Match<Slot>['offers'] = [];
  // Room only shrinks during a pass, so requirements that no agent meets now are not met later in the pass.
  const unmet = new Set<string>();
  const keyOf = hardKeys();
  let requestsRemain = false;
  for (const slot of state.queue) {
    if (!agents.some(hasRoom)) {
      requestsRemain = true;
      break;
    }
    const pauses = Object.entries(slot.declined).filter(([, { until }]) => until > now);
    const paused = new Set(pauses.map(([id]) => id));
    const refusing = new Set(slot.requirements.refusing_instances);
    const able =
      paused.size + refusing.size === 0
        ? agents
        : agents.filter(({ id, instance_id }) => !paused.has(id) && !refusing.has(instance_id));
    const agent = unmet.has(keyOf(slot.requirements)) ? null : chooseAgent(slot.requirements, able, peers_ms);
    if (agent !== null) {
      offers.push({ slot, agent_id: agent.id });
      agent.slots_used++;
      continue;
    }
    requestsRemain = true;
    if (paused.size === 0) unmet.add(keyOf(slot.requirements));
    passTimes.push(...pauses.map(([, { until }]) => until));
  }
  return { offers, look_again_at: requestsRemain && passTimes.length > 0 ? Math.min(...passTimes) : null };
}

/** A copy to count the offers of this pass. An agent that was not trusted gets one task as a probe. */
function asProbe(agent: ConnectedAgent): ConnectedAgent {
  return agent.open_until === null ? { ...agent } : { ...agent, capacity: 1 };
}

/** Whether the circuit of an agent lets it work: it is closed, or the agent has nothing to do and gets a probe. */
export function isTrusted(agent: Pick<ConnectedAgent, 'open_until' | 'slots_used'>, now: number): boolean {
  return !isProbing(agent) && (agent.open_until === null || agent.open_until <= now);
}

/** Whether an agent that has failed before is at work, so that it gets nothing else. */
function isProbing({ open_until, slots_used }: Pick<ConnectedAgent, 'open_until' | 'slots_used'>): boolean {
  return open_until !== null && slots_used > 0;
}

/** Keys of what requirements demand, without what they prefer. Equal objects are read once. */
function hardKeys(): (requirements: Requirements) => string {
  const keys = new Map<Requirements, string>();
  return (requirements) => {
    const known = keys.get(requirements);
    if (known !== undefined) return known;
    const { required_capabilities, required_labels, min_performance_tier } = requirements;
    const { repository, repository_key, refusing_instances } = requirements;
    const key = JSON.stringify([
      required_capabilities,
      required_labels,
      min_performance_tier,
      repository,
      repository_key,
      refusing_instances,
    ]);
    keys.set(requirements, key);
    return key;
  };
}
