import type { Probe } from '../../ports/probe.ts';
import { connect } from './connection.ts';

/** Checks that Postgres answers a query. */
export function postgresProbe(databaseUrl: string, fetchEndpoint?: string): Probe {
  const sql = connect(databaseUrl, fetchEndpoint);
  return {
    name: 'postgres',
    required: false,
    async check() {
      await sql()`select 1`;
    },
  };
}
