import type { Requirements } from '../../protocol/session/requirements.ts';
import type { Candidate } from './routing.ts';
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

export interface MatchConfig {
  /** An agent that is quiet for longer gets no offer. */
  quiet_ms: number;
  /** The pause before the next pass while a quiet agent has room, because its next ping wakes no object. */
  quiet_retry_ms: number;
  /** The pause before the next pass if an agent was skipped. */
  skipped_retry_ms: number;
}

/** Whether the circuit of an agent lets it work: it is closed, or the agent has nothing to do and gets a probe. */
export function isTrusted(agent: Pick<ConnectedAgent, 'open_until' | 'slots_used'>, now: number): boolean {
  return !isProbing(agent) && (agent.open_until === null || agent.open_until <= now);
}

/** Whether an agent that has failed before is at work, so that it gets nothing else. */
function isProbing({ open_until, slots_used }: Pick<ConnectedAgent, 'open_until' | 'slots_used'>): boolean {
  return open_until !== null && slots_used > 0;
}
