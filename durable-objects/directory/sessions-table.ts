import { PRIORITY_RANK, type Ranks, STATUS_RANK } from '../../src/domain/ranks.ts';
import { healthScore } from '../../src/domain/session/health.ts';
import type { DirectoryEntry } from '../../src/ports/directory.ts';
import type { SessionId } from '../../src/protocol/common/ids.ts';
import type { ListSessionsQuery, SessionList, SessionSummary } from '../../src/protocol/session/list.ts';
import type { SqlValue } from '../kit/platform.ts';
import { rankOf } from '../kit/rank.ts';
import type { ObjectStore } from '../kit/store.ts';

/** The length of the text that a search reads. */
const SEARCH_CHARS_MAX = 1_000;

/** Columns that never change after the insert. Updates leave them out, so that their indexes are not written. */
const FIXED = ['id', 'created_at'];
const CHANGING = ['rev', 'status', 'session_type', 'priority', 'title', 'tags', 'updated_at', 'search', 'entry'];
const UPSERT = `INSERT INTO sessions (${[...FIXED, ...CHANGING].join(', ')})
  VALUES (${[...FIXED, ...CHANGING].map(() => '?').join(', ')})
  ON CONFLICT (id) DO UPDATE SET ${CHANGING.map((column) => `${column} = excluded.${column}`).join(', ')}`;

type StoredEntry = Omit<DirectoryEntry, 'search_text' | 'rev'>;

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
  /** SQL expressions for sorting by columns whose text has no meaningful order. */
  readonly #sortKeys: Record<string, string>;
  /** The number of sessions; null when they must be counted again. */
  #count: number | null = null;

  constructor(store: ObjectStore, ranks: SortRanks = { priority: PRIORITY_RANK, status: STATUS_RANK }) {
    this.#store = store;
    this.#sortKeys = { priority: rankOf('priority', ranks.priority), status: rankOf('status', ranks.status) };
  }

  put({ rev, search_text, ...entry }: DirectoryEntry): void {
    const { summary } = entry;
    const stored = this.#stored(summary.id);
    if (rev <= stored.rev) return;
    const text: StoredEntry = entry;
    this.#store.rows(
      UPSERT,
      summary.id,
      summary.created_at,
      rev,
      summary.status,
      summary.session_type,
      summary.priority,
      summary.title,
      JSON.stringify(summary.tags),
      summary.updated_at,
      `${summary.title}\n${search_text}`.slice(0, SEARCH_CHARS_MAX).toLowerCase(),
      JSON.stringify(text),
    );
    if (!stored.listed) this.#count = null;
    if (stored.removed) this.#store.rows(`DELETE FROM removed WHERE id = ?`, summary.id);
  }

  remove(id: SessionId, rev: number, now: number): void {
    const stored = this.#stored(id);
    if (rev <= stored.rev) return;
    if (stored.listed) {
      this.#store.rows(`DELETE FROM sessions WHERE id = ?`, id);
      this.#count = null;
    }
    this.#store.rows(`INSERT OR REPLACE INTO removed (id, rev, removed_at) VALUES (?, ?, ?)`, id, rev, now);
  }

  list(query: ListSessionsQuery, now: number): SessionList {
    const { where, bindings } = filter(query);
    const { page, page_size } = query;
    const order = this.#order(query.sort);
    // Selects the page's ids first, because sorting whole rows would read every entry.
    const rows = this.#store.rows<{ entry: string }>(
      `SELECT entry FROM sessions
       WHERE id IN (SELECT id FROM sessions ${where} ORDER BY ${order} LIMIT ? OFFSET ?) ORDER BY ${order}`,
      ...bindings,
      page_size,
      (page - 1) * page_size,
    );
    const total = where === '' ? this.#countAll() : this.#countWhere(where, bindings);
    return { items: rows.map(({ entry }) => summaryOf(entry, now)), total, page, page_size };
  }

  /** Deletes tombstones up to a time. @returns the time of the oldest remaining tombstone */
  purgeRemoved(upTo: number): number | null {
    this.#store.rows(`DELETE FROM removed WHERE removed_at <= ?`, upTo);
    return this.#store.row<{ at: number | null }>(`SELECT MIN(removed_at) AS at FROM removed`)?.at ?? null;
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

  #countAll(): number {
    this.#count ??= this.#countWhere('', []);
    return this.#count;
  }

  #countWhere(where: string, bindings: SqlValue[]): number {
    return this.#store.row<{ total: number }>(`SELECT COUNT(*) AS total FROM sessions ${where}`, ...bindings)!.total;
  }

  /** Rows with equal keys are sorted by age, then by id, so that pages never overlap. */
  #order(sort: ListSessionsQuery['sort']): string {
    const descending = sort.startsWith('-');
    const column = descending ? sort.slice(1) : sort;
    const direction = descending ? 'DESC' : 'ASC';
    if (column === 'created_at') return `created_at ${direction}, id ${direction}`;
    return `${this.#sortKeys[column] ?? column} ${direction}, created_at DESC, id DESC`;
  }
}

/** Converts a stored entry for a list. Health falls with time, so it is computed at each read. */
function summaryOf(text: string, now: number): SessionSummary {
  const { summary, ...health } = JSON.parse(text) as StoredEntry;
  return { ...summary, health_score: healthScore({ status: summary.status, ...health }, now) };
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
  if (query.tag) require('? IN (SELECT value FROM json_each(tags))', query.tag);
  // `instr` has no wildcards, so the user's text is searched literally.
  if (query.q) require('instr(search, ?) > 0', query.q.toLowerCase());
  return { where: conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '', bindings };
}
