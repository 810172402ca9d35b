import { type NeonQueryFunction, neon, neonConfig } from '@neondatabase/serverless';

export type Sql = NeonQueryFunction<false, false>;

/**
 * Postgres over Neon's HTTP protocol: every query is one request, and there is nothing to keep open.
 *
 * @param fetchEndpoint where the protocol is served, when it is not Neon itself. The driver holds it for all
 *   connections of the isolate, so there is one database for each deployment.
 */
export function connect(databaseUrl: string, fetchEndpoint?: string): (signal?: AbortSignal) => Sql {
  if (fetchEndpoint) neonConfig.fetchEndpoint = fetchEndpoint;
  return (signal) => neon(databaseUrl, signal ? { fetchOptions: { signal } } : {});
}
