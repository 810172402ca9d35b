import { CLOSE, PING, PONG, SOCKET_PROTOCOL, TICKET_PROTOCOL_PREFIX } from '../protocol/common/socket.ts';
import { webSocketUrl } from '../protocol/common/url.ts';
import { fullJitterMs, pause } from './backoff.ts';
import { ApiError, isFinal, localProblem } from './errors.ts';
import type { RestClient } from './rest.ts';

/**
 * The status of the watch's connection.
 *
 * - `connecting`: the watch asks for a ticket and opens a socket.
 * - `catching_up`: the server sends the snapshot or what else the watch does not have.
 * - `live`: the watch has everything, and gets what is new as it happens.
 * - `waiting`: the connection was lost because of `reason`. The watch reconnects in `retry_in_ms`.
 */
export type WatchConnection =
  | { status: 'connecting' }
  | { status: 'catching_up' }
  | { status: 'live' }
  | { status: 'waiting'; retry_in_ms: number; reason: string };

/** Options of every watch. */
export interface FollowOptions {
  /** Called when the status of the connection changes. */
  onConnection?: (connection: WatchConnection) => void;
  /** Closes the watch when it aborts. */
  signal?: AbortSignal;
}

/** What a watch follows over any number of connections. */
export interface Following {
  /** The path of the socket, to which its ticket is bound. */
  path: string;
  /** Prepares for a new connection. @returns the query of its URL, which says where it continues */
  connect(): Record<string, string>;
  /** Handles a text frame. `deliver` tells the caller of the watch what is new. */
  receive(
    text: string,
  ):
    | { ok: true; replies: readonly object[]; live: boolean; deliver(): void }
    | { ok: false; fault: string; detail: string };
  /** Makes a REST call with the permission of the watch, which throws why the upgrade was rejected. */
  explain(signal: AbortSignal): Promise<unknown>;
}

/** The members of a WebSocket that the watch uses. Browsers, Node and workerd implement them. */
export interface WatchSocket {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: SocketEvent) => void): void;
}
export interface SocketEvent {
  data?: unknown;
  code?: number;
  reason?: string;
}
export type WatchSocketConstructor = new (url: string, protocols: string[]) => WatchSocket;

/** The control plane to connect to. */
export interface WatchTarget {
  baseUrl: string;
  rest: Pick<RestClient, 'createTicket'>;
  /** Undefined if the platform has none, and none was given. */
  WebSocket: WatchSocketConstructor | undefined;
}

const PING_EVERY_MS = 25_000;
const PONG_WITHIN_MS = 10_000;
const GREETING_WITHIN_MS = 10_000;
/** `close` follows `error` and has the close code, but not on every platform. */
const CLOSE_AFTER_ERROR_WITHIN_MS = 500;
const RECONNECT_BASE_MS = 500;
/** A quarter of a lease's default lifetime, so that an agent in the same outage does not lose its lease. */
const RECONNECT_CAP_MS = 15_000;
const NORMAL_CLOSURE = 1000;

/** How a connection ended. */
interface ConnectionEnding {
  /** Whether the server said hello. If so, the next disconnect resets the backoff. */
  greeted: boolean;
  code: number;
  reason: string;
}

/**
 * Follows something until `close`, an abort, or an error that a reconnect cannot mend.
 * @returns `ended` resolves with that error, or with null. It never rejects
 * @throws TypeError at once if there is no WebSocket
 */
export function follow(
  target: WatchTarget,
  following: Following,
  options: FollowOptions,
): { ended: Promise<ApiError | null>; close(): void } {
  const WebSocket = socketClassOf(target);
  const closing = new AbortController();
  const close = () => closing.abort();
  if (options.signal?.aborted) close();
  options.signal?.addEventListener('abort', close);

  const run = async (): Promise<ApiError | null> => {
    for (let attempt = 0; !closing.signal.aborted; attempt++) {
      options.onConnection?.({ status: 'connecting' });
      const ending = await connectOnce({ ...target, WebSocket }, following, options, closing.signal);
      if (closing.signal.aborted) break;
      if (ending instanceof ApiError) return ending;
      if (ending.greeted) attempt = 0;
      const waitMs = fullJitterMs(attempt, RECONNECT_BASE_MS, RECONNECT_CAP_MS, Math.random());
      options.onConnection?.({ status: 'waiting', retry_in_ms: waitMs, reason: ending.reason });
      await pause(waitMs, closing.signal);
    }
    return null;
  };
  return { ended: run().finally(() => options.signal?.removeEventListener('abort', close)), close };
}

/** @throws TypeError that says what to do */
function socketClassOf({ WebSocket }: WatchTarget): WatchSocketConstructor {
  if (typeof WebSocket === 'function') return WebSocket;
  throw new TypeError(
    'A watch needs a WebSocket, which this runtime does not have. Use Node 22 or newer, or give createClient the class of a package: import { WebSocket } from "ws".',
  );
}

/** Runs one connection, from its ticket to its end. @returns an `ApiError` if the watch must not reconnect */
async function connectOnce(
  target: WatchTarget & { WebSocket: WatchSocketConstructor },
  following: Following,
  options: FollowOptions,
  signal: AbortSignal,
): Promise<ConnectionEnding | ApiError> {
  try {
    const { path } = following;
    const { ticket } = await target.rest.createTicket(path, { signal });
    if (signal.aborted) return { greeted: false, code: 0, reason: 'closed' };
    const query = new URLSearchParams(following.connect()).toString();
    const url = webSocketUrl(target.baseUrl, query === '' ? path : `${path}?${query}`);
    const socket = openSocket(target.WebSocket, url, ticket);
    if (socket instanceof ApiError) return socket;
    const ending = await runProtocol(socket, following, options, signal);
    const refused = refusalOf(ending);
    if (refused) return refused;
    // Browsers hide why an upgrade was rejected. A REST call with the same permission throws the reason.
    if (!ending.greeted && !signal.aborted) await following.explain(signal);
    return ending;
  } catch (error) {
    if (error instanceof ApiError && isFinal(error)) return error;
    return { greeted: false, code: 0, reason: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Opens a socket. A constructor throws only for what a retry cannot mend: its arguments, or the policy of a page, which
 * forbids `ws:` on one of `https:`.
 */
function openSocket(WebSocket: WatchSocketConstructor, url: string, ticket: string): WatchSocket | ApiError {
  try {
    return new WebSocket(url, [SOCKET_PROTOCOL, TICKET_PROTOCOL_PREFIX + ticket]);
  } catch (error) {
    const detail = `The socket cannot be opened: ${error instanceof Error ? error.message : error}`;
    return new ApiError(localProblem('malformed_request', 400, 'The socket cannot be opened', detail));
  }
}

/** Runs the watch protocol until the socket ends. */
function runProtocol(
  socket: WatchSocket,
  following: Following,
  options: FollowOptions,
  signal: AbortSignal,
): Promise<ConnectionEnding> {
  return new Promise((resolve) => {
    let greeted = false;
    let live = false;
    let over = false;
    let timer: ReturnType<typeof setTimeout>;
    const end = (code: number, reason: string) => {
      over = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
      resolve({ greeted, code, reason });
    };
    const abandon = (reason: string) => {
      end(0, reason);
      socket.close(NORMAL_CLOSURE);
    };
    const leave = () => abandon('closed');
    const giveUpIn = (ms: number, reason: string) => {
      clearTimeout(timer);
      timer = setTimeout(() => abandon(reason), ms);
    };
    const pingLater = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        socket.send(PING);
        giveUpIn(PONG_WITHIN_MS, 'the server did not answer a ping');
      }, PING_EVERY_MS);
    };

    giveUpIn(GREETING_WITHIN_MS, 'the server did not answer');
    signal.addEventListener('abort', leave);
    socket.addEventListener('close', (event) => end(event.code ?? 0, event.reason || 'the connection was lost'));
    socket.addEventListener('error', () => {
      if (!over) giveUpIn(CLOSE_AFTER_ERROR_WITHIN_MS, 'the connection failed');
    });
    socket.addEventListener('message', ({ data }) => {
      if (over || typeof data !== 'string') return;
      pingLater();
      if (data === PONG) return;
      const step = following.receive(data);
      if (!step.ok) return abandon(`${step.fault}: ${step.detail}`);
      if (!greeted) options.onConnection?.({ status: 'catching_up' });
      greeted = true;
      step.deliver();
      if (step.live && !live) options.onConnection?.({ status: 'live' });
      live = step.live;
      for (const reply of step.replies) socket.send(JSON.stringify(reply));
    });
  });
}

/** The error of a close code that forbids a reconnect; null for any other ending. */
function refusalOf(ending: ConnectionEnding): ApiError | null {
  if (ending.code === CLOSE.unauthorized) {
    return new ApiError(localProblem('unauthorized', 401, 'A valid token is required', ending.reason));
  }
  if (ending.code === CLOSE.lease_ended) {
    return new ApiError(localProblem('stale_lease', 409, 'The lease has ended', ending.reason));
  }
  if (ending.code === CLOSE.not_found || ending.code === CLOSE.deleted) {
    return new ApiError(localProblem('not_found', 404, 'The resource does not exist', ending.reason));
  }
  return null;
}
