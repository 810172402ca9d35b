import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import { type Client, createClient } from '../../../src/client/client.ts';
import { ApiError, ConnectionError } from '../../../src/client/errors.ts';
import type { CallOptions } from '../../../src/client/rest.ts';
import { ERROR_CODES, type ErrorCode } from '../../../src/protocol/common/errors.ts';
import type { ApprovalView } from '../../../src/protocol/session/approval.ts';
import type { SessionView } from '../../../src/protocol/session/session.ts';

const CREATE = { title: 'Greet', initial_prompt: 'write hello.txt: hi' };
const ID = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';

interface Sent {
  url: string;
  method: string;
  headers: Headers;
  body: unknown;
}
type Answer = Response | Error | 'never';

/** A client whose requests get `answers`, one after the other. */
function clientAnswered(...answers: Answer[]) {
  const sent: Sent[] = [];
  const client = createClient({
    baseUrl: 'http://control.test/',
    token: 'the-token',
    fetch: async (url, init) => {
      const body = typeof init?.body === 'string' ? JSON.parse(init.body) : undefined;
      sent.push({ url: String(url), method: init!.method!, headers: new Headers(init!.headers), body });
      const answer = answers.shift();
      if (answer === undefined) throw new Error('a request too many');
      if (answer === 'never') return new Promise((_, reject) => init!.signal!.addEventListener('abort', reject));
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { client, sent };
}

function problem(status: number, code: ErrorCode, more: object = {}, headers: Record<string, string> = {}): Response {
  const { retryable } = ERROR_CODES[code];
  const body = { status, code, title: code, detail: `It is ${code}.`, retryable, ...more };
  return Response.json(body, { status, headers });
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Advances the time until `promise` is settled, and returns its value or its error. */
async function settled<T>(promise: Promise<T>): Promise<T | Error> {
  const outcome = promise.catch((error: Error) => error);
  await vi.runAllTimersAsync();
  return outcome;
}

describe('an API call', () => {
  it('that asks the server to wait gives it that much more time', async () => {
    const { client, sent } = clientAnswered('never', 'never');
    const read = client.sessions.events(ID, { wait_seconds: 20 }).catch((error: Error) => error);
    await vi.advanceTimersByTimeAsync(29_000);
    expect(sent).toHaveLength(1);
    await vi.runAllTimersAsync();
    expect(await read).toBeInstanceOf(ConnectionError);
    expect(sent).toHaveLength(2);
  });

  it('sends the token, the body as JSON, and a new idempotency key with each POST', async () => {
    const { client, sent } = clientAnswered(Response.json({ id: 1 }), Response.json({ id: 2 }));
    expect(await client.sessions.create(CREATE)).toEqual({ id: 1 });
    await client.sessions.create(CREATE);
    expect(sent[0]).toMatchObject({ url: 'http://control.test/api/v1/sessions', method: 'POST', body: CREATE });
    expect(sent[0]!.headers.get('authorization')).toBe('Bearer the-token');
    const keys = sent.map((request) => request.headers.get('idempotency-key'));
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(keys[1]).not.toBe(keys[0]);
  });

  it('sends a token with any characters as UTF-8 bytes', async () => {
    const seen: string[] = [];
    const fetch = async (_url: unknown, init?: RequestInit) => {
      seen.push(new Headers(init?.headers).get('authorization') ?? '');
      return Response.json({ items: [] });
    };
    await createClient({ baseUrl: 'http://control.test', token: 'Schlüssel-🔑', fetch }).tokens.list();
    expect(seen).toEqual([`Bearer ${Buffer.from('Schlüssel-🔑').toString('latin1')}`]);
  });

  it('sends the caller’s idempotency key', async () => {
    const { client, sent } = clientAnswered(Response.json({}));
    await client.sessions.act(ID, 'start', undefined, { idempotencyKey: 'once' });
    expect(sent[0]!.url).toBe(`http://control.test/api/v1/sessions/${ID}/start`);
    expect(sent[0]!.headers.get('idempotency-key')).toBe('once');
    expect(sent[0]!.headers.has('content-type')).toBe(false);
  });

  it.each<[string, (client: Client, call: CallOptions) => Promise<unknown>]>([
    ['update', (client, call) => client.sessions.update(ID, { priority: 'high' }, call)],
    ['remove', (client, call) => client.sessions.remove(ID, call)],
    ['act', (client, call) => client.sessions.act(ID, 'start', undefined, call)],
    ['revoke', (client, call) => client.tokens.revoke(ID, call)],
  ])('sends one idempotency key in all attempts of %s, and the version', async (_name, send) => {
    const { client, sent } = clientAnswered(new TypeError('reset'), Response.json({}), Response.json({}));
    await settled(send(client, { ifMatch: 3 }));
    await settled(send(client, { idempotencyKey: 'once' }));
    const [first, retry, own] = sent.map(({ headers }) => headers);
    expect(first!.get('idempotency-key')).toMatch(/^[0-9a-f-]{36}$/);
    expect(retry!.get('idempotency-key')).toBe(first!.get('idempotency-key'));
    expect([retry!.get('if-match'), own!.get('if-match')]).toEqual(['"3"', null]);
    expect(own!.get('idempotency-key')).toBe('once');
  });

  it('sends no idempotency key with a read', async () => {
    const { client, sent } = clientAnswered(Response.json({}));
    await client.sessions.get(ID);
    expect(sent[0]!.headers.has('idempotency-key')).toBe(false);
  });

  it('changes a session by a merge patch when asked', async () => {
    const { client, sent } = clientAnswered(Response.json({}), Response.json({}));
    await client.sessions.update(ID, { metadata: { a: null } }, { merge: true });
    await client.sessions.update(ID, { metadata: { a: 1 } });
    const types = sent.map(({ headers }) => headers.get('content-type'));
    expect(types).toEqual(['application/merge-patch+json', 'application/json']);
    expect(sent[0]!.body).toEqual({ metadata: { a: null } });
  });

  it('repeats the name of a list parameter for each item, and leaves out undefined parameters', async () => {
    const { client, sent } = clientAnswered(Response.json({ items: [] }), Response.json({}), Response.json({}));
    await client.sessions.list({ status: ['running', 'queued'], page: 2 });
    await client.sessions.get(ID);
    await client.sessions.get(ID, ['tasks', 'usage']);
    expect(sent[2]!.url).toBe(`http://control.test/api/v1/sessions/${ID}?include=tasks&include=usage`);
    expect(sent[0]!.url).toBe('http://control.test/api/v1/sessions?status=running&status=queued&page=2');
    expect(sent[1]!.url).toBe(`http://control.test/api/v1/sessions/${ID}`);
  });

  it('sends a one-time code as the bearer in place of the token', async () => {
    const { client, sent } = clientAnswered(Response.json({ token: 'new' }));
    await client.codes.redeem('one-time');
    expect(sent[0]!.headers.get('authorization')).toBe('Bearer one-time');
  });

  it('encodes the parameters of a path', async () => {
    const { client, sent } = clientAnswered(Response.json({}));
    await client.agents.get('../sessions?x');
    expect(sent[0]!.url).toBe('http://control.test/api/v1/agents/..%2Fsessions%3Fx');
  });

  it('has the types of the table of endpoints', () => {
    const { client } = clientAnswered();
    expectTypeOf(client.sessions.create).returns.resolves.toEqualTypeOf<SessionView>();
    expectTypeOf(client.sessions.approvals).returns.resolves.toEqualTypeOf<ApprovalView[]>();
    expectTypeOf(client.sessions.remove).returns.resolves.toEqualTypeOf<undefined>();
  });

  it('resolves with undefined for a 204', async () => {
    const { client } = clientAnswered(new Response(null, { status: 204 }));
    expect(await client.sessions.remove(ID)).toBeUndefined();
  });
});

describe('a failed API call', () => {
  it.each([
    ['the network fails', new TypeError('fetch failed')],
    ['the server responds with 429', problem(429, 'too_many_requests')],
    ['the server responds with 503', problem(503, 'unavailable')],
    ['a proxy responds with 502', new Response('<html>', { status: 502 })],
  ])('is retried under the same idempotency key when %s', async (_why, failure) => {
    const { client, sent } = clientAnswered(failure, Response.json({ id: 1 }));
    expect(await settled(client.sessions.create(CREATE))).toEqual({ id: 1 });
    expect(sent).toHaveLength(2);
    expect(sent[1]!.headers.get('idempotency-key')).toBe(sent[0]!.headers.get('idempotency-key'));
    expect(sent[1]!.body).toEqual(CREATE);
  });

  it.each([
    [400, 'malformed_request'],
    [401, 'unauthorized'],
    [404, 'not_found'],
    [409, 'illegal_transition'],
    [422, 'validation_failed'],
    [429, 'limit_reached'],
    [500, 'internal_error'],
  ] as const)('throws the problem without a retry when the server responds with %i %s', async (status, code) => {
    const { client, sent } = clientAnswered(problem(status, code, { legal_actions: ['pause'] }));
    const error = await settled(client.sessions.act(ID, 'start'));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ message: `It is ${code}.`, status, code, problem: { legal_actions: ['pause'] } });
    expect(sent).toHaveLength(1);
  });

  it('waits for the time in Retry-After before the retry', async () => {
    const { client, sent } = clientAnswered(problem(503, 'unavailable', {}, { 'retry-after': '7' }), Response.json({}));
    const answer = client.sessions.get(ID);
    await vi.advanceTimersByTimeAsync(6_999);
    expect(sent).toHaveLength(1);
    await settled(answer);
    expect(sent).toHaveLength(2);
  });

  it('is not retried when Retry-After ends after the deadline', async () => {
    const { client, sent } = clientAnswered(problem(429, 'too_many_requests', {}, { 'retry-after': '600' }));
    expect(await settled(client.sessions.get(ID))).toMatchObject({ problem: { retry_after_seconds: 600 } });
    expect(sent).toHaveLength(1);
  });

  it('throws ConnectionError at its deadline, after any number of attempts', async () => {
    const { client, sent } = clientAnswered('never', 'never', 'never', 'never', 'never', 'never', 'never');
    const started = performance.now();
    expect(await settled(client.sessions.get(ID))).toBeInstanceOf(ConnectionError);
    expect(performance.now() - started).toBeLessThanOrEqual(30_000);
    expect(sent.length).toBeGreaterThan(1);
  });

  it('throws the caller’s reason at once when the caller aborts', async () => {
    const { client, sent } = clientAnswered('never');
    const controller = new AbortController();
    const answer = settled(client.sessions.get(ID, [], { signal: controller.signal }));
    controller.abort(new Error('left the page'));
    expect(await answer).toMatchObject({ message: 'left the page' });
    expect(sent).toHaveLength(1);
  });

  it('succeeds when a retried DELETE gets a 404, because only the first response was lost', async () => {
    const { client } = clientAnswered(new TypeError('reset'), problem(404, 'not_found'));
    expect(await settled(client.sessions.remove(ID))).toBeUndefined();
    const other = clientAnswered(problem(404, 'not_found'));
    expect(await settled(other.client.sessions.remove(ID))).toMatchObject({ status: 404 });
  });

  it('has a problem even when a proxy responded in place of the server', async () => {
    const { client } = clientAnswered(new Response('<html>', { status: 403 }));
    expect(await settled(client.agents.list())).toMatchObject({ code: 'forbidden', status: 403 });
  });
});
