import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { redisProbe } from '../../../src/adapters/upstash/probe.ts';

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** The URL of a Redis that answers as `listener` does. */
async function redis(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('the Redis probe sends PING with the token, and accepts PONG', async () => {
  const seen: unknown[] = [];
  const url = await redis((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      seen.push([request.method, request.headers.authorization, JSON.parse(body)]);
      response.end(JSON.stringify({ result: 'PONG' }));
    });
  });
  await redisProbe(url, 'secret').check();
  expect(seen).toEqual([['POST', 'Bearer secret', ['PING']]]);
});

it.each([
  ['refuses the token', 401, JSON.stringify({ error: 'WRONGPASS' })],
  ['answers with something else', 200, JSON.stringify({ result: 'OK' })],
  ['is no Redis at all', 200, '<html>'],
])('the Redis probe fails for a Redis that %s', async (_what, status, body) => {
  const url = await redis((_request, response) => response.writeHead(status).end(body));
  await expect(redisProbe(url, 'secret').check()).rejects.toThrow();
});
