import type { Role } from '../../protocol/common/enums.ts';
import { type Outcome, refuse } from '../../protocol/common/errors.ts';
import type { ContextOwner } from '../../protocol/context/address.ts';
import type { Principal } from '../../protocol/workspace/token.ts';

type Owner = Pick<ContextOwner, 'scope' | 'session_id' | 'agent_id'>;

/** Who asks for a context. */
export interface ContextReader {
  role: Role;
  /** The agent whose own token or whose lease it is; null of anybody else. */
  agent_id: string | null;
  /** The session of the lease under which the request is made; null without one. */
  session_id: string | null;
}

/** What somebody may do with a context. */
export interface ContextRights {
  read: boolean;
  write: boolean;
  /** See secret values, where they are not masked for everybody. */
  secrets: boolean;
}

/**
 * What follows from the reader alone: people and programs have the rights of their role. An agent has its own contexts
 * and those of the session whose lease it holds, and reads those of the workspace. What it may not write, a person can
 * promote. Who may write to a context sees its secrets, and an agent with a lease those of the workspace.
 */
export function rightsOf({ role, agent_id, session_id }: ContextReader, owner: Owner): ContextRights {
  if (role !== 'agent') return { read: true, write: role !== 'viewer', secrets: role !== 'viewer' };
  const isSessions = owner.session_id !== null && owner.session_id === session_id;
  const isAgents = owner.agent_id !== null && owner.agent_id === agent_id;
  const isOwn = isSessions || isAgents;
  const isGlobal = owner.scope === 'global';
  return { read: isOwn || isGlobal, write: isOwn, secrets: isOwn || (isGlobal && session_id !== null) };
}

/** The reader of a call. @param lease the lease that the session has confirmed */
export function readerOf({
  principal,
  lease,
}: {
  principal: Principal;
  lease?: { session_id: string; agent_id: string } | undefined;
}): ContextReader {
  const { role, agent } = principal;
  return { role, agent_id: agent?.id ?? lease?.agent_id ?? null, session_id: lease?.session_id ?? null };
}

/** Refuses a reader that may not do it with a context of this owner, and says what it can do; null if it may. */
export function whyMayNot(reader: ContextReader, right: keyof ContextRights, owner: Owner): Outcome<never> | null {
  if (rightsOf(reader, owner)[right]) return null;
  return refuse('context_scope_mismatch', right === 'secrets' ? HAS_SECRETS : whyOutOfScope(reader, owner));
}

const HAS_SECRETS =
  'The context has secret values, which you do not see. Name a lease in Oio-Lease, or use a token of an operator.';

function whyOutOfScope({ role, session_id }: ContextReader, owner: Owner): string {
  const leased = session_id === null ? 'The request names no lease' : `The lease is one of the session ${session_id}`;
  if (role !== 'agent') return 'A viewer reads contexts. Use a token of an operator to change one.';
  if (owner.session_id !== null) {
    return `${leased}, and the context belongs to the session ${owner.session_id}. Name a lease of that session in Oio-Lease.`;
  }
  if (owner.agent_id !== null) {
    return `The context belongs to the agent ${owner.agent_id}. Use its own token, or name its lease in Oio-Lease.`;
  }
  const what = owner.scope === 'global' ? 'The context belongs to the workspace' : 'The context belongs to nobody';
  return `${what}, so that only people change it. Write to the context of your session, and ask a person to promote it.`;
}
