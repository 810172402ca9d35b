import { rolesWith } from '../domain/permissions.ts';
import { type Outcome, ok, refuse } from '../protocol/common/errors.ts';
import type { Permission } from '../protocol/endpoints/endpoint.ts';
import type { Principal } from '../protocol/workspace/token.ts';

/** Checks that a principal has a permission. Fails with `forbidden` and the roles that have it. */
export function authorize({ role }: Pick<Principal, 'role'>, permission: Permission): Outcome<null> {
  const roles = rolesWith(permission);
  if (roles.includes(role)) return ok(null);
  return refuse(
    'forbidden',
    `This request needs a token with the role ${roles.join(' or ')}; this token has the role ${role}.`,
  );
}
