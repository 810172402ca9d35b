import { expect, it } from 'vitest';
import { authorize } from '../../../src/application/authorize.ts';
import { rolesWith } from '../../../src/domain/permissions.ts';
import { ok } from '../../../src/protocol/common/errors.ts';

it('authorize accepts a role with the permission, and otherwise names the roles that have it', () => {
  expect(authorize({ role: 'operator' }, 'operate')).toEqual(ok(null));
  expect(authorize({ role: 'viewer' }, 'operate')).toMatchObject({
    ok: false,
    failure: {
      code: 'forbidden',
      detail: 'This request needs a token with the role operator or admin; this token has the role viewer.',
    },
  });
});

it('the role agent may open its sockets and read sessions and artifacts, and nothing else', () => {
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
