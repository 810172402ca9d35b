import type { AgentRegistries } from '../../ports/agent-registry.ts';
import type { Call } from '../../ports/calls.ts';
import type { Sessions } from '../../ports/sessions.ts';
import { type Outcome, ok, refuse } from '../../protocol/common/errors.ts';
import type { ContextOwner } from '../../protocol/context/address.ts';

export interface Owners {
  sessions: Sessions;
  agentRegistries: AgentRegistries;
}

/** Checks that the session or the agent of a new context exists. Fails with `not_found`, which names it. */
export async function ownerExists(
  { sessions, agentRegistries }: Owners,
  call: Call,
  { session_id, agent_id }: Pick<ContextOwner, 'session_id' | 'agent_id'>,
): Promise<Outcome<null>> {
  const { workspace, agent } = call.principal;
  // Whoever holds a lease has shown that its session and its agent exist.
  if (session_id !== null && session_id === call.lease?.session_id) return ok(null);
  if (agent_id !== null && (agent_id === agent?.id || agent_id === call.lease?.agent_id)) return ok(null);
  // The precondition and the key of the request are the context's.
  const { if_match: _, ...asking } = { ...call, idempotency: null };
  const found =
    session_id !== null
      ? await sessions.at(workspace, session_id).read(asking, [])
      : agent_id !== null
        ? await agentRegistries.of(workspace).agent(asking, agent_id)
        : ok(null);
  if (found.ok) return ok(null);
  if (found.failure.code !== 'not_found') return found;
  const owner = session_id !== null ? `session ${session_id}` : `agent ${agent_id}`;
  return refuse('not_found', `There is no ${owner}, so that it can have no context.`);
}
