import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import { formatListCursor, type ListKey, type Page, parseListCursor } from '../../../src/protocol/common/page.ts';
import type { SqlValue } from '../platform/platform.ts';
import type { ObjectStore } from './store.ts';

/** A column, or an expression, of a list's sort key. */
export interface KeyColumn {
  sql: string;
  descending?: boolean;
}

export interface Condition {
  sql: string;
  bindings: SqlValue[];
}

/** What a page reads. @example { select: '*', from: 'tokens', where: 'expires_at > ?', bindings: [now] } */
export interface Selection {
  select: string;
  from: string;
  where?: string;
  bindings?: SqlValue[];
  /** An expression with the length of a row, in characters, if rows can be long. Then a page has at most PAGE_CHARS. */
  chars?: string;
}

/** The longest page of long rows; it has at least one. An answer between objects has at most 32 MiB. */
export const PAGE_CHARS = 4_194_304;

const WRONG_CURSOR = refuse('validation_failed', 'The query is invalid. Its errors say how to correct it.', {
  errors: [{ path: 'cursor', message: 'must be the next_cursor of a page of this list in the same order' }],
});

/**
 * The order of a list, whose pages continue after the key of an item. The key must be unique, so that no item is on two
 * pages and none is missing, whatever is added or removed meanwhile.
 */
export class Keyset {
  readonly #name: string;
  readonly #columns: readonly KeyColumn[];
  readonly #keys: readonly string[];
  /** For `ORDER BY`. */
  readonly order: string;
  /** For `SELECT`: the key as columns, which `cut` takes out of the rows. */
  readonly key: string;

  /** @param name the name of the list and of this order, which its cursors have */
  constructor(name: string, columns: readonly KeyColumn[]) {
    this.#name = name;
    this.#columns = columns;
    this.order = columns.map(({ sql, descending }) => `${sql} ${descending ? 'DESC' : 'ASC'}`).join(', ');
    this.#keys = columns.map((_, index) => `key_${index}`);
    this.key = columns.map(({ sql }, index) => `${sql} AS ${this.#keys[index]}`).join(', ');
  }

  /** The condition for the items after a cursor. It fails for the cursor of another list or order. */
  after(cursor: string | undefined): Outcome<Condition> {
    if (cursor === undefined) return ok({ sql: '1', bindings: [] });
    const key = parseListCursor(this.#name, cursor);
    if (key?.length !== this.#columns.length) return WRONG_CURSOR;
    const [first] = this.#columns;
    const same = this.#columns.every(({ descending }) => Boolean(descending) === Boolean(first?.descending));
    return ok(same ? this.#afterRow(key) : this.#afterEach(key));
  }

  #cursorOf(row: Record<string, unknown>): string {
    const key = this.#keys.map((name) => row[name]) as ListKey;
    return formatListCursor(this.#name, key);
  }

  /** Reads a page of a list. */
  page<Row>(
    store: ObjectStore,
    { select, from, where = '1', bindings = [], chars }: Selection,
    { cursor, page_size }: { cursor?: string | undefined; page_size: number },
  ): Outcome<Page<Row>> {
    const after = this.after(cursor);
    if (!after.ok) return after;
    const read = <R extends object>(columns: string, limit: number) =>
      store.rows<R>(
        `SELECT ${columns} FROM ${from} WHERE (${where}) AND ${after.value.sql} ORDER BY ${this.order} LIMIT ?`,
        ...bindings,
        ...after.value.bindings,
        limit,
      );
    const size = chars === undefined ? page_size : fitting(read<{ chars: number }>(`${chars} AS chars`, page_size));
    return ok(this.cut(read<Row & Record<string, unknown>>(`${select}, ${this.key}`, size + 1), size));
  }

  /** A page, from its rows and the one that follows, if there is one. */
  cut<Row>(rows: (Row & Record<string, unknown>)[], pageSize: number): Page<Row> {
    const items = rows.slice(0, pageSize);
    const last = items.at(-1);
    const next_cursor = last && rows.length > pageSize ? this.#cursorOf(last) : null;
    for (const row of items as Record<string, unknown>[]) for (const key of this.#keys) delete row[key];
    return { items, next_cursor };
  }

  /** A comparison of rows, for which SQLite uses an index. */
  #afterRow(bindings: ListKey): Condition {
    const columns = this.#columns.map(({ sql }) => sql).join(', ');
    const operator = this.#columns[0]?.descending ? '<' : '>';
    return { sql: `(${columns}) ${operator} (${bindings.map(() => '?').join(', ')})`, bindings };
  }

  /** A comparison column by column, for an order with both directions. */
  #afterEach(key: ListKey): Condition {
    return this.#columns.reduceRight<Condition>(
      ({ sql: rest, bindings }, { sql, descending }, index) => ({
        sql: `(${sql} ${descending ? '<' : '>'} ? OR (${sql} = ? AND ${rest}))`,
        bindings: [key[index]!, key[index]!, ...bindings],
      }),
      { sql: '0', bindings: [] },
    );
  }
}

/** How many rows a page can have, at least one. */
function fitting(rows: readonly { chars: number }[]): number {
  let [size, left] = [0, PAGE_CHARS];
  for (const { chars } of rows) {
    left -= chars;
    if (left < 0) break;
    size++;
  }
  return Math.max(1, size);
}
