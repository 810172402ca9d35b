import { BoundedMap } from '../../src/domain/bounded-map.ts';
import { PRIORITY_RANK, type Ranks, STATUS_RANK } from '../../src/domain/ranks.ts';
import { type HealthInput, healthScore } from '../../src/domain/session/health.ts';
import type { DirectoryEntry, ListedSessions } from '../../src/ports/directory.ts';
import type { JsonText } from '../../src/ports/json-text.ts';
import { type Outcome, ok } from '../../src/protocol/common/errors.ts';
import type { SessionId } from '../../src/protocol/common/ids.ts';
import type {
  ListSessionsQuery,
  SessionList,
  SessionSortColumn,
  SessionSummary,
} from '../../src/protocol/session/list.ts';
import type { SqlValue } from '../kit/platform/platform.ts';
import { Keyset } from '../kit/storage/keyset.ts';
import { Memo } from '../kit/storage/memo.ts';
import { purge } from '../kit/storage/purge.ts';
import { rankOf } from '../kit/storage/rank.ts';
import type { ObjectStore } from '../kit/storage/store.ts';

/** The most text of a prompt, and of an error, that a search reads. */
const SEARCHED_PROMPT_CHARS = 1_000;
const SEARCHED_ERROR_CHARS = 300;

const TOMBSTONES = { table: 'removed', key: 'id', at: 'removed_at' };
const PURGED_AT_A_TIME = 1_000;

/** Columns that never change after the insert. Updates leave them out, so that their indexes are not written. */
const FIXED = ['id', 'created_at'] as const;
/** The columns that a list reads: the inputs of the health, and the rest of the summary as JSON. */
const LISTED = ['status', 'share_done', 'active_ms', 'active_since', 'max_duration_seconds', 'summary'] as const;
const CHANGING = [
  'rev',
  'session_type',
  'priority',
  'title',
  'tags',
  'updated_at',
  'search',
  'open_approvals',
  'agent_id',
  'agent_name',
  'parent',
  ...LISTED,
] as const;
const COLUMNS = [...FIXED, ...CHANGING];
const UPSERT = `INSERT INTO sessions (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT (id) DO UPDATE SET ${CHANGING.map((column) => `${column} = excluded.${column}`).join(', ')}`;

type SessionRow = Record<(typeof COLUMNS)[number], SqlValue>;
type ListedRow = HealthInput & { summary: string };
type KeyedRow = ListedRow & Record<string, SqlValue>;

interface PageOfRows {
  rows: readonly ListedRow[];
  /** The number of all sessions that the query finds. */
  total: number;
  next_cursor: string | null;
}

const MAX_KEPT_PAGES = 16;

/** The condition of a list without filters. */
const EVERYTHING = '1';

/** The ranks of the enumerations that lists sort by. */
export interface SortRanks {
  priority: Ranks;
  status: Ranks;
}

/**
 * The table of sessions. The entry with the highest `rev` wins; others are ignored. Methods that write must run inside
 * a transaction.
 */
export class SessionsTable {
  readonly #store: ObjectStore;
  /** The SQL expression of each sort. Words of an enumeration sort by rank, because their text has no order. */
  readonly #sortKeys: Readonly<Record<SessionSortColumn, string>>;
  readonly #count: Memo<number>;
  /** The pages that were read since the last change, by query. Open dashboards ask for the same ones. */
  readonly #pages: Memo<BoundedMap<string, PageOfRows>>;

  constructor(store: ObjectStore, ranks: SortRanks = { priority: PRIORITY_RANK, status: STATUS_RANK }) {
    this.#store = store;
    this.#count = new Memo(store, () => this.#countWhere(EVERYTHING, []));
    this.#pages = new Memo(store, () => new BoundedMap(MAX_KEPT_PAGES));
    this.#sortKeys = {
      created_at: 'created_at',
      updated_at: 'updated_at',
      title: 'title',
      priority: rankOf('priority', ranks.priority),
      status: rankOf('status', ranks.status),
      open_approvals: 'open_approvals',
    };
  }

  put({ rev, search_text, summary, ...health }: DirectoryEntry): void {
    const stored = this.#stored(summary.id);
    if (rev <= stored.rev) return;
    const { id, created_at, status, session_type, priority, title, tags, updated_at, open_approvals } = summary;
    // An earlier release put some entries into its outbox without these two members.
    const { agent_id = null, parent_session_id = null } = summary as Partial<SessionSummary>;
    const { health_score: _, ...shown } = summary;
    const row: SessionRow = {
      id,
      created_at,
      rev,
      session_type,
      priority,
      title,
      tags: JSON.stringify(tags),
      updated_at,
      search: searchText(summary, search_text),
      open_approvals,
      agent_id,
      agent_name: summary.agent_name,
      parent: parent_session_id,
      status,
      share_done: health.share_done,
      active_ms: health.active_ms,
      active_since: health.active_since,
      max_duration_seconds: health.max_duration_seconds,
      summary: JSON.stringify(shown),
    };
    this.#store.rows(UPSERT, ...COLUMNS.map((column) => row[column]));
    if (stored.removed) this.#store.rows(`DELETE FROM removed WHERE id = ?`, id);
  }

  remove(id: SessionId, rev: number, now: number): void {
    const stored = this.#stored(id);
    if (rev <= stored.rev) return;
    if (stored.listed) this.#store.rows(`DELETE FROM sessions WHERE id = ?`, id);
    this.#store.rows(`INSERT OR REPLACE INTO removed (id, rev, removed_at) VALUES (?, ?, ?)`, id, rev, now);
  }

  list(query: ListSessionsQuery, now: number): Outcome<ListedSessions> {
    const pages = this.#pages.value;
    const key = JSON.stringify(query);
    const known = pages.get(key);
    const page: Outcome<PageOfRows> = known ? ok(known) : this.#read(query);
    if (!page.ok) return page;
    pages.set(key, page.value);
    const { rows, total, next_cursor } = page.value;
    const texts = rows.map((row) => summaryText(row, now));
    return ok(listed(texts, total, query, next_cursor));
  }

  #read(query: ListSessionsQuery): Outcome<PageOfRows> {
    const { where, bindings } = filter(query);
    const { cursor, page, page_size, sort } = query;
    const keyset = this.#keyset(sort);
    const after = keyset.after(cursor);
    if (!after.ok) return after;
    const pageOf = (columns: string) =>
      `SELECT ${columns} FROM sessions WHERE ${where} AND ${after.value.sql} ORDER BY ${keyset.order} LIMIT ? OFFSET ?`;
    const columns = `${LISTED.join(', ')}, ${keyset.key}`;
    // The order of creation comes from an index. For other orders only the ids are sorted, because sorting whole rows
    // would read every summary.
    const sql = sort.endsWith('created_at')
      ? pageOf(columns)
      : `SELECT ${columns} FROM sessions WHERE id IN (${pageOf('id')}) ORDER BY ${keyset.order}`;
    const offset = (page - 1) * page_size;
    const rows = this.#store.rows<KeyedRow>(sql, ...bindings, ...after.value.bindings, page_size + 1, offset);
    const { items, next_cursor } = keyset.cut(rows, page_size);
    const total = where === EVERYTHING ? this.#count.value : this.#countWhere(where, bindings);
    return ok({ rows: items, total, next_cursor });
  }

  /** Deletes some tombstones that were kept for `keptMs`. @returns when to do it again; null if none is left */
  purgeRemoved(keptMs: number): number | null {
    return purge(this.#store, TOMBSTONES, { keptMs, rowsMax: PURGED_AT_A_TIME });
  }

  /** Whether a session is listed, whether it has a tombstone, and the higher `rev` of both. */
  #stored(id: SessionId): { listed: boolean; removed: boolean; rev: number } {
    const row = this.#store.row<{ listed: number | null; removed: number | null }>(
      `SELECT (SELECT rev FROM sessions WHERE id = ?) AS listed, (SELECT rev FROM removed WHERE id = ?) AS removed`,
      id,
      id,
    );
    const { listed = null, removed = null } = row ?? {};
    return { listed: listed !== null, removed: removed !== null, rev: Math.max(listed ?? 0, removed ?? 0) };
  }

  #countWhere(where: string, bindings: SqlValue[]): number {
    return this.#store.row<{ total: number }>(`SELECT COUNT(*) AS total FROM sessions WHERE ${where}`, ...bindings)!
      .total;
  }

  /** Rows with equal keys are sorted by age, then by id, so that the key is unique. */
  #keyset(sort: ListSessionsQuery['sort']): Keyset {
    const descending = sort.startsWith('-');
    const column = (descending ? sort.slice(1) : sort) as SessionSortColumn;
    const age = (descending: boolean) => [
      { sql: 'created_at', descending },
      { sql: 'id', descending },
    ];
    const name = `sessions:${sort}`;
    if (column === 'created_at') return new Keyset(name, age(descending));
    return new Keyset(name, [{ sql: this.#sortKeys[column], descending }, ...age(true)]);
  }
}

/** A page of sessions. @param items the JSON text of each */
export function listed(
  items: string[],
  total: number,
  { page, page_size }: ListSessionsQuery,
  next_cursor: string | null,
): ListedSessions {
  const rest = `"total":${total},"page":${page},"page_size":${page_size},"next_cursor":${JSON.stringify(next_cursor)}`;
  return { text: `{"items":[${items.join(',')}],${rest}}` as JsonText<SessionList>, next_cursor };
}

/** The text that a search reads, in lower case. */
function searchText({ id, title, tags, error }: SessionSummary, prompt: string): string {
  const reason = error ? `${error.code}: ${error.message}`.slice(0, SEARCHED_ERROR_CHARS) : '';
  return [title, id, ...tags, reason, prompt.slice(0, SEARCHED_PROMPT_CHARS)].join('\n').toLowerCase();
}

/**
 * The stored JSON with the health, which changes with time and so is computed at each read. A status that a newer
 * release stored before it was rolled back has none.
 */
function summaryText(row: ListedRow, now: number): string {
  const health: number | undefined = healthScore(row, now);
  return `${row.summary.slice(0, -1)},"health_score":${health ?? 0}}`;
}

function filter(query: ListSessionsQuery): { where: string; bindings: SqlValue[] } {
  const conditions: string[] = [];
  const bindings: SqlValue[] = [];
  const require = (condition: string, value: SqlValue) => {
    conditions.push(condition);
    bindings.push(value);
  };
  if (query.status.length > 0) {
    require('status IN (SELECT value FROM json_each(?))', JSON.stringify(query.status));
  }
  if (query.session_type) require('session_type = ?', query.session_type);
  if (query.priority) require('priority = ?', query.priority);
  // A literal, so that SQLite uses the partial index.
  if (query.waiting !== undefined) conditions.push(query.waiting ? 'open_approvals > 0' : 'open_approvals = 0');
  if (query.agent) {
    conditions.push('(agent_id = ? OR agent_name = ?)');
    bindings.push(query.agent, query.agent);
  }
  if (query.parent) require('parent = ?', query.parent);
  if (query.created_after) require('created_at > ?', query.created_after);
  if (query.created_before) require('created_at < ?', query.created_before);
  if (query.updated_after) require('updated_at > ?', query.updated_after);
  if (query.updated_before) require('updated_at < ?', query.updated_before);
  if (query.tag) require('? IN (SELECT value FROM json_each(tags))', query.tag);
  // `instr` has no wildcards, so the user's text is searched literally.
  if (query.q) require('instr(search, ?) > 0', query.q.toLowerCase());
  return { where: conditions.length > 0 ? conditions.join(' AND ') : EVERYTHING, bindings };
}
