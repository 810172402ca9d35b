import type { ObjectStore } from './store.ts';

/** A table with the times of its rows. All members become part of SQL; never pass input from outside. */
export interface AgedRows {
  table: string;
  key: string;
  /** The column with a row's time in ms. It has an index, unless the table is small. */
  at: string;
}

/** The shortest time between two purges, so that rows that were written one by one are not deleted one by one. */
const PURGE_EVERY_MS = 3_600_000;

/**
 * Deletes the oldest rows that were kept for `keptMs`, but at most `rowsMax`. Must run inside a transaction.
 * @returns when to purge again, in ms; null if no row is left
 */
export function purge(
  store: ObjectStore,
  { table, key, at }: AgedRows,
  { keptMs, rowsMax }: { keptMs: number; rowsMax: number },
): number | null {
  const now = store.platform.now();
  const deleted = store.rows(
    `DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM ${table} WHERE ${at} <= ? ORDER BY ${at} LIMIT ?)
     RETURNING 1`,
    now - keptMs,
    rowsMax,
  );
  if (deleted.length === rowsMax) return now + 1;
  const oldest = store.row<{ at: number | null }>(`SELECT MIN(${at}) AS at FROM ${table}`)?.at ?? null;
  return oldest === null ? null : Math.max(oldest + keptMs, now + PURGE_EVERY_MS);
}

/**
 * Deletes any rows of a table, but at most `rowsMax`. Must run inside a transaction.
 * @param table becomes part of SQL, as does `key`, the columns of its primary key
 * @returns whether more may remain
 */
export function deleteSome(store: ObjectStore, table: string, key: string, rowsMax: number): boolean {
  const sql = `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} LIMIT ?) RETURNING 1`;
  return store.rows(sql, rowsMax).length === rowsMax;
}
