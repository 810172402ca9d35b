import type { SessionState } from '../domain/session/session-state.ts';
import { CLOSE, PING, PONG, SOCKET_PROTOCOL, TICKET_PROTOCOL_PREFIX } from '../protocol/common/socket.ts';
import { webSocketUrl } from '../protocol/common/url.ts';
import { pathOf } from '../protocol/endpoints/routes.ts';
import type { SessionEvent } from '../protocol/events/envelope.ts';
import { fullJitterMs, pause } from './backoff.ts';
import { ApiError, isFinal, localProblem } from './errors.ts';
import type { RestClient } from './rest.ts';
import { LogFollower } from './resume.ts';

/**
 * The status of the watch's connection.
 *
 * - `connecting`: the watch asks for a ticket and opens a socket.
 * - `catching_up`: the server sends the snapshot or the events that the watch does not have.
 * - `live`: the watch has all events, and gets new ones as they happen.
 * - `waiting`: the connection was lost because of `reason`. The watch reconnects in `retry_in_ms`.
 */
export type WatchConnection =
  | { status: 'connecting' }
  | { status: 'catching_up' }
  | { status: 'live' }
  | { status: 'waiting'; retry_in_ms: number; reason: string };

export interface WatchOptions {
  /** Watches only events after this cursor. If absent, the watch begins with a snapshot of the state. */
  after?: string;
  /** Called with new events. Each position of the log is delivered once and in order. */
  onEvents?: (events: SessionEvent[]) => void;
  /** Called with the state after new events or a snapshot. `reset`: the snapshot replaces all earlier events. */
  onState?: (state: SessionState, reset: boolean) => void;
  /** Called when the status of the connection changes. */
  onConnection?: (connection: WatchConnection) => void;
  /** Keeps all events since the last snapshot in `events`, without a limit. For tests that compare logs. */
  keepEvents?: boolean;
  /** Closes the watch when it aborts. */
  signal?: AbortSignal;
}

/** A watch of a session. It runs until `close`, an abort, or an error that a reconnect cannot mend. */
export interface SessionWatch {
  /** The session's state up to `cursor`. */
  readonly state: SessionState;
  /** With `keepEvents`, all events since the last snapshot. */
  readonly events: readonly SessionEvent[];
  /** The position up to which the log was received; null at first. To resume later, pass it as `after`. */
  readonly cursor: string | null;
  /** Resolves with the error that ended the watch, or with null after `close` or an abort. Never rejects. */
  readonly ended: Promise<ApiError | null>;
  /** Ends the watch. */
  close(): void;
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
  rest: Pick<RestClient, 'createTicket' | 'sessions'>;
  WebSocket: WatchSocketConstructor;
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
 * Watches a session: its state, its events, or both. The watch reconnects as often as needed, and each connection
 * continues where the previous one ended. It ends by itself only if the session does not exist or was deleted, or if
 * the token is not valid or may not read the session.
 *
 * ```ts
 * const watch = client.watchSession(id, {
 *   onState: ({ status }) => {
 *     console.log(status);
 *     if (status === 'completed') watch.close();
 *   },
 * });
 * const error = await watch.ended;
 * if (error) console.error(error.message);
 * ```
 */
export function watchSession(target: WatchTarget, id: string, options: WatchOptions = {}): SessionWatch {
  const follower = new LogFollower(options.after);
  const closing = new AbortController();
  const close = () => closing.abort();
  if (options.signal?.aborted) close();
  options.signal?.addEventListener('abort', close);

  let events: SessionEvent[] = [];
  const take = (step: { events: SessionEvent[]; reset: boolean }) => {
    if (step.reset) events = [];
    if (options.keepEvents) for (const event of step.events) events.push(event);
    if (step.events.length > 0) options.onEvents?.(step.events);
    if (step.events.length > 0 || step.reset) options.onState?.(follower.state, step.reset);
  };

  const run = async (): Promise<ApiError | null> => {
    for (let attempt = 0; !closing.signal.aborted; attempt++) {
      options.onConnection?.({ status: 'connecting' });
      const ending = await connectOnce(target, id, follower, take, options, closing.signal);
      if (closing.signal.aborted) break;
      if (ending instanceof ApiError) return ending;
      if (ending.greeted) attempt = 0;
      const waitMs = fullJitterMs(attempt, RECONNECT_BASE_MS, RECONNECT_CAP_MS, Math.random());
      options.onConnection?.({ status: 'waiting', retry_in_ms: waitMs, reason: ending.reason });
      await pause(waitMs, closing.signal);
    }
    return null;
  };

  return {
    get state() {
      return follower.state;
    },
    get events() {
      return events;
    },
    get cursor() {
      return follower.cursor;
    },
    ended: run().finally(() => options.signal?.removeEventListener('abort', close)),
    close,
  };
}

/** Runs one connection, from its ticket to its end. @returns an `ApiError` if the watch must not reconnect */
async function connectOnce(
  target: WatchTarget,
  id: string,
  follower: LogFollower,
  take: (step: { events: SessionEvent[]; reset: boolean }) => void,
  options: WatchOptions,
  signal: AbortSignal,
): Promise<ConnectionEnding | ApiError> {
  try {
    const path = pathOf('watchSession', { id });
    const { ticket } = await target.rest.createTicket(path, { signal });
    if (signal.aborted) return { greeted: false, code: 0, reason: 'closed' };
    follower.connect();
    const after = follower.cursor === null ? '' : `?after=${encodeURIComponent(follower.cursor)}`;
    const url = webSocketUrl(target.baseUrl, path + after);
    const socket = new target.WebSocket(url, [SOCKET_PROTOCOL, TICKET_PROTOCOL_PREFIX + ticket]);
    const ending = await runProtocol(socket, follower, take, options, signal);
    const refused = refusalOf(ending);
    if (refused) return refused;
    // Browsers hide why an upgrade was rejected. A REST call with the same permission throws the reason.
    if (!ending.greeted && !signal.aborted) await target.rest.sessions.events(id, { limit: 1 }, { signal });
    return ending;
  } catch (error) {
    if (error instanceof ApiError && isFinal(error)) return error;
    return { greeted: false, code: 0, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Runs the watch protocol until the socket ends. */
function runProtocol(
  socket: WatchSocket,
  follower: LogFollower,
  take: (step: { events: SessionEvent[]; reset: boolean }) => void,
  options: WatchOptions,
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
      const step = follower.receive(data);
      if (!step.ok) return abandon(`${step.fault}: ${step.detail}`);
      if (!greeted) options.onConnection?.({ status: 'catching_up' });
      greeted = true;
      take(step);
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
  if (ending.code === CLOSE.not_found || ending.code === CLOSE.deleted) {
    return new ApiError(localProblem('not_found', 404, 'The resource does not exist', ending.reason));
  }
  return null;
}
