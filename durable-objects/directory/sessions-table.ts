import { type HealthInput, healthScore } from '../../src/domain/session/health.ts';
import type { DirectoryEntry } from '../../src/ports/directory.ts';
import { SessionPriority, SessionStatus } from '../../src/protocol/common/enums.ts';
import type { SessionId } from '../../src/protocol/common/ids.ts';
import type { ListSessionsQuery, SessionList, SessionSummary } from '../../src/protocol/session/list.ts';
import type { SqlValue } from '../kit/platform.ts';
import type { ObjectStore } from '../kit/store.ts';

/** How much of an entry's text can be found: a search reads all of it. */
const SEARCH_CHARS_MAX = 1_000;

type StoredEntry = Omit<DirectoryEntry, 'search_text' | 'rev'>;

/**
 * The table of sessions. Latest wins: what comes with a `rev` that is not above the stored one changes nothing.
 * Whatever writes here runs inside a transaction.
 */
export class SessionsTable {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  put({ rev, search_text, ...entry }: DirectoryEntry): void {
    const { summary } = entry;
    if (rev <= this.#revOf(summary.id)) return;
    const columns: Record<string, SqlValue> = {
      id: summary.id,
      rev,
      status: SessionStatus.options.indexOf(summary.status),
      session_type: summary.session_type,
      priority: SessionPriority.options.indexOf(summary.priority),
      title: summary.title,
      tags: JSON.stringify(summary.tags),
      created_at: summary.created_at,
      updated_at: summary.updated_at,
      search: `${summary.title}\n${search_text}`.slice(0, SEARCH_CHARS_MAX).toLowerCase(),
    };
    const names = Object.keys(columns);
    this.#store.rows(
      `INSERT OR REPLACE INTO sessions (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
      ...Object.values(columns),
    );
    const stored: StoredEntry = entry;
    this.#store.rows(`INSERT OR REPLACE INTO entries (id, entry) VALUES (?, ?)`, summary.id, JSON.stringify(stored));
    this.#store.rows(`DELETE FROM removed WHERE id = ?`, summary.id);
  }

  remove(id: SessionId, rev: number, now: number): void {
    if (rev <= this.#revOf(id)) return;
    this.#store.rows(`DELETE FROM sessions WHERE id = ?`, id);
    this.#store.rows(`DELETE FROM entries WHERE id = ?`, id);
    this.#store.rows(`INSERT OR REPLACE INTO removed (id, rev, removed_at) VALUES (?, ?, ?)`, id, rev, now);
  }

  list(query: ListSessionsQuery, now: number): SessionList {
    const { where, bindings } = filter(query);
    const { page, page_size } = query;
    const count = () => {
      const row = this.#store.row<{ total: number }>(`SELECT COUNT(*) AS total FROM sessions ${where}`, ...bindings);
      return row!.total;
    };
    // A filter reads the whole table: once for the page and the total together. With none, an index gives both.
    const total = where === '' ? `${count()}` : '(SELECT COUNT(*) FROM matching)';
    const rows = this.#store.rows<{ id: string; total: number }>(
      `WITH matching AS ${where === '' ? 'NOT MATERIALIZED' : 'MATERIALIZED'} (
         SELECT id, created_at, updated_at, title, priority, status FROM sessions ${where}
       ) SELECT id, ${total} AS total FROM matching ORDER BY ${order(query.sort)} LIMIT ? OFFSET ?`,
      ...bindings,
      page_size,
      (page - 1) * page_size,
    );
    const items = rows.map(({ id }) => this.#summary(id, now));
    return { items, total: rows[0]?.total ?? count(), page, page_size };
  }

  /** Forgets tombstones of that time and before; returns the time of the oldest that is left. */
  purgeRemoved(upTo: number): number | null {
    this.#store.rows(`DELETE FROM removed WHERE removed_at <= ?`, upTo);
    return this.#store.row<{ at: number | null }>(`SELECT MIN(removed_at) AS at FROM removed`)?.at ?? null;
  }

  #summary(id: string, now: number): SessionSummary {
    const row = this.#store.row<{ entry: string }>(`SELECT entry FROM entries WHERE id = ?`, id);
    const { summary, ...health } = JSON.parse(row!.entry) as StoredEntry;
    const input: HealthInput = { status: summary.status, ...health };
    return { ...summary, health_score: healthScore(input, now) };
  }

  #revOf(id: SessionId): number {
    const row = this.#store.row<{ rev: number | null }>(
      `SELECT MAX(rev) AS rev FROM (SELECT rev FROM sessions WHERE id = ? UNION ALL SELECT rev FROM removed WHERE id = ?)`,
      id,
      id,
    );
    return row?.rev ?? 0;
  }
}

function filter(query: ListSessionsQuery): { where: string; bindings: SqlValue[] } {
  const conditions: string[] = [];
  const bindings: SqlValue[] = [];
  const require = (condition: string, value: SqlValue) => {
    conditions.push(condition);
    bindings.push(value);
  };
  if (query.status.length > 0) {
    const ranks = query.status.map((status) => SessionStatus.options.indexOf(status));
    require('status IN (SELECT value FROM json_each(?))', JSON.stringify(ranks));
  }
  if (query.session_type) require('session_type = ?', query.session_type);
  if (query.priority) require('priority = ?', SessionPriority.options.indexOf(query.priority));
  if (query.tag) require('? IN (SELECT value FROM json_each(tags))', query.tag);
  // A person's text is looked for as it is: `instr` knows no wildcards.
  if (query.q) require('instr(search, ?) > 0', query.q.toLowerCase());
  return { where: conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '', bindings };
}

/** Sorts by a column of the same name; equal rows by age, then by id, so that pages never overlap. */
function order(sort: ListSessionsQuery['sort']): string {
  const descending = sort.startsWith('-');
  const column = descending ? sort.slice(1) : sort;
  const direction = descending ? 'DESC' : 'ASC';
  if (column === 'created_at') return `created_at ${direction}, id ${direction}`;
  return `${column} ${direction}, created_at DESC, id DESC`;
}
