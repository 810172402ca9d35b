import { expect, it } from 'vitest';
import { authorize, rolesWith } from '../../../src/application/authorize.ts';
import { ok } from '../../../src/protocol/common/errors.ts';

it('lets a role with the permission through, and names the roles that have it to any other', () => {
  expect(authorize({ role: 'operator' }, 'operate')).toEqual(ok(null));
  expect(authorize({ role: 'viewer' }, 'operate')).toMatchObject({
    ok: false,
    failure: { code: 'forbidden', detail: 'This needs a token with the role operator or admin; yours is viewer.' },
  });
});

it('gives an agent its sockets, the session that it works on and its artifacts, and no more', () => {
  const permissions = [
    'read',
    'read_session',
    'read_artifact',
    'operate',
    'administer',
    'work',
    'open_socket',
  ] as const;
  const agents = permissions.filter((permission) => rolesWith(permission).includes('agent'));
  expect(agents).toEqual(['read_session', 'read_artifact', 'work', 'open_socket']);
});
