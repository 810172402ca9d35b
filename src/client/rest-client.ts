import type { LeaseKey } from './request.ts';
import { createRest, type RestClient } from './rest.ts';

/** Where a client calls, and how long it tries. */
export interface RestClientOptions {
  /** The control plane's URL, such as `http://127.0.0.1:8787`. */
  baseUrl: string;
  /** A bearer token. Null for a client that makes only calls without a token. */
  token: string | null;
  /** For an agent: the lease that its requests on contexts name. Without one, it has no context of a session. */
  lease?: LeaseKey;
  /** The platform's `fetch` by default. */
  fetch?: typeof fetch;
  /** The time limit in ms for a call with all its attempts; 30,000 by default. */
  deadlineMs?: number;
  /** The time limit in ms for one attempt; 10,000 by default. */
  attemptMs?: number;
}

/** A client without watches, for pages that load as little as possible. See `createClient`. */
export function createRestClient(options: RestClientOptions): RestClient {
  const { baseUrl, token, lease, deadlineMs = 30_000, attemptMs = 10_000 } = options;
  // A browser's `fetch` throws when it is called as a method of another object.
  const send = options.fetch ?? ((...call: Parameters<typeof fetch>) => globalThis.fetch(...call));
  return createRest({ baseUrl, token, lease, fetch: send, deadlineMs, attemptMs });
}
