/**
 * The process that keeps Postgres for a local control plane: the embedded one or a server elsewhere, its migrations, and
 * the HTTP endpoint through which the Worker reaches it with its production driver. Started by the launcher.
 *
 * Environment: `OIO_POSTGRES_DIRECTORY` (embedded) or `DATABASE_URL` (a server); `OIO_POSTGRES_PORT` and
 * `OIO_POSTGRES_PASSWORD` of the endpoint, both absent where the Worker talks to the server by itself: then the process
 * ends with 0 once the migrations have run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../../runner/process/backoff.ts';
import { projectFile } from '../launcher/project.ts';
import { connectServer, type Database, openEmbedded } from './database.ts';
import { runMigrations } from './migrations.ts';
import { serveNeonEndpoint } from './neon-endpoint.ts';

const env = process.env;
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());

function log(level: 'info' | 'warn', message: string, notice = false): void {
  const line = { time: new Date().toISOString(), level, process: 'postgres', message, notice };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** The database once its schema is up to date: until then a query would meet tables that are not there. */
let migrated: Database | undefined;

const endpoint =
  env.OIO_POSTGRES_PORT && env.OIO_POSTGRES_PASSWORD
    ? await serveNeonEndpoint({
        port: Number(env.OIO_POSTGRES_PORT),
        password: env.OIO_POSTGRES_PASSWORD,
        pool: () => migrated?.pool,
      })
    : undefined;

const database = await openDatabase();
await migrateUntilDone(database);
if (endpoint && !stopping.signal.aborted) await untilStopped();
await endpoint?.close();
await database.close();
// The embedded server leaves handles behind that would keep the process alive.
process.exit(0);

function openDatabase(): Promise<Database> | Database {
  if (env.DATABASE_URL) return connectServer(env.DATABASE_URL);
  if (env.OIO_POSTGRES_DIRECTORY) return openEmbedded(env.OIO_POSTGRES_DIRECTORY);
  throw new Error('Neither DATABASE_URL nor OIO_POSTGRES_DIRECTORY is set.');
}

async function migrateUntilDone(opened: Database): Promise<void> {
  for (let failures = 0; !stopping.signal.aborted; ) {
    try {
      await runMigrations(opened.pool, projectFile('migrations'));
      migrated = opened;
      log('info', 'up, its schema current', true);
      return;
    } catch (error) {
      failures += 1;
      const reason = error instanceof Error ? error.message || error.name : String(error);
      log('warn', `cannot be used yet, trying again: ${reason}`, failures === 1);
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
