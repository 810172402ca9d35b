import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectServer, type Database, openEmbedded } from '../../cli/postgres/database.ts';
import { runMigrations } from '../../cli/postgres/migrations.ts';
import { serveNeonEndpoint } from '../../cli/postgres/neon-endpoint.ts';

/** A migrated Postgres behind Neon's HTTP protocol, for the adapters. */
export interface TestPostgres {
  databaseUrl: string;
  fetchEndpoint: string;
  /** The database itself, without the endpoint. */
  database: Database;
  close(): Promise<void>;
}

const password = 'test';
let served = 0;

/** An embedded Postgres in a directory that is deleted when it is closed. */
export async function embeddedPostgres(): Promise<TestPostgres> {
  const directory = mkdtempSync(join(tmpdir(), 'oio-postgres-'));
  const forget = () => rmSync(directory, { recursive: true, force: true });
  return await serve(await openEmbedded(join(directory, 'data')), forget);
}

/** An existing server for tests. */
export async function serverPostgres(url: string): Promise<TestPostgres> {
  return await serve(connectServer(url), () => {});
}

async function serve(database: Database, forget: () => void): Promise<TestPostgres> {
  await runMigrations(database.pool, join(import.meta.dirname, '../../migrations'));
  const endpoint = await serveNeonEndpoint({ port: 0, password, pool: () => database.pool });
  served += 1;
  return {
    // The adapters choose their endpoint by the host in the URL.
    databaseUrl: `postgres://test:${password}@postgres-${process.pid}-${served}.test/test`,
    fetchEndpoint: `http://127.0.0.1:${endpoint.port}/sql`,
    database,
    async close() {
      await endpoint.close();
      await database.close();
      forget();
    },
  };
}
