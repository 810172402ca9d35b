import type { Role } from '../protocol/common/enums.ts';
import { type Outcome, ok, refuse } from '../protocol/common/errors.ts';
import type { Permission } from '../protocol/endpoints/endpoint.ts';
import type { Principal } from '../protocol/workspace/token.ts';

/**
 * What a role may do. An agent works on sessions over its sockets; of the REST API it needs the session that it works
 * on and the artifacts that it starts from, nothing else. Of those it may read any of the workspace's: a token of this
 * role belongs to no agent in particular, so only tokens of the agents' own could be held to their agent's sessions.
 */
const ROLES_WITH: Readonly<Record<Permission, readonly Role[]>> = {
  read: ['viewer', 'operator', 'admin'],
  read_session: ['viewer', 'operator', 'admin', 'agent'],
  read_artifact: ['operator', 'admin', 'agent'],
  operate: ['operator', 'admin'],
  administer: ['admin'],
  work: ['agent', 'admin'],
  open_socket: ['viewer', 'operator', 'admin', 'agent'],
};

/** The roles that have a permission. */
export function rolesWith(permission: Permission): readonly Role[] {
  return ROLES_WITH[permission];
}

/** Whether a principal has a permission: `forbidden`, with the roles that have it, when it does not. */
export function authorize({ role }: Pick<Principal, 'role'>, permission: Permission): Outcome<null> {
  const roles = rolesWith(permission);
  if (roles.includes(role)) return ok(null);
  return refuse('forbidden', `This needs a token with the role ${roles.join(' or ')}; yours is ${role}.`);
}
