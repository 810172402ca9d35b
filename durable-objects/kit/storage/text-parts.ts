import { cutPoint } from '../../../src/protocol/common/text.ts';
import type { ObjectStore } from './store.ts';

const PART_CHARS = 200_000;

/**
 * Cuts a text into slices that fit into a row and a frame. It never cuts inside a character, because half a character
 * cannot be stored.
 */
export function slices(text: string): string[] {
  const parts: string[] = [];
  for (let start = 0; start < text.length; ) {
    const end = cutPoint(text, start + PART_CHARS);
    parts.push(text.slice(start, end));
    start = end;
  }
  return parts;
}

/**
 * Reads a long text from a table with the columns `part` and `data`.
 * @param table becomes part of the SQL statement; never pass input from outside
 */
export function readTextParts(store: ObjectStore, table: string): string {
  const parts = store.rows<{ data: string }>(`SELECT data FROM ${table} ORDER BY part`);
  return parts.map(({ data }) => data).join('');
}

/** Replaces the text in such a table. */
export function writeTextParts(store: ObjectStore, table: string, text: string): void {
  store.rows(`DELETE FROM ${table}`);
  for (const [part, data] of slices(text).entries()) {
    store.rows(`INSERT INTO ${table} (part, data) VALUES (?, ?)`, part, data);
  }
}
