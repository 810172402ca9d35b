import type { WatchSocketConstructor } from './follow.ts';
import type { RestClient } from './rest.ts';
import { createRestClient, type RestClientOptions } from './rest-client.ts';
import { type SessionWatch, type WatchOptions, watchSession } from './watch.ts';
import { type ContextWatch, type ContextWatchOptions, watchContext } from './watch-context.ts';

export interface ClientOptions extends RestClientOptions {
  /** The platform's `WebSocket` by default. Node has one since 22; on an older one, pass that of a package such as `ws`. */
  WebSocket?: WatchSocketConstructor;
}

export interface Client extends RestClient {
  /** Watches a session, and resumes after a disconnect. Throws if there is no WebSocket. See `watchSession`. */
  watchSession(id: string, options?: WatchOptions): SessionWatch;
  /** Watches a context, or one place of it, and resumes. Throws if there is no WebSocket. See `watchContext`. */
  watchContext(id: string, options?: ContextWatchOptions): ContextWatch;
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
  const { baseUrl } = options;
  const rest = createRestClient(options);
  const WebSocket = options.WebSocket ?? (globalThis.WebSocket as unknown as WatchSocketConstructor | undefined);
  const target = { baseUrl, rest, WebSocket, lease: options.lease };
  return {
    ...rest,
    watchSession: (id, watch) => watchSession(target, id, watch),
    watchContext: (id, watch) => watchContext(target, id, watch),
  };
}
