import { usageSince } from '../../src/domain/session/usage.ts';
import type { SessionRun } from '../../src/ports/run-history.ts';
import { IMPLICIT_TASK } from '../../src/protocol/common/ids.ts';
import type { ObjectKit } from '../kit/runtime.ts';
import { instant } from '../kit/text.ts';
import { DEADLINE, LANE, SUMMARY_MS } from './config.ts';
import type { SessionRecords } from './records.ts';
import type { SessionViews } from './views.ts';

/** Tells the other homes of state: the directory what the session looks like now, Postgres what a run has been. */
export class Projections {
  readonly #kit: ObjectKit;
  readonly #records: SessionRecords;
  readonly #views: SessionViews;

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
    this.#kit.deadlines.clear(DEADLINE.summary);
    this.#kit.outbox.put(LANE.directory, id, { put: this.#views.directoryEntry() });
  }

  /** A change that may wait until the last summary is a second old: usage, say, which grows with every turn. */
  grew(): void {
    const due = this.#records.session().updated_at + SUMMARY_MS;
    if (this.#kit.store.platform.now() >= due) this.changed();
    else this.#kit.deadlines.set(DEADLINE.summary, due);
  }

  /** The session is gone from lists. */
  removed(): void {
    const { rev, id } = this.#records.session();
    this.#records.update({ rev: rev + 1 });
    this.#kit.outbox.put(LANE.directory, id, { remove: { id, rev: rev + 1 } });
  }

  /** The present run has come to its end. What was never started has none. */
  runEnded(): void {
    const row = this.#records.session();
    if (row.run === 0) return;
    const spec = this.#records.spec();
    const lease = this.#records.leaseOfRun(IMPLICIT_TASK);
    const ended = row.ended_at ?? this.#kit.store.platform.now();
    const run: SessionRun = {
      workspace: row.workspace,
      session_id: row.id,
      run: row.run,
      title: spec.title,
      session_type: spec.session_type,
      priority: spec.priority,
      status: row.status,
      attempts: this.#records.attempt(this.#records.task(IMPLICIT_TASK)!),
      agent_id: lease?.agent_id ?? null,
      agent_name: lease?.agent_name ?? null,
      started_at: row.started_at === null ? null : instant(row.started_at),
      ended_at: instant(ended),
      active_ms: row.active_ms,
      usage: usageSince(JSON.parse(row.usage), JSON.parse(row.usage_before_run)),
      error_code: row.error === null ? null : JSON.parse(row.error).code,
    };
    this.#kit.outbox.put(LANE.history, `${row.id}:${row.run}`, run);
  }
}
