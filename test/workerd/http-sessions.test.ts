import { describe, expect, it } from 'vitest';
import type { SessionList } from '../../src/protocol/session/list.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import { eventually } from '../support/eventually.ts';
import { type Ask, ask, newWorkspace, SESSION_ID, signToken } from './http-support.ts';

const SESSIONS = '/api/v1/sessions';

/** A caller with its own workspace. */
async function operator(workspace = newWorkspace()) {
  const token = await signToken('operator', workspace);
  const send = (path: string, options: Ask = {}) => ask(path, { token, ...options });
  const create = async (body: object = {}, headers: Record<string, string> = {}) => {
    const response = await send(SESSIONS, { body: { title: 'A session', initial_prompt: 'Do it', ...body }, headers });
    expect(response.status).toBe(201);
    return (await response.json()) as SessionView;
  };
  const read = async (id: string) => (await (await send(`${SESSIONS}/${id}`)).json()) as SessionView;
  const list = async (query = '') => (await (await send(`${SESSIONS}${query}`)).json()) as SessionList;
  return { send, create, read, list };
}

describe('the plan’s smoke test', () => {
  it('creates, starts and completes a session with no agent', async () => {
    const { send, read, list } = await operator();
    const created = await send('/api/v1/sessions', {
      body: '{"title": "TEST-Session-001", "initial_prompt": "Test task"}',
    });
    expect(created.status).toBe(201);
    const { id, status } = (await created.json()) as SessionView;
    expect(status).toBe('pending');
    const started = await send(`/api/v1/sessions/${id}/start`, { method: 'POST' });
    expect(started.status).toBe(200);
    expect(((await started.json()) as SessionView).status).toBe('queued');
    const completed = await send(`/api/v1/sessions/${id}/complete`, {
      body: '{"result": {"success": true}}',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    expect(completed.status).toBe(200);
    expect(((await completed.json()) as SessionView).status).toBe('completed');
    expect(await read(id)).toMatchObject({ status: 'completed', result: { success: true }, health_score: 1 });
    expect((await list('?status=completed')).items.map((item) => item.id)).toEqual([id]);
  });
});

describe('sessions over HTTP', () => {
  it('appear in the next list that their author reads', async () => {
    const { create, list } = await operator();
    const { id } = await create();
    expect((await list()).items.map((item) => item.id)).toEqual([id]);
  });

  it('are listed page by page, each page with the address of the next one', async () => {
    const { send, create } = await operator();
    for (const title of ['one', 'two', 'three']) await create({ title });
    const seen: string[] = [];
    let path: string | undefined = `${SESSIONS}?page_size=2&status=pending&sort=created_at`;
    while (path !== undefined) {
      const response = await send(path);
      const { items, total, next_cursor } = (await response.json()) as SessionList;
      seen.push(...items.map(({ title }) => title));
      expect(total).toBe(3);
      path = /^<(\S+)>; rel="next"$/.exec(response.headers.get('Link') ?? '')?.[1];
      expect(path === undefined).toBe(next_cursor === null);
    }
    expect(seen).toEqual(['one', 'two', 'three']);
    const both = await send(`${SESSIONS}?cursor=WzFd&page=2`);
    expect(await both.json()).toMatchObject({ status: 422, errors: [{ path: 'page' }] });
    expect(await (await send(`${SESSIONS}?cursor=WzFd`)).json()).toMatchObject({ errors: [{ path: 'cursor' }] });
  });

  it('say why they wait for an agent when they are read or listed, and not otherwise', async () => {
    const { send, create, read, list } = await operator();
    const { id } = await create({ required_labels: ['gpu=a100'] });
    expect(await read(id)).not.toHaveProperty('queue');
    await send(`${SESSIONS}/${id}/start`, { method: 'POST' });
    const queue = { reason: 'no_agent', message: 'No agent is connected.', ahead: 0, place: 1, missing: [] };
    await eventually(async () => expect(await read(id)).toMatchObject({ status: 'queued', queue }));
    expect((await list()).items).toMatchObject([{ id, status: 'queued', queue }]);
    await send(`${SESSIONS}/${id}/pause`, { method: 'POST' });
    expect(await read(id)).not.toHaveProperty('queue');
    expect((await list()).items[0]).not.toHaveProperty('queue');
  });

  it('show what they would like of an agent, and refuse what is none', async () => {
    const { send, create, read } = await operator();
    const liked = {
      preferred_labels: { 'memory_gb>=32': 0.5 },
      technologies: ['rust'],
      min_performance_tier: 'trainee',
    };
    const { id } = await create(liked);
    const path = `${SESSIONS}/${id}`;
    expect(await read(id)).toMatchObject({ ...liked, preferred_agent_type: null, preferred_agent_ids: [] });
    const patch = (body: object) => send(path, { method: 'PATCH', body: JSON.stringify(body) });
    const many = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`label${index}=1`, 1]));
    for (const [member, value] of [
      ['preferred_labels', { 'gpu=true': 2 }],
      ['preferred_labels', { gpu: 1 }],
      ['preferred_labels', many],
      ['preferred_agent_type', 'boss'],
      ['preferred_agent_ids', ['me']],
      ['technologies', Array(21).fill('go')],
      ['min_performance_tier', 'best'],
    ] as const) {
      const refused = await patch({ [member]: value });
      expect(refused.status, member).toBe(422);
      expect(JSON.stringify(await refused.json())).toContain(member);
    }
    expect(await read(id)).toMatchObject({ ...liked, version: 1 });
    expect((await patch({ preferred_labels: null, preferred_agent_type: 'reviewer' })).status).toBe(200);
    expect(await read(id)).toMatchObject({ preferred_labels: {}, preferred_agent_type: 'reviewer', version: 2 });
  });

  it('are changed only in the version that the caller has seen, if it says so', async () => {
    const { send, create, read } = await operator();
    const { id } = await create({ metadata: { a: 1 } });
    const path = `${SESSIONS}/${id}`;
    const etag = async () => (await send(path)).headers.get('ETag') ?? '';
    const seen = await etag();
    const change = (metadata: object, headers: Record<string, string>) =>
      send(path, { method: 'PATCH', body: { metadata }, headers });
    const first = await change({ a: 2 }, { 'If-Match': seen, 'Idempotency-Key': 'once' });
    expect([first.status, first.headers.get('ETag')]).toEqual([200, await etag()]);
    const stale = await change({ a: 3 }, { 'If-Match': seen });
    expect(await stale.json()).toMatchObject({ status: 412, code: 'precondition_failed', current: { version: 2 } });
    expect(stale.headers.get('ETag')).toBe(await etag());
    expect((await change({ a: 3 }, { 'If-Match': '"nope"' })).status).toBe(412);
    for (const header of ['4', '"4', 'W/', '"4" 5']) {
      const refused = await change({ a: 3 }, { 'If-Match': header });
      expect(await refused.json(), header).toMatchObject({
        ...{ status: 422, code: 'validation_failed' },
        errors: [{ path: 'If-Match', message: 'must be * or versions in quotes, such as "4"' }],
      });
    }
    expect((await change({ a: 2 }, { 'If-Match': `"0", ${await etag()}` })).status).toBe(200);
    const start = await send(`${path}/start`, { method: 'POST', headers: { 'If-Match': seen } });
    expect([start.status, (await read(id)).status]).toEqual([412, 'pending']);
    expect((await read(id)).metadata).toEqual({ a: 2 });
    const again = await change({ a: 2 }, { 'If-Match': seen, 'Idempotency-Key': 'once' });
    expect(again.status, 'a repeated request gets its first answer').toBe(200);
    expect((await change({ a: 4 }, { 'If-Match': `W/${await etag()}` })).status, 'weakened by a proxy').toBe(200);
    expect((await change({ a: 5 }, { 'If-Match': '*' })).status).toBe(200);
    const gone = await send(path, { method: 'DELETE', headers: { 'If-Match': seen } });
    expect([gone.status, (await read(id)).metadata]).toEqual([412, { a: 5 }]);
  });

  it('lose a member that a merge patch sets to null, and keep those that it does not name', async () => {
    const { send, create } = await operator();
    const { id } = await create({ metadata: { a: 1, b: { c: 2, d: 3 } }, tags: ['x'], priority: 'high' });
    const change = async (body: object, type: string) => {
      const response = await send(`${SESSIONS}/${id}`, { method: 'PATCH', body, headers: { 'Content-Type': type } });
      return (await response.json()) as SessionView;
    };
    const merge = 'application/merge-patch+json';
    const patched = await change({ metadata: { a: null, b: { d: null, e: 4 } }, tags: null }, merge);
    expect(patched).toMatchObject({ metadata: { b: { c: 2, e: 4 } }, tags: [], priority: 'high' });
    expect(patched.metadata).not.toHaveProperty('a');
    expect(await change({ priority: null }, `${merge}; charset=utf-8`)).toMatchObject({ priority: 'medium' });
    expect(await change({ metadata: { f: 5 } }, 'application/json')).toMatchObject({ metadata: { f: 5 } });
    const long = { metadata: { long: 'x'.repeat(16_000) } };
    await change({ metadata: { g: 'x'.repeat(1_000) } }, 'application/json');
    expect(await change(long, merge)).toMatchObject({ status: 422, errors: [{ path: 'metadata' }] });
  });

  it('take a merge patch only where it is declared, and not as the same request as JSON', async () => {
    const { send, create } = await operator();
    const { id } = await create();
    const merge = { 'Content-Type': 'application/merge-patch+json' };
    const started = await send(`${SESSIONS}/${id}/start`, { body: {}, headers: merge });
    expect(await started.json()).toMatchObject({ status: 415, code: 'unsupported_media_type' });
    const change = async (headers: Record<string, string>) => {
      const request = {
        method: 'PATCH',
        body: { metadata: { a: 1 } },
        headers: { ...headers, 'Idempotency-Key': 'm' },
      };
      return (await send(`${SESSIONS}/${id}`, request)).status;
    };
    expect([await change(merge), await change(merge), await change({})]).toEqual([200, 200, 422]);
  });

  it('can be changed and deleted, and are then not found and not listed', async () => {
    const { send, create, read, list } = await operator();
    const { id } = await create();
    const changed = await send(`${SESSIONS}/${id}`, { method: 'PATCH', body: { title: 'Another title', tags: ['a'] } });
    expect(changed.status).toBe(200);
    expect(await read(id)).toMatchObject({ title: 'Another title', tags: ['a'] });
    expect((await send(`${SESSIONS}/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await send(`${SESSIONS}/${id}`)).status).toBe(404);
    expect((await send(`${SESSIONS}/${id}`, { method: 'DELETE' })).status).toBe(404);
    expect((await list()).total).toBe(0);
  });

  it('of another workspace are not found by any route and not changed', async () => {
    const owner = await operator();
    const { id } = await owner.create();
    const before = await owner.read(id);
    const stranger = await operator();
    const routes: [path: string, options: Ask][] = [
      ['', {}],
      ['/events', {}],
      ['/diff', {}],
      ['/checkpoints', {}],
      ['/approvals', {}],
      ['', { method: 'PATCH', body: { title: 'Mine now' } }],
      ['', { method: 'DELETE' }],
      ['/start', { method: 'POST' }],
      ['/complete', { body: { result: {} } }],
      ['/messages', { body: { text: 'x' } }],
      ['/checkpoints', { method: 'POST' }],
    ];
    for (const [path, options] of routes) {
      expect((await stranger.send(`${SESSIONS}/${id}${path}`, options)).status).toBe(404);
    }
    expect(await owner.read(id)).toEqual(before);
  });

  it('refuse unknown members, even if no member is required', async () => {
    const { send, create } = await operator();
    const { id } = await create();
    for (const path of ['start', 'cancel', 'checkpoints']) {
      expect((await send(`${SESSIONS}/${id}/${path}`, { body: { unknown: 1 } })).status, path).toBe(422);
    }
  });

  it('refuse an illegal action and name the legal ones', async () => {
    const { send, create } = await operator();
    const { id } = await create();
    const response = await send(`${SESSIONS}/${id}/pause`, { method: 'POST' });
    expect(response.status).toBe(409);
    const problem = (await response.json()) as { code: string; legal_actions: string[] };
    expect(problem.code).toBe('illegal_transition');
    expect(problem.legal_actions).toContain('start');
  });

  it('are created once for an idempotency key, which is refused for another body', async () => {
    const { send, create, list } = await operator();
    const headers = { 'Idempotency-Key': 'nightly' };
    const first = await create({}, headers);
    expect(await create({}, headers)).toEqual(first);
    expect((await list()).total).toBe(1);
    const body = { title: 'Another body', initial_prompt: 'x' };
    expect((await send(SESSIONS, { body, headers })).status).toBe(422);
  });

  it('act once for an idempotency key', async () => {
    const { send, create } = await operator();
    const { id } = await create();
    const start = { method: 'POST', headers: { 'Idempotency-Key': 'go' } };
    const first = await (await send(`${SESSIONS}/${id}/start`, start)).json();
    const again = await send(`${SESSIONS}/${id}/start`, start);
    expect(again.status).toBe(200);
    expect(await again.json()).toEqual(first);
  });

  it('can be created and cancelled in bulk, each with its own outcome', async () => {
    const { send, read } = await operator();
    const sessions = ['One', 'Two', 'Three'].map((name) => ({ title: `Session ${name}`, initial_prompt: 'x' }));
    const made = await send(`${SESSIONS}/bulk`, { body: { action: 'create', sessions } });
    const { items } = (await made.json()) as { items: { session_id: string; ok: boolean }[] };
    expect(items.every(({ ok }) => ok)).toBe(true);
    const [first, second, third] = items.map(({ session_id }) => session_id) as [string, string, string];
    await send(`${SESSIONS}/${second}/cancel`, { method: 'POST' });
    const body = { action: 'cancel', session_ids: [first, second, third] };
    const cancelled = (await (await send(`${SESSIONS}/bulk`, { body })).json()) as {
      items: { http_status: number }[];
      failed: number;
    };
    expect(cancelled.items.map(({ http_status }) => http_status)).toEqual([200, 409, 200]);
    expect(cancelled.failed).toBe(1);
    expect((await read(third)).status).toBe('cancelled');
  });

  it('are created in bulk once for an idempotency key, which is refused for another body', async () => {
    const { send, list } = await operator();
    const headers = { 'Idempotency-Key': 'nightly-bulk' };
    const bulk = (...titles: string[]) => {
      const sessions = titles.map((title) => ({ title, initial_prompt: 'x' }));
      return send(`${SESSIONS}/bulk`, { body: { action: 'create', sessions }, headers });
    };
    const first = await (await bulk('Session one', 'no')).json();
    expect(first).toMatchObject({ succeeded: 1, failed: 1 });
    expect(await (await bulk('Session one', 'no')).json()).toEqual(first);
    const other = await bulk('Session two', 'Session three');
    expect(other.status).toBe(422);
    expect(await other.json()).toMatchObject({ code: 'idempotency_mismatch' });
    expect((await list()).total).toBe(1);
  });

  it('repeat the response to a bulk request even after the sessions have changed', async () => {
    const { send, create } = await operator();
    const { id } = await create();
    const headers = { 'Idempotency-Key': 'start-all' };
    const start = () => send(`${SESSIONS}/bulk`, { body: { action: 'start', session_ids: [id, SESSION_ID] }, headers });
    const first = await (await start()).json();
    expect(first).toMatchObject({ items: [{ http_status: 200 }, { http_status: 404 }] });
    await send(`${SESSIONS}/${id}`, { method: 'DELETE' });
    expect(await (await start()).json()).toEqual(first);
  });

  it('return their events in pages from a cursor', async () => {
    const { send, create } = await operator();
    const { id } = await create();
    await send(`${SESSIONS}/${id}/start`, { method: 'POST' });
    const page = async (query: string) =>
      (await (await send(`${SESSIONS}/${id}/events${query}`)).json()) as {
        items: { type: string; seq: number }[];
        cursor: string;
        has_more: boolean;
      };
    const first = await page('?limit=1');
    expect(first.items.map(({ type }) => type)).toEqual(['session.created']);
    expect(first.has_more).toBe(true);
    const rest = await page(`?after=${first.cursor}`);
    expect(rest.items[0]?.seq).toBe(2);
    expect(rest.items.map(({ type }) => type)).toContain('session.status');
  });
});
