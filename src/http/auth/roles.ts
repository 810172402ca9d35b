import type { MiddlewareHandler } from 'hono';
import type { Role } from '../../protocol/common/enums.ts';
import type { Principal } from '../../protocol/workspace/token.ts';
import type { AppEnv } from '../context.ts';
import { refusal } from '../refusal.ts';

/**
 * What a role may do. An agent works on sessions over its sockets; of the REST API it needs the session that it works
 * on and the artifacts that it starts from, nothing else. Of those it may read any of the workspace's: a token of this
 * role belongs to no agent in particular, so only tokens of the agents' own could be held to their agent's sessions.
 */
const ROLES_WITH = {
  read: ['viewer', 'operator', 'admin'],
  read_session: ['viewer', 'operator', 'admin', 'agent'],
  read_artifact: ['operator', 'admin', 'agent'],
  operate: ['operator', 'admin'],
  administer: ['admin'],
  work: ['agent', 'admin'],
  open_socket: ['viewer', 'operator', 'admin', 'agent'],
} as const satisfies Record<string, readonly Role[]>;

type Permission = keyof typeof ROLES_WITH;

/** @throws Refusal `forbidden`, naming the roles that may */
function demand(principal: Principal, permission: Permission): void {
  const roles: readonly Role[] = ROLES_WITH[permission];
  if (!roles.includes(principal.role)) {
    throw refusal('forbidden', `This needs a token with the role ${roles.join(' or ')}; yours is ${principal.role}.`);
  }
}

/** Part of a route's definition: its guard, and the roles for its description. */
export function needs(permission: Permission) {
  const guard: MiddlewareHandler<AppEnv> = async function permitted(c, next) {
    demand(c.get('principal'), permission);
    await next();
  };
  return { middleware: guard, 'x-roles': ROLES_WITH[permission] };
}
