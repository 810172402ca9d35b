import type { Outcome } from '../protocol/common/errors.ts';
import type { SessionId } from '../protocol/common/ids.ts';
import type { Call } from './calls.ts';
import type { ProvenOffer } from './lease-calls.ts';

/** An offer to an agent without sockets, with the session of its task. */
export interface WorkOffer extends ProvenOffer {
  session_id: SessionId;
}

/** The calls of agents without sockets, whose own token names them, on the registry. Each answers at once. */
export interface WorkClaimsApi {
  /** The open offers of the agent; without one, offers it waiting work. @param max the most offers that are wanted */
  claim(call: Call, agentId: string, max: number): Promise<Outcome<WorkOffer[]>>;
  /** The agent is alive. */
  heartbeat(call: Call, agentId: string): Promise<Outcome<null>>;
}

/** Waits for offers outside of the registry's object, which can sleep. */
export interface OfferTurns {
  /** Waits until an agent may have an offer. @returns false if `ms` have passed before, or the registry cannot say */
  next(call: Call, agentId: string, max: number, ms: number): Promise<boolean>;
}

/** The address of the socket on which the registry says that an agent may have an offer. Only the Worker opens it. */
export function offerTurnPath(agentId: string, max: number): string {
  return `/agents/${agentId}/offers?max=${max}`;
}

/** What an address of `offerTurnPath` names; null for any other address. */
export function offerTurnAt({ pathname, searchParams }: URL): { agent_id: string; max: number } | null {
  const [, agent_id] = /^\/agents\/([^/]+)\/offers$/.exec(pathname) ?? [];
  return agent_id === undefined ? null : { agent_id, max: Number(searchParams.get('max')) };
}
