import { Redis } from '@upstash/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serverRedis, type TestRedis } from '../../support/redis.ts';

const server = process.env.TEST_REDIS_URL;

describe.skipIf(!server)('the endpoint before a Redis server', () => {
  let redis: TestRedis;
  const key = `oio-test:${crypto.randomUUID()}`;

  beforeAll(async () => {
    redis = await serverRedis(server!);
  });
  afterAll(async () => {
    await redis?.command('DEL', key);
    await redis?.close();
  });

  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(redis.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${redis.token}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  it('serves the client of Upstash: commands, pipelines, transactions, scripts, with its default encoding', async () => {
    const client = new Redis({ url: redis.url, token: redis.token });
    expect(await client.set(key, { a: ['é', 1.5] })).toBe('OK');
    expect(await client.get(key)).toEqual({ a: ['é', 1.5] });
    expect(await client.pipeline().del(key).hset(key, { n: 1 }).hincrby(key, 'n', 4).hget(key, 'n').exec()).toEqual([
      1, 1, 5, 5,
    ]);
    expect(await client.multi().hget(key, 'n').hgetall(key).exec()).toEqual([5, { n: 5 }]);
    expect(await client.eval('return {KEYS[1], ARGV[1], false, 7}', [key], ['x'])).toEqual([key, 'x', null, 7]);
    await expect(client.lpush(key, 1)).rejects.toThrow('WRONGTYPE');
  });

  it('answers 401 without the token, and says nothing about paths', async () => {
    for (const authorization of ['', 'Bearer wrong', redis.token]) {
      const answer = await post('/nothing', ['PING'], { authorization });
      expect([answer.status, await answer.json()]).toEqual([401, { error: 'Unauthorized' }]);
    }
  });

  it('refuses what is no command, and commands that concern the connection or the server', async () => {
    const bodies = [
      '{',
      '{}',
      '[]',
      [[]],
      [1],
      ['CONFIG', 'GET', '*'],
      ['select', '1'],
      ['SUBSCRIBE', 'a'],
      ['BLPOP', 'a', 0],
    ];
    for (const body of bodies) {
      const answer = await post('/', body);
      expect([body, answer.status]).toEqual([body, 400]);
      expect(await answer.json()).toEqual({ error: expect.any(String) });
    }
    expect((await post('/pipeline', [['PING'], ['SHUTDOWN']])).status).toBe(400);
    expect((await fetch(redis.url, { headers: { authorization: `Bearer ${redis.token}` } })).status).toBe(405);
  });
});

it('an endpoint whose Redis is down answers 503', async () => {
  const { connectRedis } = await import('../../../cli/redis/client.ts');
  const { serveUpstashEndpoint } = await import('../../../cli/redis/upstash-endpoint.ts');
  const redis = connectRedis('redis://127.0.0.1:1');
  const endpoint = await serveUpstashEndpoint({ redis, port: 0, token: 'token' });
  for (const [path, body] of [
    ['/', ['PING']],
    ['/multi-exec', [['PING']]],
  ]) {
    const headers = { authorization: 'Bearer token' };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    expect((await fetch(`http://127.0.0.1:${endpoint.port}${path}`, init)).status).toBe(503);
  }
  await endpoint.close();
  redis.disconnect();
});
