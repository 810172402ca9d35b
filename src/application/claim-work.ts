import type { AgentRegistries } from '../ports/agent-registry.ts';
import type { Call } from '../ports/calls.ts';
import type { Effects } from '../ports/effects.ts';
import type { Sessions } from '../ports/sessions.ts';
import type { OfferTurns, WorkOffer } from '../ports/work-claims.ts';
import { type Outcome, ok } from '../protocol/common/errors.ts';
import type { ClaimedWork, ClaimRequest, OfferedAssignment } from '../protocol/run/reports.ts';

interface Parts {
  agentRegistries: AgentRegistries;
  sessions: Sessions;
  offerTurns: OfferTurns;
  effects: Pick<Effects, 'now'>;
}

/**
 * Hands work out to an agent without sockets, and waits for some if there is none. The wait is held here, so that the
 * objects can sleep. An answer that never reaches the agent loses nothing: its offers come again, or lapse.
 */
export async function claimWork(
  parts: Parts,
  call: Call,
  agentId: string,
  { wait_seconds, max }: ClaimRequest,
): Promise<Outcome<ClaimedWork>> {
  const registry = parts.agentRegistries.of(call.principal.workspace);
  const until = parts.effects.now() + wait_seconds * 1_000;
  for (;;) {
    const offers = await registry.claim(call, agentId, max);
    if (!offers.ok) return offers;
    const assignments = await handOut(parts, call, offers.value);
    const left = until - parts.effects.now();
    if (assignments.length > 0 || left <= 0) return ok({ assignments });
    if (!(await parts.offerTurns.next(call, agentId, max, left))) return ok({ assignments: [] });
  }
}

/** Hands offers out, without those that their sessions no longer want. */
async function handOut({ sessions }: Parts, call: Call, offers: readonly WorkOffer[]): Promise<OfferedAssignment[]> {
  const { workspace } = call.principal;
  const handed = await Promise.all(
    offers.map(({ session_id, ...offer }) => sessions.at(workspace, session_id).handOut(call, offer)),
  );
  return handed.flatMap((outcome) => (outcome.ok ? [outcome.value] : []));
}
