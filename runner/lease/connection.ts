import { fullJitterMs } from '../../src/client/backoff.ts';
import { PING, PONG, SOCKET_PROTOCOL } from '../../src/protocol/common/socket.ts';

/** One connection: what goes out. */
export interface Connection {
  send(text: string): void;
  close(): void;
}

/** One connection: what comes in. After `closed` nothing more comes. */
export interface ConnectionEvents {
  opened(): void;
  received(text: string): void;
  closed(reason: string): void;
}

/** Begins to open a connection to a path of the control plane. */
export type OpenConnection = (path: string, events: ConnectionEvents) => Connection;

const FIRST_PAUSE_MS = 250;
/** The longest pause between attempts; a lease lives at least three times as long. */
export const LONGEST_PAUSE_MS = 15_000;
const PING_MS = 15_000;
/** So long an attempt may take: a proxy can take a connection and never answer. */
const OPEN_LIMIT_MS = 10_000;
/** Pings that may go unanswered before the connection counts as dead. */
const PINGS_MISSED = 2;

/** Opens WebSockets to the control plane at `url`, with the token in a header and never in the address. */
export function webSocketConnections(url: string, token: string): OpenConnection {
  const base = url.replace(/^http/, 'ws').replace(/\/$/, '');
  return (path, events) => {
    const options = { protocols: [SOCKET_PROTOCOL], headers: { authorization: `Bearer ${token}` } };
    // Node's WebSocket takes headers in place of the list of protocols; the browser's types do not know that.
    const socket = new WebSocket(`${base}${path}`, options as unknown as string[]);
    socket.addEventListener('open', () => events.opened());
    socket.addEventListener('message', ({ data }) => events.received(String(data)));
    socket.addEventListener('close', ({ code, reason }) => events.closed(reason || `closed with code ${code}`));
    return {
      send: (text) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(text);
      },
      close: () => socket.close(),
    };
  };
}

export interface ReconnectingSocketEvents {
  /** A connection stands (again): say who you are. */
  opened(): void;
  received(message: unknown): void;
  closed(reason: string): void;
  /** Anything at all was heard, an answer to a ping too. */
  heard(): void;
}

/** A connection that is opened again whenever it breaks, after pauses of full jitter, and watched by pings. */
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
  #longestPauseMs = LONGEST_PAUSE_MS;
  #pingTimer: NodeJS.Timeout | undefined;
  #reconnectTimer: NodeJS.Timeout | undefined;
  #openTimer: NodeJS.Timeout | undefined;

  constructor(open: OpenConnection, path: string, events: ReconnectingSocketEvents) {
    this.#open = open;
    this.#path = path;
    this.#events = events;
    this.#connect();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Shorter terms for a lease whose life is short: pings four times, and attempts three times within it. */
  setLifetime(ttlMs: number): void {
    this.#pingMs = Math.min(PING_MS, ttlMs / 4);
    this.#longestPauseMs = Math.min(LONGEST_PAUSE_MS, ttlMs / 3);
    if (this.#isOpen) this.#startPings();
  }

  /** The other side let us in: the next break is a new one. Until then each attempt waits longer than the one before. */
  accepted(): void {
    this.#attempt = 0;
  }

  /** Sends if the connection stands; else the other side learns of it some other way. */
  send(message: unknown): void {
    if (this.#isOpen) this.#connection?.send(JSON.stringify(message));
  }

  close(): void {
    this.#isClosed = true;
    this.#isOpen = false;
    clearInterval(this.#pingTimer);
    clearTimeout(this.#reconnectTimer);
    clearTimeout(this.#openTimer);
    this.#connection?.close();
  }

  #connect(): void {
    const connection = this.#open(this.#path, {
      opened: () => {
        if (this.#connection !== connection || this.#isClosed) return;
        clearTimeout(this.#openTimer);
        this.#isOpen = true;
        this.#startPings();
        this.#events.opened();
      },
      received: (text) => {
        if (this.#connection === connection && !this.#isClosed) this.#received(text);
      },
      closed: (reason) => {
        if (this.#connection === connection && !this.#isClosed) this.#broken(reason);
      },
    });
    this.#connection = connection;
    this.#openTimer = setTimeout(() => {
      this.#broken('no answer');
      connection.close();
    }, OPEN_LIMIT_MS);
  }

  #received(text: string): void {
    this.#unanswered = 0;
    this.#events.heard();
    if (text !== PONG) this.#events.received(JSON.parse(text));
  }

  #broken(reason: string): void {
    this.#connection = null;
    this.#isOpen = false;
    clearInterval(this.#pingTimer);
    clearTimeout(this.#openTimer);
    this.#events.closed(reason);
    if (this.#isClosed) return;
    const pauseMs = fullJitterMs(this.#attempt, FIRST_PAUSE_MS, this.#longestPauseMs, Math.random());
    this.#attempt += 1;
    this.#reconnectTimer = setTimeout(() => this.#connect(), pauseMs);
  }

  #startPings(): void {
    clearInterval(this.#pingTimer);
    this.#unanswered = 0;
    this.#pingTimer = setInterval(() => {
      if (this.#unanswered >= PINGS_MISSED) {
        const dead = this.#connection;
        this.#broken('no answer to pings');
        dead?.close();
        return;
      }
      this.#unanswered += 1;
      this.#connection?.send(PING);
    }, this.#pingMs);
  }
}
