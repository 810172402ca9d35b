import { describe, expect, it } from 'vitest';
import type { Call } from '../../src/ports/calls.ts';
import { ok } from '../../src/protocol/common/errors.ts';
import {
  appWith,
  ask,
  HOST,
  SESSION_ID,
  STATIC_TOKEN,
  sessionsWith,
  sessionView,
  signer,
  signToken,
} from './http-support.ts';

const token = STATIC_TOKEN;
const SESSION = `/api/v1/sessions/${SESSION_ID}`;

/** An application that records the calls on its sessions. */
function recording() {
  const calls: { call: Call; request: unknown }[] = [];
  const sessions = sessionsWith({
    create: async (call, id, request) => {
      calls.push({ call, request });
      return ok(sessionView({ id, title: request.title, created_at: new Date().toISOString() }));
    },
    act: async (call, request) => {
      calls.push({ call, request });
      return ok(sessionView({ status: 'queued' }));
    },
    read: async (call, include) => {
      calls.push({ call, request: include });
      return ok(sessionView());
    },
  });
  return { calls, ...appWith({ sessions }) };
}

describe('request ids', () => {
  it('are accepted from the caller', async () => {
    const response = await ask('/health', { headers: { 'X-Request-ID': 'build-7.3:a' } });
    expect(response.headers.get('X-Request-ID')).toBe('build-7.3:a');
  });

  it.each(['with space', 'x'.repeat(101), '"quoted"'])('are generated in place of %s', async (given) => {
    const response = await ask('/health', { headers: { 'X-Request-ID': given } });
    expect(response.headers.get('X-Request-ID')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('are passed to the object', async () => {
    const { ask, calls } = recording();
    await ask(SESSION, { token, headers: { 'X-Request-ID': 'mine' } });
    expect(calls[0]?.call).toMatchObject({ request_id: 'mine', idempotency: null });
  });
});

describe('the request log', () => {
  it('has one line for a request, without its query and its token', async () => {
    const { ask, lines } = recording();
    const response = await ask(`${SESSION}?include=tasks`, { token });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      level: 'debug',
      event: 'request',
      fields: {
        request_id: response.headers.get('X-Request-ID'),
        method: 'GET',
        route: '/api/v1/sessions/:id',
        path: SESSION,
        status: 200,
        workspace: 'default',
        token_id: 'static',
      },
    });
    const text = JSON.stringify(lines);
    expect(text).not.toContain('include');
    expect(text).not.toContain(token);
  });

  it('has the code of an error', async () => {
    const { ask, lines } = recording();
    await ask('/api/v1/nothing', { token });
    expect(lines[0]).toMatchObject({ level: 'info', fields: { status: 404, error_code: 'not_found' } });
  });

  it('is at info for a change, whatever comes of it', async () => {
    const { ask, lines } = recording();
    await ask('/api/v1/sessions', { token, method: 'POST', body: '{}' });
    expect(lines[0]).toMatchObject({ level: 'info', fields: { method: 'POST', status: 422 } });
  });
});

describe('bodies', () => {
  const complete = { result: { success: true } };
  const contentTypes = ['application/json', 'application/json; charset=utf-8', 'application/x-www-form-urlencoded'];

  it.each(contentTypes)('sent as %s are JSON', async (type) => {
    const { ask, calls } = recording();
    const headers = { 'Content-Type': type };
    const response = await ask(`${SESSION}/complete`, { token, body: JSON.stringify(complete), headers });
    expect(response.status).toBe(200);
    expect(calls[0]?.request).toEqual({ action: 'complete', body: complete });
  });

  it('without a media type are JSON', async () => {
    const { ask, calls } = recording();
    // Bytes, unlike text, get no content type from the platform.
    const bytes = new TextEncoder().encode(JSON.stringify(complete));
    const request = new Request(HOST, { method: 'POST', body: bytes });
    expect(request.headers.get('Content-Type')).toBeNull();
    const response = await ask(`${SESSION}/complete`, { token, raw: bytes });
    expect(response.status).toBe(200);
    expect(calls[0]?.request).toEqual({ action: 'complete', body: complete });
  });

  it('may be empty if an action has no required member', async () => {
    const { ask, calls } = recording();
    for (const action of ['start', 'pause', 'resume', 'cancel', 'stop', 'retry']) {
      expect((await ask(`${SESSION}/${action}`, { token, method: 'POST' })).status).toBe(200);
    }
    expect(calls.map(({ request }) => request)).toEqual([
      { action: 'start' },
      { action: 'pause' },
      { action: 'resume' },
      { action: 'cancel' },
      { action: 'stop', body: {} },
      { action: 'retry', body: { from: 'last' } },
    ]);
  });

  it('that are not UTF-8 are refused', async () => {
    const response = await ask('/api/v1/tokens', { token, raw: new Uint8Array([0x22, 0xff, 0x22]) });
    expect(response.status).toBe(400);
  });

  it('of unknown length are limited', async () => {
    const chunk = new Uint8Array(65_536).fill(0x20);
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(chunk) });
    const response = await ask('/api/v1/tokens', { token, raw: endless });
    expect(response.status).toBe(413);
  });

  it('are limited by their bytes, not by their stated length', async () => {
    const { ask } = recording();
    const headers = { 'Content-Length': '2' };
    const response = await ask('/api/v1/tokens', { token, raw: new Uint8Array(1_048_577).fill(0x20), headers });
    expect(response.status).toBe(413);
  });
});

describe('paths', () => {
  it('mean the same with a trailing slash', async () => {
    const { ask } = recording();
    const created = await ask('/api/v1/sessions/', { token, body: { title: 'With slash', initial_prompt: 'x' } });
    expect(created.status).toBe(201);
    expect((await ask(`${SESSION}/`, { token })).status).toBe(200);
    expect((await ask(`${SESSION}/start/`, { token, method: 'POST' })).status).toBe(200);
  });

  it('with and without a trailing slash are the same for an idempotency key', async () => {
    const { ask, calls } = recording();
    const headers = { 'Idempotency-Key': 'k1' };
    for (const slash of ['', '/']) await ask(`${SESSION}/start${slash}`, { token, method: 'POST', headers });
    expect(calls[1]?.call.idempotency).toEqual(calls[0]?.call.idempotency);
  });

  it('in Location headers lead to the created session', async () => {
    const { ask } = recording();
    const created = await ask('/api/v1/sessions', { token, body: { title: 'A title', initial_prompt: 'x' } });
    const { id } = (await created.json()) as { id: string };
    expect(created.headers.get('Location')).toBe(`/api/v1/sessions/${id}`);
  });

  it('accept several includes, repeated or separated by commas', async () => {
    const { ask, calls } = recording();
    await ask(`${SESSION}?include=tasks&include=usage`, { token });
    await ask(`${SESSION}?include=tasks,usage,tasks`, { token });
    await ask(SESSION, { token });
    expect(calls.map(({ request }) => request)).toEqual([['tasks', 'usage'], ['tasks', 'usage'], []]);
  });
});

describe('idempotency keys', () => {
  const body = { title: 'Only once', initial_prompt: 'x' };
  const headers = { 'Idempotency-Key': 'k1' };

  it('lead to the same session from every isolate', async () => {
    const ids = await Promise.all(
      [recording(), recording()].map(async ({ ask }) => {
        const response = await ask('/api/v1/sessions', { token, body, headers });
        return ((await response.json()) as { id: string }).id;
      }),
    );
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).toMatch(/00000000$/);
  });

  it('are passed on with a fingerprint of method, path and body', async () => {
    const { ask, calls } = recording();
    await ask('/api/v1/sessions', { token, body, headers });
    await ask('/api/v1/sessions', { token, body, headers });
    await ask('/api/v1/sessions', { token, body: { ...body, title: 'Another' }, headers });
    await ask(`${SESSION}/start`, { token, method: 'POST', headers });
    const reordered = { initial_prompt: 'x', title: 'Only once' };
    await ask('/api/v1/sessions', { token, body: reordered, headers });
    const [first, same, otherBody, otherPath, equal] = calls.map(({ call }) => call.idempotency);
    expect(first).toEqual({ key: 'static\nk1', fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect([same, equal]).toEqual([first, first]);
    expect(new Set([first, otherBody, otherPath].map((idempotency) => idempotency?.fingerprint)).size).toBe(3);
  });

  it('are separate for each token', async () => {
    const { ask, calls } = recording();
    for (const caller of [token, await signToken('operator', 'default')]) {
      await ask('/api/v1/sessions', { token: caller, body, headers });
    }
    const [one, other] = calls.map(({ call }) => call.idempotency);
    expect(other?.fingerprint).toBe(one?.fingerprint);
    expect(other?.key).not.toBe(one?.key);
  });

  it('are separate for each workspace', async () => {
    expect(await signer.digest('one', 'k1')).not.toEqual(await signer.digest('two', 'k1'));
  });
});
