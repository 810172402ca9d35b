import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { sessionName } from '../../src/adapters/objects/names.ts';
import type { SessionId } from '../../src/protocol/common/ids.ts';
import { MAX_WATCHERS } from '../../src/protocol/common/limits.ts';
import { SOCKET_PROTOCOL } from '../../src/protocol/common/socket.ts';
import type { EventPage } from '../../src/protocol/events/envelope.ts';
import { eventually } from '../support/eventually.ts';
import { ask, STATIC_TOKEN, signToken } from './http-support.ts';
import { requested, sessionObject, unwrap } from './support/session-in-workerd.ts';

/** A session, and a read of its log that waits for an event after the last one. */
async function waiting(seconds = 20) {
  const session = sessionObject();
  const { api, call, id, stub, workspace } = session;
  const { cursor } = unwrap(await api.create(call, id, requested()));
  const token = await signToken('viewer', workspace);
  const read = (query: string) => ask(`/api/v1/sessions/${id}/events?${query}`, { token });
  /** The number of its watchers. */
  const open = () => runInDurableObject(stub, (_, state) => state.getWebSockets('watch').length);
  const answer = read(`after=${cursor}&wait_seconds=${seconds}`);
  return { ...session, cursor, token, read, answer, open };
}

const typesIn = async (response: Response) => ((await response.json()) as EventPage).items.map(({ type }) => type);

describe('a read of the log that waits', () => {
  it.each([
    { evicted: false, when: 'in memory' },
    { evicted: true, when: 'evicted' },
  ])('is answered with the next event, while the session’s object is $when', async ({ evicted }) => {
    const { api, call, stub, answer, open } = await waiting();
    await eventually(async () => expect(await open()).toBe(1));
    if (evicted) await evictDurableObject(stub);
    unwrap(await api.act(call, { action: 'start' }));
    expect(await typesIn(await answer)).toContain('session.status');
    await eventually(async () => expect(await open(), 'it leaves no socket behind').toBe(0));
  });

  it('is answered without events and with the same cursor when the time is over', async () => {
    const { answer, cursor, open } = await waiting(1);
    expect(await (await answer).json()).toMatchObject({ items: [], cursor, has_more: false, reset: false });
    await eventually(async () => expect(await open(), 'it leaves no socket behind').toBe(0));
  });

  it('is answered at once if there are events, or if it cannot go on from its cursor', async () => {
    const { read, open } = await waiting(0);
    expect(await typesIn(await read('wait_seconds=20'))).toContain('session.created');
    expect(await (await read('after=00000000.1&wait_seconds=20')).json()).toMatchObject({ reset: true });
    expect(await open()).toBe(0);
  });

  it('ends when the session is deleted', async () => {
    const { api, call, answer, open } = await waiting();
    await eventually(async () => expect(await open()).toBe(1));
    unwrap(await api.remove(call));
    const response = await answer;
    expect([response.status, await response.json()]).toMatchObject([404, { code: 'not_found' }]);
  });

  it('is refused if its token was revoked meanwhile', async () => {
    const admin = { token: STATIC_TOKEN };
    const made = await ask('/api/v1/tokens', { ...admin, body: { name: 'reader', role: 'viewer' } });
    const reader = (await made.json()) as { id: string; token: string };
    const created = await ask('/api/v1/sessions', { ...admin, body: { title: 'A session', initial_prompt: 'x' } });
    const { id, cursor } = (await created.json()) as { id: SessionId; cursor: string };
    const path = `/api/v1/sessions/${id}`;
    const answer = ask(`${path}/events?after=${cursor}&wait_seconds=20`, { token: reader.token });
    const session = env.SESSION.getByName(sessionName('default', id));
    const open = () => runInDurableObject(session, (_, state) => state.getWebSockets('watch').length);
    await eventually(async () => expect(await open()).toBe(1));
    expect((await ask(`/api/v1/tokens/${reader.id}`, { ...admin, method: 'DELETE' })).status).toBe(204);
    await ask(`${path}/start`, { ...admin, method: 'POST' });
    expect((await answer).status).toBe(401);
  });

  it('is refused with 429, as another watcher is, if the session has as many as it may have', async () => {
    const { stub, id, cursor, read, token, open } = await waiting(0);
    await runInDurableObject(stub, (_, state) => {
      for (let count = 0; count < MAX_WATCHERS; count++) state.acceptWebSocket(new WebSocketPair()[1], ['watch']);
    });
    const upgrade = { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': SOCKET_PROTOCOL };
    const answers = [
      await read(`after=${cursor}&wait_seconds=20`),
      await ask(`/ws/sessions/${id}`, { token, headers: upgrade }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(429);
      expect(await answer.json()).toMatchObject({ code: 'too_many_requests', retryable: true });
    }
    expect((await read(`after=${cursor}`)).status).toBe(200);
    expect(await open()).toBe(MAX_WATCHERS);
  });

  it('waits for at most 20 seconds', async () => {
    const { read } = await waiting(0);
    expect((await read('wait_seconds=21')).status).toBe(422);
  });
});
