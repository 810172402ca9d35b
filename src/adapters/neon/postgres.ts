import type { Probe } from '../../ports/probe.ts';
import type { RunHistory } from '../../ports/run-history.ts';

/**
 * The ports that Postgres implements. The driver and the query builder take a quarter of the time in which an isolate
 * starts, so they are loaded by the first call that needs them. A deployment without Postgres never loads them.
 */

/** Finished runs in the database at this URL. */
export function postgresRunHistory(databaseUrl: string, fetchEndpoint?: string): RunHistory {
  const load = async () => {
    const [{ connect }, { PostgresRunHistory }] = await Promise.all([
      import('./connection.ts'),
      import('./run-history.ts'),
    ]);
    return new PostgresRunHistory(connect(databaseUrl, fetchEndpoint));
  };
  return {
    record: async (run, signal) => (await load()).record(run, signal),
    runsOf: async (workspace, sessionId) => (await load()).runsOf(workspace, sessionId),
  };
}

/** Checks that the database at this URL answers a query. */
export function postgresProbe(databaseUrl: string, fetchEndpoint?: string): Probe {
  return {
    name: 'postgres',
    required: false,
    async check() {
      const { connect } = await import('./connection.ts');
      await connect(databaseUrl, fetchEndpoint)()`select 1`;
    },
  };
}
