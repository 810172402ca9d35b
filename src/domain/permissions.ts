import type { Role } from '../protocol/common/enums.ts';
import type { Permission } from '../protocol/endpoints/endpoint.ts';

/**
 * The roles that have each permission. An agent works on sessions over its sockets. From the REST API, it needs only
 * its sessions and their artifacts, where each session checks that the token holds a lease of it, and locks.
 */
const ROLES_WITH: Readonly<Record<Permission, readonly Role[]>> = {
  read: ['viewer', 'operator', 'admin'],
  read_session: ['viewer', 'operator', 'admin', 'agent'],
  read_artifact: ['operator', 'admin', 'agent'],
  read_lock: ['viewer', 'operator', 'admin', 'agent'],
  operate: ['operator', 'admin'],
  /** An agent, within what its leases allow. */
  read_context: ['viewer', 'operator', 'admin', 'agent'],
  write_context: ['operator', 'admin', 'agent'],
  read_agent: ['viewer', 'operator', 'admin', 'agent'],
  /** An agent's own token has the role, too, and not the permission. */
  enrol: ['operator', 'admin', 'agent'],
  administer: ['admin'],
  work: ['agent', 'admin'],
  /** Only with an agent's own token. */
  act: ['agent'],
  lock: ['operator', 'admin', 'agent'],
  open_socket: ['viewer', 'operator', 'admin', 'agent'],
};

/** The roles that have a permission. The Worker enforces them; the dashboard offers only what they allow. */
export function rolesWith(permission: Permission): readonly Role[] {
  return ROLES_WITH[permission];
}
