import type { ObjectStore } from './store.ts';

/** A source of rows in the order of an integer key. All members become part of SQL; never pass input from outside. */
export interface SizedRows {
  table: string;
  key: string;
  /** A column or expression with the length of a row, in UTF-16 code units. */
  chars: string;
  columns: string;
  /** Which rows there are; all if it is absent. */
  where?: string;
}

/** The most of one reading. `after` is the key after which it starts. */
export interface Bounds {
  after: number;
  rows: number;
  chars: number;
}

const FIRST_LENGTHS = 16;

/**
 * Reads as many rows as the bounds allow, but at least one. A row's length is read before the row, so that memory never
 * holds a row that the caller does not get.
 *
 * @returns the rows, and whether there are more after them
 *
 * @example
 * const notes = { table: 'notes', key: 'number', chars: 'length(text)', columns: 'number, text' };
 * rowsUpTo(store, notes, { after: 0, rows: 100, chars: 65_536 });
 */
export function rowsUpTo<Row extends object>(
  store: ObjectStore,
  { table, key, chars, columns, where = '1' }: SizedRows,
  bounds: Bounds,
): { rows: Row[]; hasMore: boolean } {
  const { last, hasMore } = lastWithin(
    store,
    `SELECT ${key} AS key, ${chars} AS chars FROM ${table}
    WHERE ${where} AND ${key} > ? ORDER BY ${key} LIMIT ?`,
    bounds,
  );
  if (last === null) return { rows: [], hasMore };
  const rows = store.rows<Row>(
    `SELECT ${columns} FROM ${table} WHERE ${where} AND ${key} > ? AND ${key} <= ? ORDER BY ${key}`,
    bounds.after,
    last,
  );
  return { rows, hasMore };
}

/** Reads a few lengths at first and then more, because often only a few rows fit. @returns the last key that fits */
function lastWithin(store: ObjectStore, lengths: string, bounds: Bounds): { last: number | null; hasMore: boolean } {
  type Length = { key: number; chars: number };
  let last: number | null = null;
  let rows = 0;
  let chars = 0;
  for (let limit = FIRST_LENGTHS; ; limit *= 2) {
    const read: Length[] = store.rows(lengths, last ?? bounds.after, limit);
    for (const row of read) {
      chars += row.chars;
      if (last !== null && (rows === bounds.rows || chars > bounds.chars)) return { last, hasMore: true };
      last = row.key;
      rows++;
    }
    if (read.length < limit) return { last, hasMore: false };
  }
}
