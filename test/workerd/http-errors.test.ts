import { describe, expect, it } from 'vitest';
import { Unavailable } from '../../src/ports/unavailable.ts';
import { ERROR_CODES, type ErrorCode, Problem, refuse } from '../../src/protocol/common/errors.ts';
import { type Ask, appWith, ask, SESSION_ID, STATIC_TOKEN, sessionsWith } from './http-support.ts';

const token = STATIC_TOKEN;
const SESSION = `/api/v1/sessions/${SESSION_ID}`;

const REFUSED: [what: string, code: ErrorCode, path: string, ask: Ask][] = [
  ['no token', 'unauthorized', '/api/v1/sessions', {}],
  ['a path that does not exist', 'not_found', '/api/v1/nothing', { token }],
  ['a socket path that does not exist', 'upgrade_required', '/ws/nothing', { token }],
  ['a socket path without an upgrade', 'upgrade_required', `/ws/sessions/${SESSION_ID}`, { token }],
  ['a method that the path does not take', 'method_not_allowed', '/api/v1/sessions', { token, method: 'DELETE' }],
  ['a method that an open path does not take', 'method_not_allowed', '/health', { method: 'POST' }],
  ['a POST on the dashboard', 'method_not_allowed', '/', { method: 'POST' }],
  ['JSON that ends early', 'malformed_request', '/api/v1/tokens', { token, body: '{"name":' }],
  [
    'a body of another type',
    'unsupported_media_type',
    '/api/v1/tokens',
    { token, body: '<a/>', headers: { 'Content-Type': 'text/xml' } },
  ],
  ['a body over 1 MiB', 'payload_too_large', '/api/v1/tokens', { token, body: { name: 'x'.repeat(1_048_576) } }],
  [
    'JSON nested without end',
    'malformed_request',
    '/api/v1/tokens',
    { token, body: `${'['.repeat(65)}${']'.repeat(65)}` },
  ],
  ['a missing member', 'validation_failed', '/api/v1/tokens', { token, body: { name: 'ci' } }],
  [
    'a member of the wrong type',
    'validation_failed',
    '/api/v1/sessions',
    { token, body: { title: 7, initial_prompt: 'x' } },
  ],
  ['a body that is no object', 'validation_failed', '/api/v1/sessions', { token, body: '[]' }],
  ['an id that is none', 'validation_failed', '/api/v1/sessions/abc', { token }],
  ['an id that is no UTF-8', 'validation_failed', '/api/v1/sessions/%E0%A4%A', { token }],
  ['a task’s id for a session’s', 'validation_failed', `${SESSION.slice(0, -1)}1`, { token }],
  ['a filter that does not exist', 'validation_failed', '/api/v1/sessions?colour=red', { token }],
  [
    'a filter’s value that does not exist',
    'validation_failed',
    '/api/v1/sessions?status=running&status=asleep',
    { token },
  ],
  ['a page that is too large', 'validation_failed', '/api/v1/sessions?page_size=101', { token }],
  ['a cursor that is none', 'validation_failed', `${SESSION}/events?after=yesterday`, { token }],
  ['an include that does not exist', 'validation_failed', `${SESSION}?include=tasks,secrets`, { token }],
  [
    'an idempotency key that is too long',
    'validation_failed',
    `${SESSION}/start`,
    { token, method: 'POST', headers: { 'Idempotency-Key': 'k'.repeat(201) } },
  ],
  ['members where an action takes none', 'validation_failed', `${SESSION}/start`, { token, body: { force: true } }],
];

describe('problem details', () => {
  it.each(REFUSED)('%s is refused as %s', async (_what, code, path, options) => {
    const response = await ask(path, options);
    expect(response.status).toBe(ERROR_CODES[code].status);
    expect(response.headers.get('Content-Type')).toBe('application/problem+json');
    const problem = Problem().parse(await response.json());
    expect(problem).toMatchObject({
      code,
      status: response.status,
      title: ERROR_CODES[code].title,
      instance: path.split('?')[0],
      request_id: response.headers.get('X-Request-ID'),
    });
  });

  it('say that a body that broke off is the caller’s, and log no error', async () => {
    const raw = new ReadableStream({ pull: (body) => body.error(new Error('Network connection lost.')) });
    const { ask, lines } = appWith({});
    const response = await ask('/api/v1/tokens', { token, raw });
    expect(response.status).toBe(400);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('name invalid and unknown members', async () => {
    const response = await ask('/api/v1/sessions', {
      token,
      body: { title: 'ab', initial_prompt: 'x', colour: 'red' },
    });
    const { errors } = Problem().parse(await response.json());
    expect(errors?.map(({ path }) => path).sort()).toEqual(['colour', 'title']);
  });

  it('name the methods that a path allows', async () => {
    const response = await ask('/api/v1/sessions', { token, method: 'DELETE' });
    expect(response.headers.get('Allow')?.split(', ').sort()).toEqual(['GET', 'HEAD', 'POST']);
  });

  it.each(Object.keys(ERROR_CODES) as ErrorCode[])('pass %s from an object to the caller', async (code) => {
    const failure = { legal_actions: ['cancel'], current: { decision: 'once' } };
    const { ask } = appWith({ sessions: sessionsWith({ read: async () => refuse(code, 'Because.', failure) }) });
    const response = await ask(SESSION, { token, unchecked: true });
    expect(response.status).toBe(ERROR_CODES[code].status);
    const expected = { code, detail: 'Because.', retryable: ERROR_CODES[code].retryable, ...failure };
    expect(Problem().parse(await response.json())).toMatchObject(expected);
  });

  it('say when to retry while an object cannot be reached', async () => {
    const away = async () => {
      throw new Unavailable('the object', new Error('secret address'));
    };
    const { ask } = appWith({ sessions: sessionsWith({ read: away }) });
    const response = await ask(SESSION, { token });
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(0);
    const text = await response.text();
    expect(text).not.toContain('secret address');
    expect(JSON.parse(text).retry_after_seconds).toBe(Number(response.headers.get('Retry-After')));
  });

  it('do not reveal an unexpected error, which the log has in full', async () => {
    const broken = async () => {
      throw new Error('column "password" is missing');
    };
    const { ask, lines } = appWith({ sessions: sessionsWith({ read: broken }) });
    const response = await ask(SESSION, { token });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('password');
    const line = lines.find(({ event }) => event === 'unexpected_error');
    expect(line?.fields).toMatchObject({ request_id: response.headers.get('X-Request-ID') });
    expect(JSON.stringify(line?.fields.error)).toContain('password');
  });
});
