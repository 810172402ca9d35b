import { createExecutionContext, env } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sessionConfigOf } from '../../durable-objects/session/compose.ts';
import type { Problem } from '../../src/protocol/common/errors.ts';
import worker from '../../src/worker.ts';
import { requestTo, STATIC_TOKEN } from './http-support.ts';

describe('a Worker with an invalid variable', () => {
  const lines: string[] = [];
  beforeEach(() => {
    lines.length = 0;
    for (const level of ['error', 'info', 'warn'] as const) {
      vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line));
    }
  });
  afterEach(() => void vi.restoreAllMocks());

  const misconfigured = { ...env, OIO_LEASE_TTL_SECONDS: 'abc' };
  const ask = async (path: string, variables: Env = misconfigured) =>
    worker.fetch(
      requestTo(path, { token: STATIC_TOKEN }) as Parameters<typeof worker.fetch>[0],
      variables,
      createExecutionContext(),
    );

  it.each(['/health', '/ready', '/api/v1/sessions', '/openapi.json', '/', '/ws/sessions/x'])(
    'answers %s with 503 and says what the variable must be',
    async (path) => {
      const response = await ask(path);
      expect(response.status).toBe(503);
      expect(response.headers.get('Content-Type')).toBe('application/problem+json');
      const problem = (await response.json()) as Problem;
      expect(problem).toMatchObject({ code: 'misconfigured', retryable: true, instance: path });
      expect(problem.detail).toMatch(/^OIO_LEASE_TTL_SECONDS must be a whole number from 5 to 3600/);
      expect(problem.detail).not.toContain('abc');
    },
  );

  it('logs one line with the variable and its value, and one line for each request', async () => {
    const own = { ...misconfigured };
    for (const path of ['/health', '/ready']) await ask(path, own);
    const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(logged.map(({ level, event }) => [level, event])).toEqual([
      ['error', 'misconfigured'],
      ['error', 'request'],
      ['error', 'request'],
    ]);
    expect(logged[0]).toMatchObject({
      variable: 'OIO_LEASE_TTL_SECONDS',
      error: { message: expect.stringContaining('"abc"') },
    });
  });

  it.each([
    ['no signing key', { OIO_SIGNING_KEYS: '' }, 'OIO_SIGNING_KEYS'],
    ['a short static token', { OIO_TOKEN: 'short' }, 'OIO_TOKEN'],
    ['an unknown log level', { OIO_LOG_LEVEL: 'verbose' }, 'OIO_LOG_LEVEL'],
    ['an origin that is none', { OIO_CORS_ORIGINS: 'https://a.test/path' }, 'OIO_CORS_ORIGINS'],
  ])('rejects %s and names its variable', async (_what, variables, name) => {
    const { detail } = (await (await ask('/health', { ...env, ...variables })).json()) as Problem;
    expect(detail).toMatch(new RegExp(`^${name} must be`));
  });

  it('has objects that use the default and keep their alarms', () => {
    expect(sessionConfigOf(misconfigured).lease_ttl_ms).toBe(60_000);
    expect(sessionConfigOf({ ...env, OIO_LEASE_TTL_SECONDS: '90' }).lease_ttl_ms).toBe(90_000);
  });
});
