import { rolesWith } from '../domain/permissions.ts';
import { type Outcome, ok, refuse } from '../protocol/common/errors.ts';
import type { Permission } from '../protocol/endpoints/endpoint.ts';
import type { Principal } from '../protocol/workspace/token.ts';

/** Checks that an agent's own token is used for this agent. Other tokens are not restricted to an agent. */
export function ownAgentOnly({ agent }: Pick<Principal, 'agent'>, agentId: string): Outcome<null> {
  if (agent === undefined || agent.id === agentId) return ok(null);
  return refuse('forbidden', 'This token belongs to another agent.');
}

/** Checks that a principal has a permission. Fails with `forbidden` and the roles that have it. */
export function authorize({ role, agent }: Pick<Principal, 'role' | 'agent'>, permission: Permission): Outcome<null> {
  const roles = rolesWith(permission);
  if (agent && permission === 'enrol') {
    return refuse('forbidden', 'This token belongs to one agent. Register agents with a token that has no agent.');
  }
  if (!agent && permission === 'act' && roles.includes(role)) {
    return refuse('forbidden', 'This token registers agents. Use the token that an agent got when it was registered.');
  }
  if (roles.includes(role)) return ok(null);
  return refuse(
    'forbidden',
    `This request needs a token with the role ${roles.join(' or ')}; this token has the role ${role}.`,
  );
}
