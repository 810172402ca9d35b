import type { SqlValue } from '../platform/platform.ts';
import type { ObjectStore } from './store.ts';

/**
 * Inserts a row, or replaces the one with the same primary key.
 *
 * @param table becomes part of the SQL statement, as do the names of the columns; never pass input from outside
 */
export function insertOrReplace(store: ObjectStore, table: string, row: object): void {
  const columns = Object.keys(row);
  const places = columns.map(() => '?').join(', ');
  const values = Object.values(row) as SqlValue[];
  store.rows(`INSERT OR REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${places})`, ...values);
}
