import { utilisation } from './load.ts';

/** What decides whether an agent gets work now. */
export interface Presence {
  /** When the agent was last heard on its open socket (ms since the epoch); null if it is not connected. */
  heard_at: number | null;
  /** Null unless it drains. */
  drain: { reason: string | null } | null;
  circuit: 'closed' | 'open' | 'half_open';
  capacity: number;
  slots_used: number;
}

/**
 * Why an agent gets no work now, in words; null if it is available.
 * @param now ms since the epoch
 * @param quiet_ms an agent that was not heard for longer gets no offer
 */
export function unavailableBecause(agent: Presence, now: number, quiet_ms: number): string | null {
  if (agent.drain) return agent.drain.reason === null ? 'It is draining.' : `It is draining (${agent.drain.reason}).`;
  if (agent.heard_at === null) return 'It is not connected.';
  if (now - agent.heard_at > quiet_ms) return `It has been silent for more than ${quiet_ms / 1_000} s.`;
  if (agent.circuit === 'open') return 'It has failed several times in a row, and gets work again after a pause.';
  if (agent.circuit === 'half_open' && agent.slots_used > 0) return 'It has failed, and works on one task as a probe.';
  if (utilisation(agent) >= 1)
    return agent.capacity === 1 ? 'Its slot is in use.' : `All its ${agent.capacity} slots are in use.`;
  return null;
}
