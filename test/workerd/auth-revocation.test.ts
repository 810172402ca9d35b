import { runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { workspaceName } from '../../src/adapters/objects/names.ts';
import { CLOSE } from '../../src/protocol/common/socket.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import type { CreatedToken, Ticket } from '../../src/protocol/workspace/token.ts';
import { eventually } from '../support/eventually.ts';
import { appWith, ask, HOST, newWorkspace, signToken, UUID } from './http-support.ts';

const PAGE = 'https://dashboard.test';

/** Opens a socket as a browser's page does, and reports how it was closed. */
async function openSocket(path: string, token: string) {
  const ticketed = await ask('/api/v1/tickets', { token, body: { path }, headers: { Origin: PAGE } });
  const { ticket, protocol } = (await ticketed.json()) as Ticket;
  const headers = { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': `${protocol}, oio.ticket.${ticket}`, Origin: PAGE };
  const response = await exports.default.fetch(new Request(HOST + path, { headers }));
  expect(response.status).toBe(101);
  expect(response.headers.get('Sec-WebSocket-Protocol')).toBe(protocol);
  const socket = response.webSocket!;
  const closed = { code: null as number | null };
  socket.addEventListener('close', ({ code }) => {
    closed.code = code;
  });
  socket.accept();
  return { socket, closed };
}

it('a revocation closes the token’s sockets and no others', async () => {
  const admin = await signToken('admin', newWorkspace());
  const [one, other] = await Promise.all(
    ['one', 'other'].map(async (name) => {
      const response = await ask('/api/v1/tokens', { token: admin, body: { name, role: 'admin' } });
      return (await response.json()) as CreatedToken;
    }),
  );
  const body = { title: 'Watched', initial_prompt: 'x' };
  const { id } = (await (await ask('/api/v1/sessions', { token: admin, body })).json()) as SessionView;
  const watch = await openSocket(`/ws/sessions/${id}`, one!.token);
  const control = await openSocket(`/ws/agents/${UUID}/control`, one!.token);
  const untouched = await openSocket(`/ws/sessions/${id}`, other!.token);

  await ask(`/api/v1/tokens/${one!.id}`, { token: admin, method: 'DELETE' });
  await eventually(() => {
    expect(watch.closed.code).toBe(CLOSE.unauthorized);
    expect(control.closed.code).toBe(CLOSE.unauthorized);
  });
  expect(untouched.closed.code).toBeNull();
  untouched.socket.close(1000, 'done');
});

it.each([1000, 4321])('a client’s close is answered with its code %i, and its record is deleted', async (code) => {
  const workspace = newWorkspace();
  const admin = await signToken('admin', workspace);
  const made = await ask('/api/v1/tokens', { token: admin, body: { name: 'one', role: 'admin' } });
  const { token } = (await made.json()) as CreatedToken;
  const { socket, closed } = await openSocket(`/ws/agents/${UUID}/control`, token);
  const records = () =>
    runInDurableObject(env.WORKSPACE.getByName(workspaceName(workspace)), (_object, ctx) =>
      ctx.storage.sql.exec('SELECT * FROM sockets').toArray(),
    );
  expect(await records()).toHaveLength(1);
  socket.close(code, 'bye');
  await eventually(() => expect(closed.code).toBe(code));
  await eventually(async () => expect(await records()).toEqual([]));
});

it('a revoked token opens no socket, even in an isolate that does not know of the revocation yet', async () => {
  const admin = await signToken('admin', newWorkspace());
  const made = await ask('/api/v1/tokens', { token: admin, body: { name: 'one', role: 'admin' } });
  const { id, token } = (await made.json()) as CreatedToken;
  const elsewhere = appWith({});
  const control = () =>
    elsewhere.ask(`/ws/agents/${UUID}/control`, {
      token,
      headers: { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': 'oio.v1' },
    });
  expect((await control()).status).toBe(101);
  await ask(`/api/v1/tokens/${id}`, { token: admin, method: 'DELETE' });
  expect((await elsewhere.ask('/api/v1/tokens', { token })).status, 'its list is not up to date yet').toBe(200);
  expect((await control()).status).toBe(401);
});
