import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
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

const root = join(import.meta.dirname, '../..');
const password = 'test';
let served = 0;

/** An embedded Postgres in a directory that is deleted when it is closed. */
export async function embeddedPostgres(): Promise<TestPostgres> {
  await using parts = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'oio-postgres-'));
  parts.defer(() => rmSync(directory, { recursive: true, force: true }));
  cpSync(await newCluster(), join(directory, 'data'), { recursive: true });
  return await serve(await openEmbedded(join(directory, 'data')), parts);
}

/**
 * A directory of an embedded Postgres as it is after its first start. The first start takes more than ten seconds of
 * CPU and always makes the same, so its result is kept for the next run.
 */
async function newCluster(): Promise<string> {
  const { version } = JSON.parse(
    readFileSync(join(root, 'node_modules/@electric-sql/pglite/package.json'), 'utf8'),
  ) as { version: string };
  const folder = join(root, 'dist/test-postgres');
  const kept = join(folder, version);
  if (existsSync(kept)) return kept;
  mkdirSync(folder, { recursive: true });
  const making = mkdtempSync(join(folder, 'making-'));
  const database = await openEmbedded(join(making, 'data'));
  await database.close();
  // Moved as a whole, so that a run that is killed leaves no half of a cluster.
  try {
    renameSync(join(making, 'data'), kept);
  } catch (error) {
    // Another test file was faster.
    if (!existsSync(kept)) throw error;
  }
  rmSync(making, { recursive: true });
  return kept;
}

/** An existing server for tests. */
export async function serverPostgres(url: string): Promise<TestPostgres> {
  await using parts = new AsyncDisposableStack();
  return await serve(connectServer(url), parts);
}

/** @param parts ends what was opened for the database; its new parts move to the result */
async function serve(database: Database, parts: AsyncDisposableStack): Promise<TestPostgres> {
  parts.defer(() => database.close());
  await runMigrations(database.pool, join(root, 'migrations'));
  const endpoint = await serveNeonEndpoint({ port: 0, password, pool: () => database.pool });
  parts.defer(() => endpoint.close());
  served += 1;
  const started = parts.move();
  return {
    // The adapters choose their endpoint by the host in the URL.
    databaseUrl: `postgres://test:${password}@postgres-${process.pid}-${served}.test/test`,
    fetchEndpoint: `http://127.0.0.1:${endpoint.port}/sql`,
    database,
    close: () => started.disposeAsync(),
  };
}
