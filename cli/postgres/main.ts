/**
 * The Postgres process of a local control plane. It opens the embedded Postgres or connects to a server, runs the
 * migrations, and serves the HTTP endpoint through which the Worker uses Postgres with its production driver. The
 * launcher starts it.
 *
 * Environment: `OIO_POSTGRES_DIRECTORY` (embedded) or `DATABASE_URL` (a server); `OIO_POSTGRES_PORT` and
 * `OIO_POSTGRES_PASSWORD` for the endpoint. If the Worker connects to the server directly, the last two are absent, and
 * the process exits with 0 after the migrations.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../../runner/process/backoff.ts';
import { readSettings } from '../../src/configuration/read.ts';
import { projectFile } from '../launcher/project.ts';
import { connectServer, type Database, openEmbedded } from './database.ts';
import { runMigrations } from './migrations.ts';
import { serveNeonEndpoint } from './neon-endpoint.ts';

const settings = readSettings('postgres', process.env);
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());

function log(level: 'info' | 'warn', message: string, notice = false): void {
  const line = { time: new Date().toISOString(), level, process: 'postgres', message, notice };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** The database, once its schema is up to date. Before that, a query would fail because of missing tables. */
let migrated: Database | undefined;

const endpoint =
  settings.OIO_POSTGRES_PORT && settings.OIO_POSTGRES_PASSWORD
    ? await serveNeonEndpoint({
        port: settings.OIO_POSTGRES_PORT,
        password: settings.OIO_POSTGRES_PASSWORD,
        pool: () => migrated?.pool,
      })
    : undefined;

const database = await openDatabase();
await migrateUntilDone(database);
if (endpoint && !stopping.signal.aborted) await untilStopped();
await endpoint?.close();
await database.close();
// The embedded server leaves open handles that would keep the process alive.
process.exit(0);

function openDatabase(): Promise<Database> | Database {
  if (settings.DATABASE_URL) return connectServer(settings.DATABASE_URL);
  if (settings.OIO_POSTGRES_DIRECTORY) return openEmbedded(settings.OIO_POSTGRES_DIRECTORY);
  throw new Error('Neither DATABASE_URL nor OIO_POSTGRES_DIRECTORY is set.');
}

async function migrateUntilDone(opened: Database): Promise<void> {
  for (let failures = 0; !stopping.signal.aborted; ) {
    try {
      await runMigrations(opened.pool, projectFile('migrations'));
      migrated = opened;
      log('info', 'ready, schema up to date', true);
      return;
    } catch (error) {
      failures += 1;
      const reason = error instanceof Error ? error.message || error.name : String(error);
      log('warn', `the database cannot be used yet; trying again: ${reason}`, failures === 1);
      await sleep(backoffMs(failures), undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }
}

function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(), { once: true });
    if (stopping.signal.aborted) resolve();
  });
}
