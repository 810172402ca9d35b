import { expect, it } from 'vitest';
import type { Call } from '../../../src/ports/calls.ts';
import type { SocketPlace, WorkspaceApi } from '../../../src/ports/workspace.ts';
import { MAX_TEMPLATES } from '../../../src/protocol/common/limits.ts';
import { formatListCursor } from '../../../src/protocol/common/page.ts';
import { valueIn } from '../../support/value-in.ts';

/** A workspace without tokens. */
export interface WorkspaceUnderTest {
  api: WorkspaceApi;
  workspace: string;
  /** Its clock, in ms. */
  now(): number;
  /** Advances its clock and runs due alarms. */
  advance(ms: number): Promise<void>;
}

export const TOKEN_REQUEST = { name: 'ci', role: 'viewer', expires_in_seconds: 60 } as const;
const PART = { title: 'A part', description: 'Do it.', hours: 1, required_capabilities: [], depends_on: [] };
const TEMPLATE = {
  triggers: ['bread'],
  specificity: 80,
  raises_priority: false,
  parts: [
    { ...PART, name: 'dough' },
    { ...PART, name: 'oven', depends_on: ['dough'] },
  ],
};
export const PLACE: SocketPlace = { kind: 'session', id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000' };

export function callIn(workspace: string, key: string | null = null, fingerprint = 'f1'): Call {
  const idempotency = key === null ? null : { key, fingerprint };
  return { principal: { workspace, role: 'admin', token_id: 'static' }, request_id: 'r1', idempotency };
}

/** A call with the token of that id. */
function callBy(workspace: string, token_id: string): Call {
  return { ...callIn(workspace), principal: { workspace, role: 'admin', token_id } };
}

/** The contract of every implementation of a workspace. */
export function workspaceContract(make: () => Promise<WorkspaceUnderTest>): void {
  it('keeps the templates of a workspace by their names, as many as it may have', async () => {
    const { api, workspace } = await make();
    const call = callIn(workspace);
    expect(valueIn(await api.templates(call))).toEqual([]);
    expect(await api.deleteTemplate(call, 'bread')).toMatchObject({ failure: { code: 'not_found' } });
    const stored = valueIn(await api.putTemplate(call, 'bread', TEMPLATE));
    expect(stored).toEqual({ name: 'bread', ...TEMPLATE, updated_at: expect.any(String) });
    const other = { ...TEMPLATE, triggers: ['rolls'] };
    valueIn(await api.putTemplate(call, 'bread', other));
    expect(valueIn(await api.templates(call))).toMatchObject([{ name: 'bread', ...other }]);
    const [first, second] = TEMPLATE.parts;
    const cyclic = { ...TEMPLATE, parts: [{ ...first!, depends_on: ['oven'] }, second!] };
    expect(await api.putTemplate(call, 'bread', cyclic)).toMatchObject({
      failure: { code: 'validation_failed', errors: [{ path: expect.stringMatching(/^parts\.[01]\.depends_on$/) }] },
    });
    for (let count = 1; count < MAX_TEMPLATES; count++) valueIn(await api.putTemplate(call, `more-${count}`, TEMPLATE));
    expect(await api.putTemplate(call, 'one-more', TEMPLATE)).toMatchObject({ failure: { code: 'limit_reached' } });
    valueIn(await api.putTemplate(call, 'bread', TEMPLATE));
    valueIn(await api.deleteTemplate(call, 'bread'));
    expect(valueIn(await api.templates(call))).toHaveLength(MAX_TEMPLATES - 1);
    expect(await api.templates(callIn('another'))).toMatchObject({ ok: false });
  });

  it('creates tokens with the requested lifetime, and lists them', async () => {
    const { api, workspace, now } = await make();
    const at = now();
    const token = valueIn(await api.createToken(callIn(workspace), TOKEN_REQUEST));
    expect(token).toMatchObject({ name: 'ci', role: 'viewer', revoked_at: null });
    expect(Date.parse(token.created_at)).toBeGreaterThanOrEqual(at);
    expect(Date.parse(token.expires_at) - Date.parse(token.created_at)).toBe(60_000);
    expect(valueIn(await api.listTokens(callIn(workspace))).items).toEqual([token]);
  });

  it('lists tokens page by page, newest first, and refuses the cursor of another list', async () => {
    const { api, workspace } = await make();
    const call = callIn(workspace);
    const made: string[] = [];
    for (const name of ['one', 'two', 'three']) {
      made.push(valueIn(await api.createToken(call, { ...TOKEN_REQUEST, name })).id);
    }
    const first = valueIn(await api.listTokens(call, { page_size: 2 }));
    const second = valueIn(await api.listTokens(call, { page_size: 2, cursor: first.next_cursor! }));
    expect(first.items).toHaveLength(2);
    expect(second).toMatchObject({ items: [{}], next_cursor: null });
    expect([...first.items, ...second.items].map(({ id }) => id).sort()).toEqual(made.sort());
    const cursor = formatListCursor('agents', ['x', 'y']);
    expect(await api.listTokens(call, { page_size: 2, cursor })).toMatchObject({
      failure: { code: 'validation_failed', errors: [{ path: 'cursor' }] },
    });
  });

  it('revokes a token, and answers a repeated revocation in the same way', async () => {
    const { api, workspace } = await make();
    const token = valueIn(await api.createToken(callIn(workspace), TOKEN_REQUEST));
    expect(await api.revokedTokens()).toEqual([]);
    const revoked = valueIn(await api.revokeToken(callIn(workspace), token.id));
    expect(revoked.revoked_at).not.toBeNull();
    expect(valueIn(await api.revokeToken(callIn(workspace), token.id))).toEqual(revoked);
    expect(await api.revokedTokens()).toEqual([token.id]);
  });

  it('records the last use of a valid token, at most once an hour', async () => {
    const { api, workspace, now, advance } = await make();
    const request = { ...TOKEN_REQUEST, expires_in_seconds: 86_400 };
    const { id, last_used_at } = valueIn(await api.createToken(callIn(workspace), request));
    expect(last_used_at).toBeNull();
    const lastUse = async () => valueIn(await api.listTokens(callIn(workspace))).items[0]!.last_used_at;
    const at = now();
    await api.revokedTokens(id);
    const first = (await lastUse())!;
    expect(Date.parse(first)).toBeGreaterThanOrEqual(at);
    await advance(3_000_000);
    await api.revokedTokens(id);
    expect(await lastUse()).toBe(first);
    await advance(3_700_000);
    await api.revokedTokens(id);
    const later = (await lastUse())!;
    expect(Date.parse(later) - Date.parse(first)).toBeGreaterThanOrEqual(3_600_000);
    await advance(3_700_000);
    await api.revokeToken(callIn(workspace), id);
    await api.revokedTokens(id);
    expect(await lastUse()).toBe(later);
  });

  it('does not find a token that it did not create', async () => {
    const { api, workspace } = await make();
    expect(await api.revokeToken(callIn(workspace), 'nothing')).toMatchObject({ failure: { code: 'not_found' } });
    valueIn(await api.createToken(callIn(workspace), TOKEN_REQUEST));
    expect(await api.revokeToken(callIn(workspace), 'nothing')).toMatchObject({ failure: { code: 'not_found' } });
  });

  it('deletes an expired token, revoked or not', async () => {
    const { api, workspace, advance } = await make();
    const short = valueIn(await api.createToken(callIn(workspace), TOKEN_REQUEST));
    const long = valueIn(await api.createToken(callIn(workspace), { ...TOKEN_REQUEST, expires_in_seconds: 600 }));
    valueIn(await api.revokeToken(callIn(workspace), short.id));
    await advance(60_000);
    expect(valueIn(await api.listTokens(callIn(workspace))).items).toEqual([long]);
    expect(await api.revokedTokens()).toEqual([]);
    await advance(540_000);
    expect(valueIn(await api.listTokens(callIn(workspace))).items).toEqual([]);
  });

  it('creates one token for a sign-in code, once', async () => {
    const { api, workspace, now } = await make();
    const code = { id: 'code-1', expires_at: now() + 600_000, role: 'operator', by: null } as const;
    expect(valueIn(await api.redeemCode(callIn(workspace), code)).role).toBe('operator');
    expect(await api.redeemCode(callIn(workspace), code)).toMatchObject({ failure: { code: 'unauthorized' } });
    expect(valueIn(await api.listTokens(callIn(workspace))).items).toHaveLength(1);
  });

  it('refuses a code that has expired, used or not', async () => {
    const { api, workspace, now, advance } = await make();
    const code = { id: 'code-1', expires_at: now() + 600_000, role: 'viewer', by: null } as const;
    valueIn(await api.redeemCode(callIn(workspace), code));
    await advance(600_000);
    for (const id of ['code-1', 'code-2']) {
      const late = await api.redeemCode(callIn(workspace), { ...code, id });
      expect(late).toMatchObject({ failure: { code: 'unauthorized' } });
    }
  });

  it('refuses a code whose maker was revoked, and ends the sign-ins that came from its codes', async () => {
    const { api, workspace, now } = await make();
    const maker = valueIn(await api.createToken(callIn(workspace), { ...TOKEN_REQUEST, expires_in_seconds: 3_600 }));
    const code = (id: string, by: string) => ({ id, expires_at: now() + 600_000, role: 'admin', by }) as const;
    const child = valueIn(await api.redeemCode(callIn(workspace), code('c1', maker.id)));
    const grandchild = valueIn(await api.redeemCode(callIn(workspace), code('c2', child.id)));
    expect(child.expires_at, 'a sign-in lives no longer than its maker').toBe(maker.expires_at);
    valueIn(await api.revokeToken(callIn(workspace), maker.id));
    expect(new Set(await api.revokedTokens())).toEqual(new Set([maker.id, child.id, grandchild.id]));
    for (const by of [maker.id, child.id, 'nobody']) {
      const late = await api.redeemCode(callIn(workspace), code('c3', by));
      expect(late).toMatchObject({ failure: { code: 'unauthorized' } });
    }
  });

  it('revokes with a token all that it has made, and refuses to create more for it', async () => {
    const { api, workspace } = await make();
    const createBy = async (by: string, name: string) =>
      valueIn(await api.createToken(callBy(workspace, by), { ...TOKEN_REQUEST, name, role: 'admin' }));
    const other = await createBy('static', 'other');
    const maker = await createBy('static', 'maker');
    const child = await createBy(maker.id, 'child');
    const grandchild = await createBy(child.id, 'grandchild');
    expect([other, maker, child, grandchild].map(({ created_by }) => created_by)).toEqual([
      null,
      null,
      maker.id,
      child.id,
    ]);
    valueIn(await api.revokeToken(callIn(workspace), maker.id));
    expect(new Set(await api.revokedTokens())).toEqual(new Set([maker.id, child.id, grandchild.id]));
    for (const by of [maker.id, grandchild.id]) {
      const late = await api.createToken(callBy(workspace, by), TOKEN_REQUEST);
      expect(late).toMatchObject({ failure: { code: 'unauthorized' } });
    }
    expect(valueIn(await api.listTokens(callIn(workspace))).items).toHaveLength(4);
  });

  it('revokes what an expired token has made with the token that had made it', async () => {
    const { api, workspace, advance } = await make();
    const createBy = async (by: string, expires_in_seconds: number) =>
      valueIn(await api.createToken(callBy(workspace, by), { ...TOKEN_REQUEST, role: 'admin', expires_in_seconds }));
    const maker = await createBy('static', 3_600);
    const short = await createBy(maker.id, 60);
    const shorter = await createBy(short.id, 60);
    const long = await createBy(shorter.id, 3_600);
    await advance(60_000);
    expect(await api.revokedTokens()).toEqual([]);
    const left = valueIn(await api.listTokens(callIn(workspace))).items;
    expect(left.find(({ id }) => id === long.id)).toMatchObject({ created_by: maker.id, revoked_at: null });
    valueIn(await api.revokeToken(callIn(workspace), maker.id));
    expect(new Set(await api.revokedTokens())).toEqual(new Set([maker.id, long.id]));
  });

  it('answers a repeated request for a token that was revoked since with the token as it is', async () => {
    const { api, workspace } = await make();
    const { id } = valueIn(await api.createToken(callIn(workspace, 'k'), TOKEN_REQUEST));
    const revoked = valueIn(await api.revokeToken(callIn(workspace), id));
    expect(valueIn(await api.createToken(callIn(workspace, 'k'), TOKEN_REQUEST))).toEqual(revoked);
  });

  it('returns the first response to an idempotency key for a day', async () => {
    const { api, workspace, advance } = await make();
    const request = { ...TOKEN_REQUEST, expires_in_seconds: 1_000_000 };
    const first = valueIn(await api.createToken(callIn(workspace, 'k'), request));
    await advance(86_399_000);
    expect(valueIn(await api.createToken(callIn(workspace, 'k'), request))).toEqual(first);
    const other = await api.createToken(callIn(workspace, 'k', 'f2'), request);
    expect(other).toMatchObject({ failure: { code: 'idempotency_mismatch' } });
    expect(valueIn(await api.listTokens(callIn(workspace))).items).toHaveLength(1);
    await advance(2_000);
    expect(valueIn(await api.createToken(callIn(workspace, 'k'), request)).id).not.toBe(first.id);
  });

  it('lets a known token open sockets until it is revoked', async () => {
    const { api, workspace } = await make();
    expect(await api.recordSocket('nothing', 's', PLACE)).toBe(false);
    const token = valueIn(await api.createToken(callIn(workspace), TOKEN_REQUEST));
    expect(await api.recordSocket('nothing', 's', PLACE)).toBe(false);
    for (const id of ['s1', 's2', 's2']) expect(await api.recordSocket(token.id, id, PLACE)).toBe(true);
    await api.forgetSocket(token.id, 's1');
    await api.forgetSocket(token.id, 'unknown');
    valueIn(await api.revokeToken(callIn(workspace), token.id));
    expect(await api.recordSocket(token.id, 's3', PLACE)).toBe(false);
    expect(await api.recordSocket(token.id, 's4', { kind: 'agent_registry', id: workspace })).toBe(false);
  });

  it('keeps the response to a bulk request with its key for a day, and refuses another request with the key', async () => {
    const { api, workspace, advance } = await make();
    const result = { items: [], succeeded: 0, failed: 0 };
    const call = callIn(workspace, 'k');
    const other = async () => await api.claimBulk(callIn(workspace, 'k', 'f2'));
    expect(await api.claimBulk(call)).toEqual({ ok: true, value: null });
    expect(await other(), 'even before there is an answer').toMatchObject({
      failure: { code: 'idempotency_mismatch' },
    });
    expect(await api.claimBulk(call), 'a repeat of an unfinished request').toEqual({ ok: true, value: null });
    await api.storeBulk(call, result);
    expect(await api.claimBulk(call)).toEqual({ ok: true, value: result });
    await advance(86_399_000);
    expect(await api.claimBulk(call)).toEqual({ ok: true, value: result });
    expect(await other()).toMatchObject({ failure: { code: 'idempotency_mismatch' } });
    await advance(2_000);
    expect(await other()).toEqual({ ok: true, value: null });
  });
}
