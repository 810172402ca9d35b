import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { built } from '../../cli/launcher/build.ts';
import type { Client } from '../../src/client/client.ts';
import type { SessionState } from '../../src/domain/session/session-state.ts';
import { MAX_BODY_BYTES } from '../../src/protocol/common/limits.ts';
import { MAX_BULK_ITEMS } from '../../src/protocol/session/bulk.ts';
import { checkedClient } from '../support/checked-client.ts';
import { eventually } from '../support/eventually.ts';
import { expectReference } from '../support/expect-reference.ts';
import { type BuiltWorker, startBuiltWorker } from './support/built-worker.ts';

let worker: BuiltWorker;
let url: string;
let client: Client;

beforeAll(async () => {
  worker = await startBuiltWorker();
  url = worker.url;
  client = checkedClient({ baseUrl: url, token: worker.token });
});
afterAll(() => worker.stop());

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${url}${path}`, { headers });

/** A prompt of which a bulk request holds as many as it has items. */
const LONG_PROMPT = 'x'.repeat(MAX_BODY_BYTES / MAX_BULK_ITEMS - 100);

/** Watches a session. @returns a function that sends a ping and waits for its answer */
async function pingerOf(id: string): Promise<() => Promise<void>> {
  const { ticket } = await client.createTicket(`/ws/sessions/${id}`);
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/sessions/${id}`, ['oio.v1', `oio.ticket.${ticket}`]);
  await once(socket, 'open');
  const waiting: (() => void)[] = [];
  socket.addEventListener('message', ({ data }) => {
    if (data === 'pong') waiting.shift()?.();
  });
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      socket.send('ping');
    });
}

describe('the built Worker in Miniflare', () => {
  it('is healthy, and is ready when only its objects are configured', async () => {
    expect(await (await get('/health')).json()).toEqual({ status: 'ok' });
    const ready = await get('/ready');
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      status: 'ready',
      dependencies: [{ name: 'objects', status: 'ok' }, { name: 'postgres' }, { name: 'redis' }],
    });
  });

  it('creates, starts and lists a session, and lets a socket watch it', async () => {
    const { id } = await client.sessions.create({ title: 'A smoke test', initial_prompt: 'Do nothing' });
    let state: SessionState | null = null;
    const watch = client.watchSession(id, {
      onState: () => {
        state = watch.state;
      },
    });
    await client.sessions.act(id, 'start');
    await eventually(() => expect(state).toMatchObject({ status: 'queued', title: 'A smoke test' }));
    watch.close();
    const { items } = await client.sessions.list({ status: ['queued'] });
    expect(items.map((item) => item.id)).toEqual([id]);
  });

  it('answers health checks, pings and writes between the items of the largest bulk request', async () => {
    const { id } = await client.sessions.create({ title: 'Meanwhile', initial_prompt: 'x' });
    const ping = await pingerOf(id);
    const health = async () => expect((await get('/health')).status).toBe(200);
    const sessions = Array.from({ length: MAX_BULK_ITEMS }, () => ({
      title: 'One of many',
      initial_prompt: LONG_PROMPT,
    }));
    let isRunning = true;
    const bulk = client.sessions.bulk({ action: 'create', sessions }).finally(() => {
      isRunning = false;
    });
    /** How many of the items were done after each round of requests. */
    const done = new Set<number>();
    for (let round = 1; isRunning; round++) {
      await Promise.all([health(), ping(), client.sessions.update(id, { metadata: { round } })]);
      done.add((await client.sessions.list({ q: 'One of many', page_size: 1 })).total);
    }
    expect(await bulk).toMatchObject({ succeeded: MAX_BULK_ITEMS });
    const between = [...done].filter((count) => count > 0 && count < MAX_BULK_ITEMS);
    expect(between.length).toBeGreaterThan(3);
  });

  it('exchanges a sign-in code for a token', async () => {
    const { code } = await client.codes.create();
    const { token } = await checkedClient({ baseUrl: url, token: null }).codes.redeem(code);
    const browser = checkedClient({ baseUrl: url, token });
    expect((await browser.me()).workspace).toBe('default');
  });

  it('describes its API with the version of the package, for programs and for people', () => expectReference(url));

  it('serves the dashboard’s page for every view, and all files that it names', async () => {
    const index = readFileSync(`${built.dashboard}/index.html`, 'utf8');
    for (const path of ['/', '/sessions/0198c2f0-1a2b-8c3d-9e4f-5a6b00000000']) {
      const response = await get(path, { Accept: 'text/html' });
      expect(await response.text()).toBe(index);
      expect(response.headers.get('Content-Security-Policy')).toContain("default-src 'self'");
    }
    const files = [...index.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1]!);
    expect(files.length).toBeGreaterThan(2);
    for (const path of files) {
      const response = await get(path);
      await response.body?.cancel();
      expect([path, response.status, response.headers.get('Content-Type')]).toEqual([path, 200, contentType(path)]);
    }
  });

  it('answers an unknown API path with a problem, not with the page', async () => {
    const response = await get('/api/v1/nothing', { Authorization: `Bearer ${worker.token}`, Accept: 'text/html' });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'not_found' });
  });

  it.each([
    { what: 'a body that is too large', path: '/api/v1/sessions', code: 'payload_too_large' },
    {
      what: 'a body that is too large and of unstated length',
      path: '/api/v1/sessions',
      isChunked: true,
      code: 'payload_too_large',
    },
    { what: 'a wrong token', path: '/api/v1/sessions', bearer: 'wrong', code: 'unauthorized' },
    { what: 'an unknown path', path: '/api/v1/nothing', code: 'not_found' },
  ])('answers $what also while the caller still sends', async ({ path, bearer = worker.token, isChunked, code }) => {
    const body = 'x'.repeat(6 * MAX_BODY_BYTES);
    for (let sent = 0; sent < 5; sent++) {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${bearer}` },
        body: isChunked ? new Blob([body]).stream() : body,
        duplex: 'half',
      } as RequestInit);
      expect(await response.json()).toMatchObject({ code });
    }
  });
});

function contentType(path: string): unknown {
  if (path.endsWith('.js')) return 'text/javascript; charset=utf-8';
  if (path.endsWith('.css')) return 'text/css; charset=utf-8';
  return expect.stringMatching(/^image\//);
}
