import { isWorking } from '../../src/domain/session-machine.ts';
import type { SessionRun } from '../../src/ports/run-history.ts';
import { IMPLICIT_TASK } from '../../src/protocol/ids.ts';
import type { ObjectKit } from '../kit/runtime.ts';
import { DEADLINE, LANE, SUMMARY_MS } from './config.ts';
import type { SessionRecords } from './records.ts';
import { activeMs, instant, type SessionViews } from './views.ts';

/** Tells the other homes of state: the directory what the session looks like now, Postgres what a run has been. */
export class Announcer {
  readonly #kit: ObjectKit;
  readonly #records: SessionRecords;
  readonly #views: SessionViews;
  #lastSummaryAt = 0;

  constructor(kit: ObjectKit, records: SessionRecords, views: SessionViews) {
    this.#kit = kit;
    this.#records = records;
    this.#views = views;
  }

  /** A change that lists should show at once. */
  changed(): void {
    const { platform } = this.#kit.store;
    const { rev, id } = this.#records.session();
    this.#records.update({ rev: rev + 1, updated_at: platform.now() });
    this.#lastSummaryAt = platform.now();
    this.#kit.deadlines.clear(DEADLINE.summary);
    this.#kit.outbox.put(LANE.directory, id, { put: this.#views.directoryEntry() });
  }

  /** A change that may wait until the last summary is a second old: usage, say, which grows with every turn. */
  grew(): void {
    const now = this.#kit.store.platform.now();
    if (now - this.#lastSummaryAt >= SUMMARY_MS) this.changed();
    else if (this.#kit.deadlines.dueAt(DEADLINE.summary) === null) {
      this.#kit.deadlines.set(DEADLINE.summary, this.#lastSummaryAt + SUMMARY_MS);
    }
  }

  /** The session is gone from lists. */
  removed(): void {
    const { rev, id } = this.#records.session();
    this.#records.update({ rev: rev + 1 });
    this.#kit.outbox.put(LANE.directory, id, { remove: { id, rev: rev + 1 } });
  }

  /** The present run has come to its end. */
  runEnded(): void {
    const row = this.#records.session();
    const spec = this.#records.spec();
    const lease = this.#records.lease(IMPLICIT_TASK);
    const attempts = this.#records.tasks().reduce((sum, task) => sum + task.attempts_used, 0);
    const ended = row.ended_at ?? this.#kit.store.platform.now();
    const run: SessionRun = {
      workspace: row.workspace,
      session_id: row.id,
      run: row.run,
      title: spec.title,
      session_type: spec.session_type,
      priority: spec.priority,
      status: row.status,
      attempts: attempts + (row.status === 'failed' ? 0 : 1),
      agent_id: lease?.agent_id ?? null,
      agent_name: lease?.agent_name ?? null,
      started_at: row.started_at === null ? null : instant(row.started_at),
      ended_at: instant(ended),
      active_ms: isWorking(row.status) ? activeMs(row, ended) : row.active_ms,
      usage: JSON.parse(row.usage),
      error_code: row.error === null ? null : JSON.parse(row.error).code,
    };
    this.#kit.outbox.put(LANE.history, `${row.id}:${row.run}`, run);
  }
}
