import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createClient } from '../../../src/client/client.ts';
import type { SocketEvent, WatchConnection, WatchSocket } from '../../../src/client/follow.ts';
import type { WatchOptions } from '../../../src/client/watch.ts';
import { CLOSE } from '../../../src/protocol/common/socket.ts';
import { type ModelConnection, ModelServer } from './support/model-server.ts';

const ID = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';

/** A control plane with one session: tickets and views over REST, and its log over sockets. */
class ControlPlane {
  readonly log = new ModelServer();
  readonly sockets: ModelSocket[] = [];
  readonly tickets: string[] = [];
  /** The responses to REST calls on the session. */
  sessionStatus = 200;
  ticketStatus = 201;
  acceptsSockets = true;
  answersPings = true;

  watch(options: WatchOptions = {}, beforeOpening = () => {}) {
    const plane = this;
    const client = createClient({
      baseUrl: 'http://control.test',
      token: 'the-token',
      fetch: async (url, init) => {
        if (String(url).endsWith('/tickets')) {
          this.tickets.push(JSON.parse(String(init!.body)).path);
          return Response.json({ ticket: `t${this.tickets.length}` }, { status: this.ticketStatus });
        }
        return Response.json({}, { status: this.sessionStatus });
      },
      WebSocket: class extends ModelSocket {
        constructor(url: string, protocols: string[]) {
          beforeOpening();
          super(plane, url, protocols);
        }
      },
    });
    return client.watchSession(ID, { keepEvents: true, ...options });
  }

  note(text: string): void {
    const event = this.log.append({ type: 'agent.note', data: { level: 'info', text } });
    for (const { connection } of this.sockets) if (connection?.live) connection.push([event]);
  }
}

class ModelSocket implements WatchSocket {
  connection: ModelConnection | null = null;
  pings = 0;
  readonly url: URL;
  readonly protocols: string[];
  readonly #plane: ControlPlane;
  readonly #listeners: Record<string, ((event: SocketEvent) => void)[]> = {};

  constructor(plane: ControlPlane, url: string, protocols: string[]) {
    this.#plane = plane;
    this.url = new URL(url);
    this.protocols = protocols;
    plane.sockets.push(this);
    setTimeout(() => {
      if (!plane.acceptsSockets) return this.end(1006, '');
      this.connection = plane.log.connect(this.url.searchParams.get('after'), (frame) => {
        setTimeout(() => this.#emit('message', { data: JSON.stringify(frame) }));
      });
    });
  }

  addEventListener(type: string, listener: (event: SocketEvent) => void): void {
    const listeners = this.#listeners[type] ?? [];
    this.#listeners[type] = [...listeners, listener];
  }

  send(text: string): void {
    if (text !== 'ping') return this.connection?.request(JSON.parse(text));
    this.pings++;
    if (this.#plane.answersPings) setTimeout(() => this.#emit('message', { data: 'pong' }));
  }

  close(): void {
    this.connection = null;
  }

  /** The server's side, or the network's. */
  end(code: number, reason: string): void {
    this.connection = null;
    this.#emit('close', { code, reason });
  }

  #emit(type: string, event: SocketEvent): void {
    for (const listener of this.#listeners[type] ?? []) listener(event);
  }
}

let plane: ControlPlane;
beforeEach(() => {
  vi.useFakeTimers();
  plane = new ControlPlane();
  plane.note('first');
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const LONGEST_PAUSE_MS = 15_000;
/** Long enough for a reconnect, too short for a ping. */
const passTime = () => vi.advanceTimersByTimeAsync(LONGEST_PAUSE_MS + 1_000);

it('a watch opens its socket with a ticket for that path, and never with the token', async () => {
  const watch = plane.watch();
  await passTime();
  expect(plane.tickets).toEqual([`/ws/sessions/${ID}`]);
  expect(plane.sockets[0]!.url.href).toBe(`ws://control.test/ws/sessions/${ID}`);
  expect(plane.sockets[0]!.protocols).toEqual(['oio.v1', 'oio.ticket.t1']);
  watch.close();
});

it('a watch resumes from its cursor after a disconnect, and ends with exactly the server’s log', async () => {
  const watch = plane.watch();
  await passTime();
  plane.note('second');
  await passTime();
  plane.sockets[0]!.end(1006, '');
  plane.note('while away');
  await passTime();
  plane.note('after');
  await passTime();
  expect(plane.sockets[1]!.url.searchParams.get('after')).toBe(plane.log.cursorAt(2));
  expect(watch.events).toEqual(plane.log.history);
  expect(watch.state).toEqual(plane.log.state);
  expect(plane.tickets).toHaveLength(2);
  watch.close();
});

it('a watch reports its connection’s status, including the wait before a reconnect', async () => {
  const statuses: WatchConnection['status'][] = [];
  const watch = plane.watch({ onConnection: ({ status }) => statuses.push(status) });
  await passTime();
  plane.sockets[0]!.end(CLOSE.lagging, plane.log.cursorAt(1));
  await passTime();
  expect(statuses).toEqual(['connecting', 'catching_up', 'live', 'waiting', 'connecting', 'catching_up', 'live']);
  watch.close();
});

it('a watch reconnects within the longest pause, even after a long downtime of the server', async () => {
  const watch = plane.watch();
  await passTime();
  plane.acceptsSockets = false;
  plane.sockets[0]!.end(1006, '');
  await vi.advanceTimersByTimeAsync(3_600_000);
  plane.acceptsSockets = true;
  plane.note('at last');
  await vi.advanceTimersByTimeAsync(LONGEST_PAUSE_MS);
  expect(watch.events).toEqual(plane.log.history);
  watch.close();
});

it('a watch replaces a connection whose ping is not answered, and keeps one whose pings are', async () => {
  const watch = plane.watch();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(plane.sockets).toHaveLength(1);
  expect(plane.sockets[0]!.pings).toBeGreaterThan(2);
  plane.answersPings = false;
  await vi.advanceTimersByTimeAsync(25_000 + 10_000 + LONGEST_PAUSE_MS);
  expect(plane.sockets.length).toBeGreaterThan(1);
  watch.close();
});

it('a watch ignores messages of a connection that it has abandoned', async () => {
  const watch = plane.watch();
  await passTime();
  const stale = plane.sockets[0]!.connection!;
  plane.answersPings = false;
  await vi.advanceTimersByTimeAsync(25_000 + 10_000 + LONGEST_PAUSE_MS);
  stale.push([{ ...plane.log.history[0]!, from_seq: 2, seq: 2 }]);
  await vi.advanceTimersByTimeAsync(1);
  plane.note('told by the new connection');
  await passTime();
  expect(watch.events).toEqual(plane.log.history);
  watch.close();
});

it.each([
  ['the session does not exist', CLOSE.not_found, 404],
  ['the session was deleted', CLOSE.deleted, 404],
  ['the token is no longer valid', CLOSE.unauthorized, 401],
])('a watch ends with the reason when %s', async (_why, code, status) => {
  const watch = plane.watch();
  await passTime();
  plane.sockets[0]!.end(code, 'said by the server');
  expect(await watch.ended).toMatchObject({ status, message: 'said by the server' });
  await passTime();
  expect(plane.sockets).toHaveLength(1);
});

it('a watch asks over REST why no connection opens, and ends if it may not see the session', async () => {
  plane.acceptsSockets = false;
  plane.sessionStatus = 404;
  const watch = plane.watch();
  await passTime();
  expect(await watch.ended).toMatchObject({ status: 404 });
});

it('a watch ends when its token gets no ticket', async () => {
  plane.ticketStatus = 401;
  expect(await plane.watch().ended).toMatchObject({ code: 'unauthorized' });
});

it('a watch restarts from a snapshot, and reports a reset, when the server’s log is another one', async () => {
  const resets: boolean[] = [];
  const watch = plane.watch({ onState: (_state, reset) => resets.push(reset) });
  await passTime();
  plane.sockets[0]!.end(1006, '');
  plane.log.restore(1);
  plane.note('another first');
  await passTime();
  expect(watch.state).toEqual(plane.log.state);
  expect(watch.events).toEqual(plane.log.history);
  expect(resets).toEqual([false, true, false]);
  watch.close();
});

it('a watch that is closed or aborted ends without an error and opens no other connection', async () => {
  const controller = new AbortController();
  const aborted = plane.watch({ signal: controller.signal });
  const closed = plane.watch();
  await passTime();
  controller.abort();
  closed.close();
  expect(await Promise.all([aborted.ended, closed.ended])).toEqual([null, null]);
  await passTime();
  expect(plane.sockets).toHaveLength(2);
  expect(vi.getTimerCount()).toBe(0);
});

it('without a WebSocket, a watch of a session or of a context throws at once, and says how to get one', () => {
  vi.stubGlobal('WebSocket', undefined);
  const client = createClient({ baseUrl: 'http://control.test', token: 'the-token' });
  const expected = /Node 22 or newer, or give createClient the class of a package/;
  expect(() => client.watchSession(ID)).toThrow(expected);
  expect(() => client.watchContext('global')).toThrow(expected);
});

it('a watch ends, and does not retry, when the platform refuses to open its socket', async () => {
  let opened = 0;
  const watch = plane.watch({}, () => {
    opened++;
    throw new DOMException('An insecure socket is forbidden here', 'SecurityError');
  });
  await passTime();
  expect(opened).toBe(1);
  expect((await watch.ended)?.message).toContain('An insecure socket is forbidden here');
});
