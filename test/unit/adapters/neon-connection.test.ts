import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { neon, neonConfig } from '@neondatabase/serverless';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, neonsEndpoint, PostgresError } from '../../../src/adapters/neon/connection.ts';

/** The driver's own choice, before a test sets another one. */
const driversEndpoint = neonConfig.fetchEndpoint as (host: string, port: number) => string;

/** Answers every request with `answer`, and keeps what it was asked. */
const asked: Record<string, unknown>[] = [];
let answer = { status: 200, body: '' };
const server = createServer(async (request, response) => {
  asked.push(await partsOf(request));
  response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
});
let endpoint: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sql`;
});
afterAll(() => {
  server.close();
});

async function partsOf(request: IncomingMessage) {
  const own = Object.entries(request.headers).filter(([name]) => name.startsWith('neon-'));
  const { 'neon-connection-string': given, ...headers } = Object.fromEntries(own);
  const { username, password, host, pathname } = new URL(String(given));
  return {
    method: request.method,
    path: request.url,
    database: { username, password, host, pathname },
    headers,
    body: await json(request),
  };
}

const URL_OF_DATABASE = 'postgres://ada:s%2Fcret@ep-cool-1.eu-central-1.aws.neon.tech/oio?sslmode=require';
const ask = () => connect(URL_OF_DATABASE, endpoint)()('select $1, $2, $3, $4', ['ü €', 5, 0.1, null]);

describe('a statement to Postgres over Neon’s protocol', () => {
  it('is the request that Neon’s own driver sends', async () => {
    answer = { status: 200, body: JSON.stringify({ fields: [], rows: [] }) };
    neonConfig.fetchEndpoint = endpoint;
    await neon(URL_OF_DATABASE).query('select $1, $2, $3, $4', ['ü €', 5, 0.1, null]);
    await ask();
    const [drivers, ours] = asked.splice(0);
    expect(ours).toEqual(drivers);
  });

  it('goes to the address to which Neon’s own driver sends it', () => {
    for (const host of ['ep-cool-1.eu-central-1.aws.neon.tech', 'ep-a-pooler.c-2.us-east-1.aws.neon.tech', 'localhost'])
      expect(neonsEndpoint(host)).toBe(driversEndpoint(host, 5432));
  });

  it('returns the rows as Postgres’s texts', async () => {
    answer = { status: 200, body: JSON.stringify({ fields: [{ name: 'a' }], rows: [['t', null]] }) };
    expect(await ask()).toEqual([['t', null]]);
  });

  it('fails with the SQLSTATE if Postgres refuses it, and without one if a proxy does', async () => {
    answer = { status: 400, body: JSON.stringify({ message: 'duplicate key', code: '23505' }) };
    const refused = await ask().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(PostgresError);
    expect(refused).toMatchObject({ message: 'duplicate key', code: '23505' });
    answer = { status: 502, body: '<h1>Bad gateway</h1>' };
    const away = await ask().catch((error: unknown) => error);
    expect(away).not.toBeInstanceOf(PostgresError);
    expect(String(away)).toContain('502');
  });
});
