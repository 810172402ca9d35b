import { healthScore } from '../../src/domain/session/health.ts';
import { isWorking, legalActions } from '../../src/domain/session/session-machine.ts';
import { requestedAction } from '../../src/domain/session/session-status.ts';
import { knownCost, readUsage } from '../../src/domain/session/usage.ts';
import type { DirectoryEntry } from '../../src/ports/directory.ts';
import { formatCursor } from '../../src/protocol/common/cursor.ts';
import { type Outcome, ok } from '../../src/protocol/common/errors.ts';
import type { Page, PageQuery } from '../../src/protocol/common/page.ts';
import type { ApprovalView } from '../../src/protocol/session/approval.ts';
import type { CheckpointView } from '../../src/protocol/session/checkpoint.ts';
import type { SessionSummary } from '../../src/protocol/session/list.ts';
import type { DeliveryView, SessionInclude, SessionView } from '../../src/protocol/session/session.ts';
import { Keyset } from '../kit/storage/keyset.ts';
import { Memo } from '../kit/storage/memo.ts';
import { rowsUpTo } from '../kit/storage/rows-up-to.ts';
import { instant, instantOrNull } from '../kit/text.ts';
import type { SessionParts } from './parts.ts';
import { readError, type SessionRow } from './rows.ts';

type Needs = Pick<SessionParts, 'kit' | 'records' | 'log' | 'taskViews' | 'deliveryTasks'>;

/** Builds the API's views from rows. It only reads. */
export class SessionViews {
  readonly #parts: Needs;
  /** What of the session's view does not change with the time. */
  readonly #lasting: Memo<Omit<SessionView, 'active_seconds' | 'health_score'>>;

  constructor(parts: Needs) {
    this.#parts = parts;
    this.#lasting = new Memo(parts.kit.store, () => this.#lastingView());
  }

  session(include: readonly SessionInclude[] = []): SessionView {
    const row = this.#parts.records.session();
    const now = this.#parts.kit.store.platform.now();
    const lasting = this.#lasting.value;
    return {
      ...lasting,
      active_seconds: activeMs(row, now) / 1_000,
      health_score: this.#health(row, lasting.max_duration_seconds, now),
      ...(include.includes('tasks') && { tasks: this.#parts.taskViews.included() }),
      ...(include.includes('checkpoints') && { checkpoints: this.checkpoints() }),
      ...(include.includes('approvals') && { approvals: this.approvals() }),
      ...(include.includes('usage') && { usage: readUsage(row.usage) }),
      ...(include.includes('deliveries') && { deliveries: this.deliveries() }),
    };
  }

  #lastingView() {
    const row = this.#parts.records.session();
    const spec = this.#parts.records.spec();
    return {
      ...spec,
      id: row.id,
      version: row.version,
      status: row.status,
      parent_session_id: spec.parent_session_id ?? null,
      created_at: instant(row.created_at),
      updated_at: instant(row.updated_at),
      started_at: instantOrNull(row.started_at),
      ended_at: instantOrNull(row.ended_at),
      requested_action: requestedAction(row.status, row.intent),
      legal_actions: legalActions(row.status),
      result: row.result === null ? null : JSON.parse(row.result),
      error: readError(row),
      open_approvals: this.#openApprovals(),
      checkpoint_count: this.#count('checkpoints'),
      delivery: this.#parts.deliveryTasks.view(),
      cursor: formatCursor({ incarnation: row.incarnation, seq: this.#parts.log.head() }),
    };
  }

  /** The approvals, as many as fit into a view: open ones first, then oldest first. */
  approvals(): ApprovalView[] {
    const { store } = this.#parts.kit;
    let chars = MAX_INCLUDED_CHARS;
    const texts: string[] = [];
    for (const where of [`status = 'open'`, `status <> 'open'`]) {
      const source = { table: 'approvals', key: 'rowid', chars: 'length(view)', columns: 'view', where };
      const { rows, hasMore } = rowsUpTo<{ view: string }>(store, source, { after: 0, rows: Infinity, chars });
      texts.push(...rows.map(({ view }) => view));
      if (hasMore) break;
      chars -= rows.reduce((sum, { view }) => sum + view.length, 0);
    }
    return texts.map((text) => JSON.parse(text));
  }

  /** What other stores have not taken yet. */
  deliveries(): DeliveryView[] {
    return this.#parts.kit.outbox.undelivered().map(({ next_at, ...row }) => ({
      ...row,
      next_attempt_at: instantOrNull(next_at),
    }));
  }

  /** The checkpoints, oldest first. */
  checkpoints(): CheckpointView[] {
    return this.#parts.kit.store
      .rows<{ view: string }>(`SELECT view FROM checkpoints ORDER BY number`)
      .map((row) => JSON.parse(row.view));
  }

  /** A page of the approvals, with at most MAX_PAGE_CHARS of JSON but at least one. */
  approvalsPage(page: PageQuery): Outcome<Page<ApprovalView>> {
    const { store } = this.#parts.kit;
    const sizes = OPEN_FIRST.page<{ chars: number }>(
      store,
      { select: 'LENGTH(view) AS chars', from: 'approvals' },
      page,
    );
    if (!sizes.ok) return sizes;
    let fitting = 0;
    for (let chars = 0; fitting < sizes.value.items.length; fitting++) {
      chars += sizes.value.items[fitting]!.chars;
      if (chars > MAX_PAGE_CHARS) break;
    }
    return viewsIn(OPEN_FIRST.page(store, VIEWS('approvals'), { ...page, page_size: Math.max(1, fitting) }));
  }

  /** A page of the checkpoints. */
  checkpointsPage(page: PageQuery): Outcome<Page<CheckpointView>> {
    return viewsIn(OLDEST_FIRST.page(this.#parts.kit.store, VIEWS('checkpoints'), page));
  }

  directoryEntry(): DirectoryEntry {
    const row = this.#parts.records.session();
    const spec = this.#parts.records.spec();
    const lease = this.#parts.records.newestLeaseOfRun();
    const summary: SessionSummary = {
      id: row.id,
      title: spec.title,
      status: row.status,
      session_type: spec.session_type,
      priority: spec.priority,
      tags: spec.tags,
      created_at: instant(row.created_at),
      updated_at: instant(row.updated_at),
      started_at: instantOrNull(row.started_at),
      ended_at: instantOrNull(row.ended_at),
      health_score: this.#health(row, spec.max_duration_seconds, row.updated_at),
      agent_id: lease?.agent_id ?? null,
      agent_name: lease?.agent_name ?? null,
      parent_session_id: spec.parent_session_id ?? null,
      open_approvals: this.#openApprovals(),
      cost_usd: knownCost(readUsage(row.usage)),
      error: readError(row),
    };
    return {
      rev: row.rev,
      summary,
      active_ms: row.active_ms,
      active_since: row.active_since,
      share_done: row.share_done,
      max_duration_seconds: spec.max_duration_seconds,
      search_text: spec.initial_prompt.slice(0, SEARCH_TEXT_CHARS),
    };
  }

  #openApprovals(): number {
    return this.#count('approvals', `status = 'open'`);
  }

  #count(table: 'approvals' | 'checkpoints', where = '1'): number {
    return this.#parts.kit.store.row<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table} WHERE ${where}`)!.n;
  }

  #health(row: SessionRow, maxDurationSeconds: number, now: number): number {
    return healthScore({ ...row, max_duration_seconds: maxDurationSeconds }, now);
  }
}

/** The most JSON of the approvals in a view of a session, in UTF-16 code units. */
const MAX_INCLUDED_CHARS = 4_000_000;

const OPEN_FIRST = new Keyset('approvals', [{ sql: `status <> 'open'` }, { sql: 'asked_at' }, { sql: 'rowid' }]);
const OLDEST_FIRST = new Keyset('checkpoints', [{ sql: 'number' }]);
const VIEWS = (from: 'approvals' | 'checkpoints') => ({ select: 'view', from });
/** The most JSON of a page of approvals, in UTF-16 code units. One is up to BATCH_BYTES long. */
const MAX_PAGE_CHARS = 4_000_000;

function viewsIn<View>(rows: Outcome<Page<{ view: string }>>): Outcome<Page<View>> {
  return rows.ok ? ok({ ...rows.value, items: rows.value.items.map(({ view }) => JSON.parse(view)) }) : rows;
}

/** The length of the prompt's beginning that the directory searches. */
const SEARCH_TEXT_CHARS = 2_000;

/** The working time of the current run. */
export function activeMs(row: SessionRow, now: number): number {
  return row.active_ms + (isWorking(row.status) && row.active_since !== null ? now - row.active_since : 0);
}
