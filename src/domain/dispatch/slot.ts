/**
 * The agents that declined a slot or let its offer lapse, by id. `count`: how often. `until`: when the slot may be
 * offered to the agent again (ms since the epoch).
 */
export type Declined = Readonly<Record<string, { count: number; until: number }>>;

/** The members of a slot that the rules use. */
export interface SlotRecord {
  state: 'queued' | 'offered' | 'accepted' | 'ended';
  /** The agent that has the offer or has accepted it. */
  agent_id: string | null;
  declined: Declined;
}

/** An event that concerns a slot and one agent. */
export interface SlotEvent {
  /**
   * - `accepted`, `declined`: the agent's answer to the offer. An agent's hello that names the lease accepts it too.
   * - `lapsed`: the offer was not answered in time.
   * - `granted`: the session says that the agent has the lease, which nobody knows better.
   * - `ended`: the agent no longer works on it.
   */
  type: 'accepted' | 'granted' | 'declined' | 'lapsed' | 'ended';
  agent_id: string;
}

export interface OfferConfig {
  /** An agent that declined an offer gets it again after this time, which doubles each time. */
  declined_first_ms: number;
  declined_longest_ms: number;
}

/** `match`: whether to match the queue again, because an agent may have room now. */
export type SlotDecision =
  /** `cancel_at`: another agent, whose offer of this slot must be cancelled. */
  | { decision: 'accept'; cancel_at: string | null; match: boolean }
  | { decision: 'requeue'; declined: Declined; match: true }
  | { decision: 'end'; match: true }
  | { decision: 'none'; match: boolean };

/**
 * Decides how an event changes a slot. Events may be late or repeated; an event that does not fit the slot changes
 * nothing.
 * @param slot undefined if the registry does not have it
 * @param now ms since the epoch
 */
export function decideSlot(
  slot: SlotRecord | undefined,
  { type, agent_id }: SlotEvent,
  now: number,
  config: OfferConfig,
): SlotDecision {
  const holds = slot?.agent_id === agent_id;
  switch (type) {
    case 'accepted': {
      const isOpen = slot?.state === 'queued' || slot?.state === 'offered';
      // The session grants a lease to only one agent that was offered it. Its offer may have lapsed meanwhile.
      const wasOffered = holds || (slot !== undefined && agent_id in slot.declined);
      if (!isOpen || !wasOffered) return { decision: 'none', match: false };
      const cancel_at = holds ? null : slot.agent_id;
      return { decision: 'accept', cancel_at, match: cancel_at !== null };
    }
    case 'granted': {
      if (slot === undefined || slot.state === 'ended') return { decision: 'none', match: false };
      const cancel_at = holds ? null : slot.agent_id;
      return { decision: 'accept', cancel_at, match: cancel_at !== null };
    }
    case 'ended':
      if (!holds) return { decision: 'none', match: true };
      if (slot.state === 'accepted') return { decision: 'end', match: true };
      return requeue(slot, agent_id, now, config);
    case 'declined':
    case 'lapsed':
      if (!holds || slot.state !== 'offered') return { decision: 'none', match: false };
      return requeue(slot, agent_id, now, config);
  }
}

function requeue({ declined }: SlotRecord, agentId: string, now: number, config: OfferConfig): SlotDecision {
  const count = (declined[agentId]?.count ?? 0) + 1;
  const pause = Math.min(config.declined_longest_ms, config.declined_first_ms * 2 ** Math.min(count - 1, 10));
  return { decision: 'requeue', declined: { ...declined, [agentId]: { count, until: now + pause } }, match: true };
}
