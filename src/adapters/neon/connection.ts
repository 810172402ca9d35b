import { type NeonQueryFunction, neon, neonConfig } from '@neondatabase/serverless';

export type Sql = NeonQueryFunction<false, false>;

/** Where the databases of this isolate are served, by the host in their URLs. */
const endpoints = new Map<string, string>();
const neonsOwn = neonConfig.fetchEndpoint;

/**
 * Postgres over Neon's HTTP protocol: every query is one request, and there is nothing to keep open.
 *
 * @param fetchEndpoint where the protocol is served, when that is not Neon itself
 * @returns makes the query function of one call; its queries end with `signal`. It throws where the URL is none, so that
 *   a part which is built with a bad URL still works for everything else
 */
export function connect(databaseUrl: string, fetchEndpoint?: string): (signal?: AbortSignal) => Sql {
  return (signal) => {
    if (fetchEndpoint) serveAt(fetchEndpoint, new URL(databaseUrl).hostname);
    return neon(databaseUrl, signal ? { fetchOptions: { signal } } : {});
  };
}

/** The driver has one setting for all connections; this one tells them apart by their host. */
function serveAt(fetchEndpoint: string, databaseHost: string): void {
  endpoints.set(databaseHost, fetchEndpoint);
  neonConfig.fetchEndpoint = (host, port, options) =>
    endpoints.get(host) ?? (typeof neonsOwn === 'string' ? neonsOwn : neonsOwn(host, port, options));
}
