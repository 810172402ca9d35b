import type { Role } from '../protocol/common/enums.ts';
import { type Outcome, ok, refuse } from '../protocol/common/errors.ts';
import type { Permission } from '../protocol/endpoints/endpoint.ts';
import type { Principal } from '../protocol/workspace/token.ts';

/**
 * The roles that have each permission. An agent works on sessions over its sockets. From the REST API, it needs only
 * its sessions and their artifacts: each session checks that the token holds a lease of it.
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

/** Checks that a principal has a permission. Fails with `forbidden` and the roles that have it. */
export function authorize({ role }: Pick<Principal, 'role'>, permission: Permission): Outcome<null> {
  const roles = rolesWith(permission);
  if (roles.includes(role)) return ok(null);
  return refuse(
    'forbidden',
    `This request needs a token with the role ${roles.join(' or ')}; this token has the role ${role}.`,
  );
}
