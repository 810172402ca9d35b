import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/protocol/common/enums.ts';
import type { CreatedToken } from '../../src/protocol/workspace/token.ts';
import { ask, newWorkspace, STATIC_TOKEN, signer, signToken, UUID } from './http-support.ts';

const LIST = '/api/v1/tokens';
const now = () => Math.floor(Date.now() / 1_000);

describe('sign-in codes', () => {
  const redeem = (code: string, headers: Record<string, string> = {}) =>
    ask('/api/v1/codes/redeem', { method: 'POST', token: code, headers });

  async function newCode(workspace = newWorkspace(), body = {}): Promise<string> {
    const made = await ask(LIST, { token: await signToken('admin', workspace), body: { name: 'a', role: 'admin' } });
    return codeOf((await made.json()) as CreatedToken, body);
  }

  async function codeOf({ token }: CreatedToken, body = {}): Promise<string> {
    const response = await ask('/api/v1/codes', { method: 'POST', token, body });
    expect(response.status).toBe(201);
    return ((await response.json()) as { code: string }).code;
  }

  it('and their sign-ins end with the token that made them', async () => {
    const owner = await signToken('admin', newWorkspace());
    const made = await ask(LIST, { token: owner, body: { name: 'lost', role: 'admin' } });
    const lost = (await made.json()) as CreatedToken;
    const [used, unused] = [await codeOf(lost), await codeOf(lost)];
    const { token } = (await (await redeem(used)).json()) as CreatedToken;
    expect((await ask(LIST, { token })).status).toBe(200);
    await ask(`${LIST}/${lost.id}`, { token: owner, method: 'DELETE' });
    expect((await ask(LIST, { token })).status).toBe(401);
    expect((await redeem(unused)).status).toBe(401);
  });

  it.each(['viewer', 'operator', 'admin'])('sign in with the role that they were made for: %s', async (role) => {
    const { token } = (await (await redeem(await newCode(newWorkspace(), { role }))).json()) as CreatedToken;
    expect(await (await ask('/api/v1/me', { token })).json()).toMatchObject({ role });
  });

  it('are made for no agent, and by none but an admin', async () => {
    const workspace = newWorkspace();
    const made = async (by: Role, role: string) =>
      (await ask('/api/v1/codes', { token: await signToken(by, workspace), body: { role } })).status;
    expect(await made('admin', 'agent')).toBe(422);
    expect(await made('operator', 'viewer')).toBe(403);
  });

  it('create one token, once', async () => {
    const code = await newCode();
    const first = await redeem(code);
    expect(first.status).toBe(201);
    const { token } = (await first.json()) as CreatedToken;
    expect((await ask(LIST, { token })).status).toBe(200);
    expect((await redeem(code)).status).toBe(401);
  });

  it('return the same token when a request with a lost response is repeated', async () => {
    const code = await newCode();
    const headers = { 'Idempotency-Key': 'sign-in-1' };
    const first = await redeem(code, headers);
    expect(await (await redeem(code, headers)).json()).toEqual(await first.json());
  });

  it('create separate tokens, even under the same idempotency key', async () => {
    const workspace = newWorkspace();
    const headers = { 'Idempotency-Key': 'sign-in-1' };
    const redeemed = async () => (await (await redeem(await newCode(workspace), headers)).json()) as CreatedToken;
    const [one, other] = [await redeemed(), await redeemed()];
    expect(other.id).not.toBe(one.id);
  });

  it('can be redeemed at the path with a trailing slash', async () => {
    const response = await ask('/api/v1/codes/redeem/', { method: 'POST', token: await newCode() });
    expect(response.status).toBe(201);
  });

  it('expire after ten minutes', async () => {
    const iat = now() - 601;
    const claims = {
      use: 'code',
      ws: newWorkspace(),
      role: 'admin',
      jti: UUID,
      by: 'static',
      iat,
      exp: iat + 600,
    } as const;
    expect((await redeem(await signer.sign(claims))).status).toBe(401);
    const response = await ask('/api/v1/codes', { method: 'POST', token: await signToken('admin') });
    const { expires_at } = (await response.json()) as { expires_at: string };
    expect(Date.parse(expires_at) - Date.now()).toBeLessThanOrEqual(600_000);
  });

  it('are not tokens, and tokens are not codes', async () => {
    expect((await ask(LIST, { token: await newCode() })).status).toBe(401);
    expect((await redeem(await signToken('admin'))).status).toBe(401);
    expect((await redeem(STATIC_TOKEN)).status).toBe(401);
    expect((await ask('/api/v1/codes/redeem', { method: 'POST' })).status).toBe(401);
  });
});
