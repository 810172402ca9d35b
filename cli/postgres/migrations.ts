import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import type pg from 'pg';

/** The key of an advisory lock. If two launchers share a server, one migrates and the other waits. */
const lockKey = 0x6f_69_6f; // "oio"

/**
 * Applies all missing migrations in one transaction. A folder without migrations changes nothing.
 *
 * @throws Postgres's error, or the connection's error
 */
export async function runMigrations(pool: pg.Pool, folder: string): Promise<void> {
  if (!existsSync(join(folder, 'meta', '_journal.json'))) return;
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('SELECT pg_advisory_lock($1)', [lockKey]);
    await migrate(drizzle(client), { migrationsFolder: folder });
    await client.query('SELECT pg_advisory_unlock($1)', [lockKey]);
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    // A failed connection is closed, which releases the lock.
    client.release(failure);
  }
}
