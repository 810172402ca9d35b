import { excerptOf } from '../domain/context/excerpt.ts';
import type { AgentRegistries } from '../ports/agent-registry.ts';
import type { Call } from '../ports/calls.ts';
import type { Contexts } from '../ports/contexts.ts';
import type { Effects } from '../ports/effects.ts';
import type { Sessions } from '../ports/sessions.ts';
import type { OfferTurns, WorkOffer } from '../ports/work-claims.ts';
import { type Outcome, ok } from '../protocol/common/errors.ts';
import type { ClaimedWork, ClaimRequest, OfferedAssignment } from '../protocol/run/reports.ts';
import { effectiveContext } from './context/effective-context.ts';

interface Parts {
  contexts: Contexts;
  agentRegistries: AgentRegistries;
  sessions: Sessions;
  offerTurns: OfferTurns;
  effects: Pick<Effects, 'now'>;
}

/** Nothing tells a wait when an offer that was given before may be given again. */
const LOOK_AGAIN_MS = 10_000;

/**
 * Hands work out to an agent without sockets, and waits for some if there is none. The wait is held here, so that the
 * objects can sleep. An answer that never reaches the agent loses nothing: its offers come again, or lapse.
 */
export async function claimWork(
  parts: Parts,
  call: Call,
  agentId: string,
  { wait_seconds, max, can_merge }: ClaimRequest,
): Promise<Outcome<ClaimedWork>> {
  const registry = parts.agentRegistries.of(call.principal.workspace);
  const until = parts.effects.now() + wait_seconds * 1_000;
  for (;;) {
    const offers = await registry.claim(call, agentId, max);
    if (!offers.ok) return offers;
    const handed = await handOut(parts, call, offers.value, can_merge);
    const assignments = await Promise.all(
      handed.map((assignment) => withContext(parts.contexts, call, agentId, assignment)),
    );
    const left = until - parts.effects.now();
    if (assignments.length > 0 || left <= 0) return ok({ assignments });
    const lookAgainAt = parts.effects.now() + Math.min(left, LOOK_AGAIN_MS);
    const isTurn = await parts.offerTurns.next(call, agentId, max, lookAgainAt - parts.effects.now());
    // The registry has ended the wait.
    if (!isTurn && parts.effects.now() < lookAgainAt) return ok({ assignments: [] });
  }
}

/**
 * Hands offers out, without those that their sessions no longer want.
 * @throws if no session can be reached; an offer of one that cannot comes again
 */
async function handOut(
  { sessions }: Parts,
  call: Call,
  offers: readonly WorkOffer[],
  can_merge: boolean,
): Promise<OfferedAssignment[]> {
  const { workspace } = call.principal;
  const handed = await Promise.allSettled(
    offers.map(({ session_id, ...offer }) => sessions.at(workspace, session_id).handOut(call, { ...offer, can_merge })),
  );
  const failed = handed.filter((each) => each.status === 'rejected');
  if (failed.length > 0 && failed.length === offers.length) throw failed[0]!.reason;
  return handed.flatMap((each) => (each.status === 'fulfilled' && each.value.ok ? [each.value.value] : []));
}

/** The assignment with what it may see of contexts. It is worth having without, as the agent can read them. */
async function withContext(
  contexts: Contexts,
  call: Call,
  agent_id: string,
  assignment: OfferedAssignment,
): Promise<OfferedAssignment> {
  const { session_id, task_id, epoch } = assignment;
  const lease = { session_id, task_id, epoch, agent_id };
  const effective = await effectiveContext(contexts, { ...call, lease }, { session_id, agent_id }).catch(() => null);
  return effective?.ok ? { ...assignment, shared_context: excerptOf(effective.value) } : assignment;
}
