import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { fullJitterMs } from '../../src/client/backoff.ts';
import { PING, PONG, SOCKET_PROTOCOL } from '../../src/protocol/common/socket.ts';
import { webSocketUrl } from '../../src/protocol/common/url.ts';
import { type Rejection, rejectionOf } from '../access.ts';
import { type Clock, processClock } from './clock.ts';

/** The outgoing side of a connection. */
export interface Connection {
  send(text: string): void;
  close(): void;
}

/** The incoming side of a connection. `closed` is the last event. */
export interface ConnectionEvents {
  opened(): void;
  received(text: string): void;
  /** @param rejection the server's response, if it did not open the connection */
  closed(reason: string, rejection?: Rejection): void;
}

/** Starts to open a connection to a path of the control plane. */
export type OpenConnection = (path: string, events: ConnectionEvents) => Connection;

const FIRST_PAUSE_MS = 250;
/**
 * The same for the control socket. All agents of a workspace reach one object, and a deploy cuts all their sockets at
 * once: a thousand agents come back as 50 in each tenth of a second.
 */
export const CONTROL_FIRST_PAUSE_MS = 2_000;
/** The longest pause between attempts; at most a third of a lease's lifetime. */
export const MAX_PAUSE_MS = 15_000;
const PING_MS = 15_000;
/** The time limit for one attempt: a proxy can accept a connection and never answer. */
const OPEN_LIMIT_MS = 10_000;
/** A longer response to an upgrade is not the control plane's. */
const MAX_REJECTION_BYTES = 65_536;
/** The number of unanswered pings after which the connection counts as dead. */
const PINGS_MISSED = 2;

/** Opens WebSockets to the control plane at `url`. The token is sent in a header, never in the URL. */
export function webSocketConnections(url: string, token: string): OpenConnection {
  return (path, events) => {
    const socket = new WebSocket(webSocketUrl(url, path), [SOCKET_PROTOCOL], {
      headers: { authorization: `Bearer ${token}` },
    });
    let failure: string | undefined;
    socket.on('open', () => events.opened());
    socket.on('message', (data) => events.received(String(data)));
    // `close` follows.
    socket.on('error', (error) => {
      failure = error.message;
    });
    socket.on('close', (code, reason) => events.closed(String(reason) || failure || `closed with code ${code}`));
    // With this listener, the response ends the attempt, and no other event follows.
    socket.on('unexpected-response', (request, response) => {
      void bodyOf(response).then((body) => {
        request.destroy();
        const rejection = rejectionOf(response.statusCode ?? 0, body);
        events.closed(`status ${rejection.status}`, rejection);
      });
    });
    return {
      send: (text) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(text);
      },
      close: () => socket.close(),
    };
  };
}

/** A response's text, or the empty text if it is long or breaks off. */
async function bodyOf(response: IncomingMessage): Promise<string> {
  if (Number(response.headers['content-length'] ?? 0) > MAX_REJECTION_BYTES) return '';
  return text(response).catch(() => '');
}

export interface ReconnectingSocketEvents {
  /** The connection is open (again); the receiver sends its first message. */
  opened(): void;
  received(message: unknown): void;
  closed(reason: string, rejection?: Rejection): void;
  /** A message or a pong arrived. */
  activity(): void;
}

/** A connection that reconnects with full-jitter backoff whenever it breaks. Pings detect a dead connection. */
export class ReconnectingSocket {
  readonly #open: OpenConnection;
  readonly #path: string;
  readonly #events: ReconnectingSocketEvents;
  #connection: Connection | null = null;
  #isOpen = false;
  #isClosed = false;
  #attempt = 0;
  #unanswered = 0;
  #pingMs = PING_MS;
  #maxPauseMs = MAX_PAUSE_MS;
  readonly #clock: Clock;
  readonly #firstPauseMs: number;
  #stopPings = () => {};
  #cancelReconnect = () => {};
  #cancelOpenLimit = () => {};

  /** @param firstPauseMs the bound of the first pause after a break */
  constructor(
    open: OpenConnection,
    path: string,
    events: ReconnectingSocketEvents,
    clock = processClock,
    firstPauseMs = FIRST_PAUSE_MS,
  ) {
    this.#open = open;
    this.#path = path;
    this.#events = events;
    this.#clock = clock;
    this.#firstPauseMs = firstPauseMs;
    this.#connect();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Shortens the intervals for a short lease: at least four pings and three connection attempts per lifetime. */
  setLifetime(ttlMs: number): void {
    this.#pingMs = Math.min(PING_MS, ttlMs / 4);
    this.#maxPauseMs = Math.min(MAX_PAUSE_MS, ttlMs / 3);
    if (this.#isOpen) this.#startPings();
  }

  /** The other side accepted this connection, so the next break starts with a short pause again. */
  accepted(): void {
    this.#attempt = 0;
  }

  /** Sends the message if the connection is open; otherwise drops it, so the caller must be able to repeat it. */
  send(message: unknown): void {
    if (this.#isOpen) this.#connection?.send(JSON.stringify(message));
  }

  close(): void {
    this.#isClosed = true;
    this.#isOpen = false;
    this.#stopPings();
    this.#cancelReconnect();
    this.#cancelOpenLimit();
    this.#connection?.close();
  }

  #connect(): void {
    const connection = this.#open(this.#path, {
      opened: () => {
        if (this.#connection !== connection || this.#isClosed) return;
        this.#cancelOpenLimit();
        this.#isOpen = true;
        this.#startPings();
        this.#events.opened();
      },
      received: (text) => {
        if (this.#connection === connection && !this.#isClosed) this.#received(text);
      },
      closed: (reason, rejection) => {
        if (this.#connection === connection && !this.#isClosed) this.#broken(reason, rejection);
      },
    });
    this.#connection = connection;
    this.#cancelOpenLimit = this.#clock.after(OPEN_LIMIT_MS, () => {
      this.#broken('no answer');
      connection.close();
    });
  }

  #received(text: string): void {
    this.#unanswered = 0;
    this.#events.activity();
    if (text !== PONG) this.#events.received(JSON.parse(text));
  }

  #broken(reason: string, rejection?: Rejection): void {
    this.#connection = null;
    this.#isOpen = false;
    this.#stopPings();
    this.#cancelOpenLimit();
    this.#events.closed(reason, rejection);
    if (this.#isClosed) return;
    const pauseMs = fullJitterMs(this.#attempt, this.#firstPauseMs, this.#maxPauseMs, this.#clock.random());
    this.#attempt += 1;
    this.#cancelReconnect = this.#clock.after(pauseMs, () => this.#connect());
  }

  #startPings(): void {
    this.#stopPings();
    this.#unanswered = 0;
    this.#stopPings = this.#clock.every(this.#pingMs, () => {
      if (this.#unanswered >= PINGS_MISSED) {
        const dead = this.#connection;
        this.#broken('no answer to pings');
        dead?.close();
        return;
      }
      this.#unanswered += 1;
      this.#connection?.send(PING);
    });
  }
}
