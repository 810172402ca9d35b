import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { moveAside } from '../process/move-aside.ts';

/** SQLite's codes for a damaged database: SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGED = [11, 26];

/**
 * Moves OpenCode's database aside if it is damaged, so that OpenCode makes a new one. OpenCode must not run.
 *
 * @param dataHome the server's `XDG_DATA_HOME`
 * @returns the new path; null if the database is sound or does not exist
 */
export function moveDamagedDatabase(dataHome: string): string | null {
  const path = join(dataHome, 'opencode', 'opencode.db');
  if (!existsSync(path) || !isDamaged(path)) return null;
  for (const suffix of ['-wal', '-shm']) if (existsSync(path + suffix)) moveAside(path + suffix);
  return moveAside(path);
}

/** False if the check cannot run for another reason, such as a full disk. */
function isDamaged(path: string): boolean {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(path, { readOnly: true });
    return database.prepare('PRAGMA quick_check(1)').get()?.quick_check !== 'ok';
  } catch (error) {
    return DAMAGED.includes(((error as { errcode?: number }).errcode ?? 0) & 0xff);
  } finally {
    database?.close();
  }
}
