import { createRest, type RestClient } from './rest.ts';
import { type SessionWatch, type WatchOptions, type WatchSocketConstructor, watchSession } from './watch.ts';

export interface ClientOptions {
  /** The control plane's URL, such as `http://127.0.0.1:8787`. */
  baseUrl: string;
  /** A bearer token. Null for a client that makes only calls without a token. */
  token: string | null;
  /** The platform's `fetch` by default. */
  fetch?: typeof fetch;
  /** The platform's `WebSocket` by default. */
  WebSocket?: WatchSocketConstructor;
  /** The time limit in ms for a call with all its attempts; 30,000 by default. */
  deadlineMs?: number;
  /** The time limit in ms for one attempt; 10,000 by default. */
  attemptMs?: number;
}

export interface Client extends RestClient {
  /** Watches a session, and resumes after a disconnect. See `watchSession`. */
  watchSession(id: string, options?: WatchOptions): SessionWatch;
}

/**
 * Creates a client of the control plane, for browsers and Node. It opens no connection until the first call.
 *
 * Each call rejects with `ApiError` if the server responds with an error, or with `ConnectionError` if no response
 * arrives within the deadline.
 *
 * ```ts
 * const client = createClient({ baseUrl: 'http://127.0.0.1:8787', token });
 * const session = await client.sessions.create({ title: 'Greet', initial_prompt: 'write hello.txt: hi' });
 * await client.sessions.act(session.id, 'start');
 * client.watchSession(session.id, { onState: (state) => console.log(state.status) });
 * ```
 */
export function createClient(options: ClientOptions): Client {
  const { baseUrl, token, deadlineMs = 30_000, attemptMs = 10_000 } = options;
  // A browser's `fetch` throws when it is called as a method of another object.
  const send = options.fetch ?? ((...call: Parameters<typeof fetch>) => globalThis.fetch(...call));
  const rest = createRest({ baseUrl, token, fetch: send, deadlineMs, attemptMs });
  const WebSocket = options.WebSocket ?? (globalThis.WebSocket as unknown as WatchSocketConstructor);
  return { ...rest, watchSession: (id, watch) => watchSession({ baseUrl, rest, WebSocket }, id, watch) };
}
