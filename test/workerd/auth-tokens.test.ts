import { describe, expect, it } from 'vitest';
import { TokenSigner } from '../../src/application/token-signer.ts';
import { Unavailable } from '../../src/ports/unavailable.ts';
import type { Role } from '../../src/protocol/common/enums.ts';
import { ok } from '../../src/protocol/common/errors.ts';
import type { CreatedToken } from '../../src/protocol/workspace/token.ts';
import {
  appWith,
  ask,
  newWorkspace,
  SESSION_ID,
  STATIC_TOKEN,
  sessionsWith,
  sessionView,
  signer,
  signToken,
  UUID,
} from './http-support.ts';

const LIST = '/api/v1/tokens';
const now = () => Math.floor(Date.now() / 1_000);

async function createToken(token: string, body: object, headers: Record<string, string> = {}): Promise<CreatedToken> {
  const response = await ask(LIST, { token, body: { name: 'ci', role: 'viewer', ...body }, headers });
  expect(response.status).toBe(201);
  return (await response.json()) as CreatedToken;
}

describe('a token', () => {
  const claims = { use: 'api', ws: 'default', role: 'admin', jti: UUID, iat: now(), exp: now() + 600 } as const;
  const keys = (id: string, secret: string) => new TokenSigner([{ id, secret }], Date.now);

  const refused: [what: string, token: () => Promise<string> | string][] = [
    ['garbage', () => 'garbage'],
    ['three parts of garbage', () => 'a.b.c'],
    ['a token that has expired', () => signer.sign({ ...claims, exp: now() - 1 })],
    ['a token of a key that we do not have', () => keys('other', 'n'.repeat(32)).sign(claims)],
    ['a token of another deployment’s key of the same name', () => keys('new', 'x'.repeat(32)).sign(claims)],
    [
      'a ticket',
      () => signer.sign({ ...claims, use: 'ticket', path: '/api/v1/tokens', origin: null, token_exp: null }),
    ],
    ['a sign-in code', () => signer.sign({ ...claims, use: 'code', by: 'static' })],
    ['almost the token of the environment', () => `${STATIC_TOKEN.slice(0, -1)}x`],
    ['a token without a signature', async () => (await signer.sign(claims)).replace(/[^.]+$/, '')],
    ['a token with changed claims', async () => withClaims(await signer.sign(claims), { role: 'admin', ws: 'other' })],
    ['a token that says it needs no signature', async () => unsigned(await signer.sign(claims))],
    ['a token of endless length', () => 'a'.repeat(10_000)],
  ];

  it.each(refused)('is not %s', async (_what, token) => {
    const response = await ask(LIST, { token: await token() });
    expect(response.status).toBe(401);
    expect(response.headers.get('WWW-Authenticate')).toBe('Bearer');
  });

  it('is accepted only in the Authorization header', async () => {
    expect((await ask(`${LIST}?token=${STATIC_TOKEN}`)).status).toBe(401);
    const basic = { Authorization: `Basic ${btoa(`oio:${STATIC_TOKEN}`)}` };
    expect((await ask(LIST, { headers: basic })).status).toBe(401);
  });

  it('from the environment has the role admin in the workspace default', async () => {
    expect((await ask(LIST, { token: STATIC_TOKEN })).status).toBe(200);
  });

  it('from the environment may be any string of 32 characters', async () => {
    const staticToken = 'correct horse, battery staple! (2026)';
    const app = appWith({ staticToken });
    expect((await app.ask(LIST, { token: staticToken })).status).toBe(200);
    expect((await app.ask(LIST, { token: STATIC_TOKEN })).status).toBe(401);
  });

  it('that was signed with an older key is valid while that key is configured', async () => {
    const token = await keys('old', 'o'.repeat(32)).sign({ ...claims, ws: newWorkspace() });
    expect((await ask(LIST, { token })).status).toBe(200);
  });

  it('gives access to its own workspace only', async () => {
    const workspaces: string[] = [];
    const sessions = {
      at: (workspace: string) => {
        workspaces.push(workspace);
        return sessionsWith({ read: async () => ok(sessionView()) }).at(workspace, SESSION_ID);
      },
    };
    const workspace = newWorkspace();
    await appWith({ sessions }).ask(`/api/v1/sessions/${SESSION_ID}`, { token: await signToken('viewer', workspace) });
    expect(workspaces).toEqual([workspace]);
  });
});

describe('tokens', () => {
  it('can be created, used, listed without their secrets, and revoked', async () => {
    const admin = await signToken('admin');
    const made = await createToken(admin, { name: 'build', role: 'admin', expires_in_seconds: 120 });
    expect(Date.parse(made.expires_at) - Date.parse(made.created_at)).toBe(120_000);
    expect((await ask(LIST, { token: made.token })).status).toBe(200);

    const listed = (await (await ask(LIST, { token: admin })).json()) as { items: object[] };
    const { token, ...view } = made;
    expect(listed.items).toEqual([{ ...view, last_used_at: expect.any(String) }]);

    expect((await ask(`${LIST}/${made.id}`, { token: admin, method: 'DELETE' })).status).toBe(204);
    expect((await ask(LIST, { token })).status).toBe(401);
    const after = (await (await ask(LIST, { token: admin })).json()) as { items: { revoked_at: string | null }[] };
    expect(after.items[0]?.revoked_at).not.toBeNull();
  });

  it('are revoked together with their tickets', async () => {
    const admin = await signToken('admin');
    const made = await createToken(admin, { role: 'viewer' });
    const path = `/ws/sessions/${SESSION_ID}`;
    const { ticket } = (await (await ask('/api/v1/tickets', { token: made.token, body: { path } })).json()) as {
      ticket: string;
    };
    await ask(`${LIST}/${made.id}`, { token: admin, method: 'DELETE' });
    const headers = { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': `oio.v1, oio.ticket.${ticket}` };
    expect((await ask(path, { headers })).status).toBe(401);
  });

  it('of another workspace are not found and not changed', async () => {
    const made = await createToken(await signToken('admin'), { role: 'admin' });
    const stranger = await signToken('admin');
    expect((await ask(`${LIST}/${made.id}`, { token: stranger, method: 'DELETE' })).status).toBe(404);
    expect((await ask(LIST, { token: made.token })).status).toBe(200);
  });

  it('say whose they are', async () => {
    const workspace = newWorkspace();
    const made = await createToken(await signToken('admin', workspace), { role: 'viewer' });
    const me = async (token: string) => (await ask('/api/v1/me', { token })).json();
    const exp = Math.floor(Date.parse(made.expires_at) / 1_000) * 1_000;
    expect(await me(made.token)).toEqual({
      workspace,
      role: 'viewer',
      token_id: made.id,
      agent_id: null,
      expires_at: new Date(exp).toISOString(),
    });
    const ofEnvironment = { workspace: 'default', role: 'admin', token_id: 'static', agent_id: null, expires_at: null };
    expect(await me(STATIC_TOKEN)).toEqual(ofEnvironment);
  });

  it('are the same for a repeated idempotency key, and refused for another body', async () => {
    const admin = await signToken('admin');
    const headers = { 'Idempotency-Key': 'make-ci' };
    const first = await createToken(admin, { role: 'operator' }, headers);
    expect(await createToken(admin, { role: 'operator' }, headers)).toEqual(first);
    const other = await ask(LIST, { token: admin, body: { name: 'ci', role: 'admin' }, headers });
    expect(other.status).toBe(422);
    expect(await other.json()).toMatchObject({ code: 'idempotency_mismatch' });
  });

  it.each([59, 31_536_001])('cannot have a lifetime of %i seconds', async (expires_in_seconds) => {
    const body = { name: 'ci', role: 'viewer', expires_in_seconds };
    expect((await ask(LIST, { token: STATIC_TOKEN, body })).status).toBe(422);
  });
});

describe('the list of revoked tokens', () => {
  const workspace = 'w-cached';

  /** An application with its own clock and a workspace that a test can make unreachable. */
  function cached() {
    const state = { now: 1_700_000_000_000, reads: 0, revoked: [] as string[], away: false };
    const revokedTokens = async () => {
      state.reads++;
      if (state.away) throw new Unavailable('the object');
      return state.revoked;
    };
    const effects = { now: () => state.now, uuid: () => crypto.randomUUID(), randomBytes: () => new Uint8Array(6) };
    const own = new TokenSigner([{ id: 'k', secret: 'k'.repeat(32) }], effects.now);
    const { ask } = appWith({
      effects,
      signer: own,
      workspaces: { of: () => ({ revokedTokens }) as never },
      sessions: sessionsWith({ read: async () => ok(sessionView()) }),
    });
    const iat = Math.floor(state.now / 1_000);
    const token = own.sign({ use: 'api', ws: workspace, role: 'viewer', jti: 'token-1', iat, exp: iat + 600 });
    const status = async () => (await ask(`/api/v1/sessions/${SESSION_ID}`, { token: await token })).status;
    return { state, status };
  }

  it('is refreshed after at most 15 seconds', async () => {
    const { state, status } = cached();
    expect(await status()).toBe(200);
    state.revoked = ['token-1'];
    state.now += 14_999;
    expect(await status()).toBe(200);
    expect(state.reads).toBe(1);
    state.now += 1;
    expect(await status()).toBe(401);
  });

  it('is used for 30 seconds while it cannot be read; after that, every request is refused', async () => {
    const { state, status } = cached();
    expect(await status()).toBe(200);
    state.away = true;
    state.now += 29_999;
    expect(await status()).toBe(200);
    state.now += 1;
    expect(await status()).toBe(503);
    state.away = false;
    expect(await status()).toBe(200);
  });

  it('refuses every request until it was read once', async () => {
    const { state, status } = cached();
    state.away = true;
    expect(await status()).toBe(503);
  });
});

describe('a verified token', () => {
  const workspace = 'w-verified';

  /** An application with its own clock that counts its signer's verifications. */
  function counting() {
    const state = { now: 1_700_000_000_000, verified: 0 };
    const effects = { now: () => state.now, uuid: () => crypto.randomUUID(), randomBytes: () => new Uint8Array(6) };
    const own = new TokenSigner([{ id: 'k', secret: 'k'.repeat(32) }], effects.now);
    const verify: TokenSigner['verify'] = (text, use) => {
      state.verified++;
      return own.verify(text, use);
    };
    const { ask } = appWith({
      effects,
      signer: Object.assign(Object.create(own), { verify }),
      workspaces: { of: () => ({ revokedTokens: async () => [] }) as never },
      sessions: sessionsWith({ read: async () => ok(sessionView()) }),
    });
    const signed = (role: Role) => {
      const iat = Math.floor(state.now / 1_000);
      return own.sign({ use: 'api', ws: workspace, role, jti: `token-${role}`, iat, exp: iat + 600 });
    };
    const status = async (token: string) => (await ask(`/api/v1/sessions/${SESSION_ID}`, { token })).status;
    return { state, signed, status };
  }

  it('is cached, so that its signature is verified once', async () => {
    const { state, signed, status } = counting();
    const [viewer, agent] = [await signed('viewer'), await signed('agent')];
    for (let time = 0; time < 3; time++) expect([await status(viewer), await status(agent)]).toEqual([200, 200]);
    expect(state.verified).toBe(2);
  });

  it('is refused from the moment at which it expires', async () => {
    const { state, signed, status } = counting();
    const token = await signed('viewer');
    expect(await status(token)).toBe(200);
    state.now += 599_999;
    expect(await status(token)).toBe(200);
    state.now += 1;
    expect(await status(token)).toBe(401);
  });

  it('is not cached if it is invalid', async () => {
    const { state, signed, status } = counting();
    const forged = `${(await signed('viewer')).slice(0, -4)}AAAA`;
    expect([await status(forged), await status(forged)]).toEqual([401, 401]);
    expect(state.verified).toBe(2);
  });
});

function part(value: object): string {
  return btoa(JSON.stringify(value)).replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_');
}

function withClaims(token: string, changes: object): string {
  const [header, payload, signature] = token.split('.') as [string, string, string];
  const claims = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
  return [header, part({ ...claims, ...changes }), signature].join('.');
}

function unsigned(token: string): string {
  return [part({ alg: 'none', typ: 'JWT', kid: 'new' }), token.split('.')[1], ''].join('.');
}
