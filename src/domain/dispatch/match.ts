import type { Requirements } from '../../protocol/session/requirements.ts';
import { type Candidate, chooseAgent, hasRoom } from './routing.ts';
import type { Declined } from './slot.ts';

/** A request that waits for an agent. */
export interface Waiting {
  requirements: Requirements;
  declined: Declined;
}

/** An agent that is connected. */
export interface ConnectedAgent extends Candidate {
  /** Its last sign of life, a frame or a ping (ms since the epoch). */
  seen_at: number;
}

export interface MatchState<Slot extends Waiting> {
  /** By priority, then by arrival: first the one that is next. It is read only as far as agents have room. */
  queue: Iterable<Slot>;
  /** Connected agents; those without room are left alone. */
  agents: readonly ConnectedAgent[];
  /** An agent that gets no offer in this pass, since it has just declined one. */
  skip: string | null;
  /** ms since the epoch */
  now: number;
}

export interface MatchConfig {
  /** An agent that has been quiet for longer gets no offer. */
  quiet_ms: number;
  /** How soon to look again while a quiet agent has room: its next ping wakes nobody. */
  quiet_retry_ms: number;
  /** How soon to look again for an agent that was skipped. */
  skipped_retry_ms: number;
}

export interface Match<Slot extends Waiting> {
  offers: { slot: Slot; agent_id: string }[];
  /** When to match again, though nothing is reported until then (ms since the epoch); null when there is no need. */
  look_again_at: number | null;
}

/**
 * Decides which waiting requests are offered to which agents. Each request in turn gets the best agent that meets it
 * and has room, so a request that no agent can take does not hold up those behind it.
 */
export function matchQueue<Slot extends Waiting>(state: MatchState<Slot>, config: MatchConfig): Match<Slot> {
  const { now } = state;
  const withRoom = state.agents.filter(hasRoom);
  const awake = withRoom.filter(({ seen_at }) => now - seen_at <= config.quiet_ms);
  const agents = awake.filter(({ id }) => id !== state.skip).map((agent) => ({ ...agent }));
  const looks: number[] = [];
  if (awake.length < withRoom.length) looks.push(now + config.quiet_retry_ms);
  if (agents.length < awake.length) looks.push(now + config.skipped_retry_ms);

  const offers: Match<Slot>['offers'] = [];
  // Room only shrinks during a pass, so what no agent meets now, no agent meets for a later request either.
  const unmet = new Set<Requirements>();
  let requestsRemain = false;
  for (const slot of state.queue) {
    if (!agents.some(hasRoom)) {
      requestsRemain = true;
      break;
    }
    const pauses = Object.entries(slot.declined).filter(([, { until }]) => until > now);
    const paused = new Set(pauses.map(([id]) => id));
    const agent = unmet.has(slot.requirements)
      ? null
      : chooseAgent(slot.requirements, paused.size === 0 ? agents : agents.filter(({ id }) => !paused.has(id)));
    if (agent !== null) {
      offers.push({ slot, agent_id: agent.id });
      agent.slots_used++;
      continue;
    }
    requestsRemain = true;
    if (paused.size === 0) unmet.add(slot.requirements);
    looks.push(...pauses.map(([, { until }]) => until));
  }
  return { offers, look_again_at: requestsRemain && looks.length > 0 ? Math.min(...looks) : null };
}
