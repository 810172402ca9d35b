import { describe, expect, it } from 'vitest';
import { PRINCIPAL_HEADER } from '../../src/ports/calls.ts';
import type { SocketPlace } from '../../src/ports/workspace.ts';
import { ok } from '../../src/protocol/common/errors.ts';
import { appWith, newWorkspace, SESSION_ID, STATIC_TOKEN, signer, signToken, TASK_ID, UUID } from './http-support.ts';

const WATCH = `/ws/sessions/${SESSION_ID}`;
const UPGRADE = { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': 'oio.v1' };
/** The members of the port that a test does not use. */
const NOTHING_ELSE = { close: async () => {}, nextEvent: async () => ok(null) };
const PAGE = 'https://dashboard.test';

/** An application that records the upgrades that it forwards to objects. */
function recording({ mayOpen = true } = {}) {
  const handed: { object: string; upgrade: Request }[] = [];
  const noted: { tokenId: string; place: SocketPlace }[] = [];
  const ended: SocketPlace[] = [];
  const open = (object: string, upgrade: Request) => {
    handed.push({ object, upgrade });
    const [client, server] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
    server.accept();
    return new Response(null, { status: 101, webSocket: client, headers: { 'Sec-WebSocket-Protocol': 'oio.v1' } });
  };
  const app = appWith({
    sockets: {
      open: async (workspace, { kind, id }, upgrade) => open(kind === 'session' ? `${workspace}/${id}` : id, upgrade),
      ...NOTHING_ELSE,
      close: async (_workspace, place) => void ended.push(place),
    },
    workspaces: {
      of: () =>
        ({
          revokedTokens: async () => [],
          recordSocket: async (tokenId: string, _socketId: string, place: SocketPlace) => {
            noted.push({ tokenId, place });
            return mayOpen;
          },
        }) as never,
    },
  });
  return { ...app, handed, noted, ended };
}

/** A ticket, created as a browser's page does. */
async function newTicket(app: ReturnType<typeof recording>, path = WATCH, origin: string | null = PAGE) {
  const headers: Record<string, string> = origin === null ? {} : { Origin: origin };
  const response = await app.ask('/api/v1/tickets', { token: await signToken('viewer'), body: { path }, headers });
  expect(response.status).toBe(201);
  const { ticket, protocol } = (await response.json()) as { ticket: string; protocol: string };
  return { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': `${protocol}, oio.ticket.${ticket}`, Origin: PAGE };
}

describe('a socket', () => {
  it('is opened with a token, and its object gets the principal but no secret', async () => {
    const app = recording();
    const workspace = newWorkspace();
    const token = await signToken('viewer', workspace);
    const forged = JSON.stringify({ workspace: 'default', role: 'admin', token_id: 'static' });
    const response = await app.ask(`${WATCH}?after=5f2b9c1e.7`, {
      token,
      headers: { ...UPGRADE, [PRINCIPAL_HEADER]: forged, Cookie: 'a=b' },
    });
    expect(response.status).toBe(101);
    expect(response.webSocket).not.toBeNull();
    expect(response.headers.get('Sec-WebSocket-Protocol')).toBe('oio.v1');
    const [{ object, upgrade }] = app.handed as [{ object: string; upgrade: Request }];
    expect(object).toBe(`${workspace}/${SESSION_ID}`);
    expect(new URL(upgrade.url).searchParams.get('after')).toBe('5f2b9c1e.7');
    expect(JSON.parse(upgrade.headers.get(PRINCIPAL_HEADER)!)).toMatchObject({ workspace, role: 'viewer' });
    expect(upgrade.headers.get('Sec-WebSocket-Protocol')).toBe('oio.v1');
    expect(JSON.stringify([...upgrade.headers])).not.toContain(token);
    expect(upgrade.headers.get('Cookie')).toBeNull();
  });

  it('is opened from a page with a ticket, which is neither forwarded nor echoed', async () => {
    const app = recording();
    const headers = await newTicket(app);
    const response = await app.ask(WATCH, { headers });
    expect(response.status).toBe(101);
    expect(response.headers.get('Sec-WebSocket-Protocol')).toBe('oio.v1');
    expect(JSON.stringify([...app.handed[0]!.upgrade.headers])).not.toContain('oio.ticket');
  });

  it('is not opened with a ticket for another path', async () => {
    const app = recording();
    const headers = await newTicket(app, `/ws/agents/${UUID}/control`);
    expect((await app.ask(WATCH, { headers })).status).toBe(401);
  });

  it.each(['https://elsewhere.test', null])('is not opened with a ticket made for the origin %s', async (origin) => {
    const app = recording();
    const headers = await newTicket(app, WATCH, origin);
    expect((await app.ask(WATCH, { headers })).status).toBe(401);
  });

  it('is not opened with a ticket after 30 seconds', async () => {
    const app = recording();
    const headers = await newTicket(app);
    const ticket = headers['Sec-WebSocket-Protocol'].split('oio.ticket.')[1]!;
    const claims = await signer.verify(ticket, 'ticket');
    expect(claims!.exp - claims!.iat).toBe(30);
    const late = await signer.sign({ ...claims!, exp: Math.floor(Date.now() / 1_000) });
    const protocols = `oio.v1, oio.ticket.${late}`;
    expect((await app.ask(WATCH, { headers: { ...headers, 'Sec-WebSocket-Protocol': protocols } })).status).toBe(401);
  });

  it('is not opened with a token in place of a ticket, nor with either in the URL', async () => {
    const app = recording();
    const token = await signToken('viewer');
    const protocols = `oio.v1, oio.ticket.${token}`;
    const headers = { ...UPGRADE, 'Sec-WebSocket-Protocol': protocols };
    expect((await app.ask(WATCH, { headers })).status).toBe(401);
    expect((await app.ask(`${WATCH}?token=${token}`, { headers: UPGRADE })).status).toBe(401);
    expect(app.handed).toEqual([]);
  });

  it('is not opened without the subprotocol oio.v1', async () => {
    const app = recording();
    const response = await app.ask(WATCH, { token: STATIC_TOKEN, headers: { Upgrade: 'websocket' } });
    expect(response.status).toBe(400);
  });

  it('gets problem details when its object refuses it', async () => {
    const refused = async () => new Response('There is no such session.', { status: 404 });
    const { ask } = appWith({ sockets: { open: refused, ...NOTHING_ELSE } });
    const response = await ask(WATCH, { token: STATIC_TOKEN, headers: UPGRADE });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'not_found', detail: 'There is no such session.' });
  });

  it('is recorded, unless its token cannot be revoked', async () => {
    const app = recording();
    const token = await signToken('admin');
    const { jti: tokenId } = (await signer.verify(token, 'api'))!;
    await app.ask(WATCH, { token, headers: UPGRADE });
    await app.ask(`/ws/leases/${TASK_ID}/3`, { token, headers: UPGRADE });
    await app.ask(`/ws/agents/${UUID}/control`, { token, headers: UPGRADE });
    await app.ask(WATCH, { token: STATIC_TOKEN, headers: UPGRADE });
    const workspace = app.handed[2]!.object;
    expect(app.noted).toEqual([
      { tokenId, place: { kind: 'session', id: SESSION_ID } },
      { tokenId, place: { kind: 'session', id: SESSION_ID } },
      { tokenId, place: { kind: 'agent_registry', id: workspace } },
    ]);
    expect(app.handed).toHaveLength(4);
  });

  it('is not opened with a revoked token, even if this isolate’s list is out of date', async () => {
    const app = recording({ mayOpen: false });
    const token = await signToken('admin');
    const paths = [WATCH, `/ws/leases/${TASK_ID}/3`, `/ws/agents/${UUID}/control`];
    for (const path of paths) expect((await app.ask(path, { token, headers: UPGRADE })).status).toBe(401);
    expect(app.ended).toEqual(app.noted.map(({ place }) => place));
    expect(app.ended).toHaveLength(paths.length);
  });

  it('is not recorded if it does not exist', async () => {
    const noted: string[] = [];
    const missing = async () => new Response('There is no such session.', { status: 404 });
    const { ask } = appWith({
      sockets: { open: missing, ...NOTHING_ELSE },
      workspaces: {
        of: () => ({ revokedTokens: async () => [], recordSocket: async () => noted.push('recorded') }) as never,
      },
    });
    expect((await ask(WATCH, { token: await signToken('viewer'), headers: UPGRADE })).status).toBe(404);
    expect(noted).toEqual([]);
  });

  it.each([`/ws/leases/${SESSION_ID}/1`, `/ws/leases/${TASK_ID}/0`, '/ws/sessions/abc', `${WATCH}?after=then`])(
    'at %s does not exist',
    async (path) => {
      const response = await recording().ask(path, { token: STATIC_TOKEN, headers: UPGRADE });
      expect(response.status).toBe(422);
    },
  );
});
