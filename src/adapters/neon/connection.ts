import { type NeonQueryFunction, neon, neonConfig } from '@neondatabase/serverless';

export type Sql = NeonQueryFunction<false, false>;

/** The HTTP endpoints of this isolate's databases, by the host in the database's URL. */
const endpoints = new Map<string, string>();
const neonsEndpoint = neonConfig.fetchEndpoint;

/**
 * Postgres over Neon's HTTP protocol: every query is one request, and no connection stays open.
 *
 * @param fetchEndpoint the URL of a server that speaks Neon's protocol; Neon's own if absent
 * @returns a function that creates the query function for one call; `signal` aborts its queries. If the database URL is
 *   invalid, this function throws, and `connect` does not: an object with a bad URL works for everything else
 */
export function connect(databaseUrl: string, fetchEndpoint?: string): (signal?: AbortSignal) => Sql {
  return (signal) => {
    if (fetchEndpoint) serveAt(fetchEndpoint, new URL(databaseUrl).hostname);
    return neon(databaseUrl, signal ? { fetchOptions: { signal } } : {});
  };
}

/** The driver has one setting for all connections, so this function chooses the endpoint by the database's host. */
function serveAt(fetchEndpoint: string, databaseHost: string): void {
  endpoints.set(databaseHost, fetchEndpoint);
  neonConfig.fetchEndpoint = (host, port, options) =>
    endpoints.get(host) ?? (typeof neonsEndpoint === 'string' ? neonsEndpoint : neonsEndpoint(host, port, options));
}
