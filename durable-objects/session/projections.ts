import { qualityOfWork } from '../../src/domain/fleet/performance.ts';
import { hasEnded } from '../../src/domain/session/session-machine.ts';
import { readUsage, usageSince } from '../../src/domain/session/usage.ts';
import type { SessionRun } from '../../src/ports/run-history.ts';
import { taskIdOf } from '../../src/protocol/common/ids.ts';
import { instant, instantOrNull } from '../kit/text.ts';
import { DEADLINE, DESTINATION, SUMMARY_MS } from './config.ts';
import type { HistoryRecord } from './destinations.ts';
import type { SessionParts } from './parts.ts';
import { readError, type StoredAssignment } from './rows.ts';

type Needs = Pick<SessionParts, 'kit' | 'records' | 'graph' | 'views'>;

/**
 * Writes copies of the state for other stores: the session's summary for the directory; finished runs and assignments
 * for Postgres.
 */
export class Projections {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Sends a summary now, after a change that lists should show at once. */
  changed(): void {
    const { platform } = this.#parts.kit.store;
    const { rev, id } = this.#parts.records.session();
    this.#parts.records.update({ rev: rev + 1, updated_at: platform.now() });
    this.#parts.kit.deadlines.clear(DEADLINE.summary);
    this.#parts.kit.outbox.put(DESTINATION.directory, id, { put: this.#parts.views.directoryEntry() });
  }

  /** Sends a summary when the last one is SUMMARY_MS old, after a frequent change such as usage. */
  grew(): void {
    const due = this.#parts.records.session().updated_at + SUMMARY_MS;
    if (this.#parts.kit.store.platform.now() >= due) this.changed();
    else this.#parts.kit.deadlines.set(DEADLINE.summary, due);
  }

  /** Removes the session from lists. */
  removed(): void {
    const { rev, id } = this.#parts.records.session();
    this.#parts.records.update({ rev: rev + 1 });
    this.#parts.kit.outbox.put(DESTINATION.directory, id, { remove: { id, rev: rev + 1 } });
  }

  /**
   * Records the current run once the session and its last lease have ended, because an agent still reports usage until
   * it releases its lease. A session that was never started has no run.
   */
  runMayHaveEnded(): void {
    const row = this.#parts.records.session();
    if (row.run === 0 || !hasEnded(row.status) || this.#hasLeases()) return;
    const spec = this.#parts.records.spec();
    const lease = this.#parts.records.newestLeaseOfRun();
    const ended = row.ended_at ?? this.#parts.kit.store.platform.now();
    const run: SessionRun = {
      workspace: row.workspace,
      session_id: row.id,
      run: row.run,
      title: spec.title,
      session_type: spec.session_type,
      priority: spec.priority,
      status: row.status,
      attempts: Math.max(...this.#parts.graph.leaves().map((task) => this.#parts.records.attempt(task))),
      agent_id: lease?.agent_id ?? null,
      agent_name: lease?.agent_name ?? null,
      started_at: instantOrNull(row.started_at),
      ended_at: instant(ended),
      active_ms: row.active_ms,
      usage: usageSince(readUsage(row.usage), readUsage(row.usage_before_run)),
      error_code: readError(row)?.code ?? null,
    };
    this.#record(`${row.id}:${row.run}`, run);
  }

  /** Whether the session's own tasks have leases. */
  #hasLeases(): boolean {
    const { records } = this.#parts;
    return records.liveLeases().some(({ task }) => !records.task(task)!.aside);
  }

  /** Records how an assignment of a task has ended, and how it was rated. */
  assignmentEnded(
    task: number,
    { epoch, agent_name, result: { rating, checks, ...assigned } }: StoredAssignment,
  ): void {
    const { id, workspace } = this.#parts.records.session();
    const { agent_id, ended_at, ...result } = assigned;
    const task_id = taskIdOf(id, task);
    const times = { started_at: instant(ended_at - result.duration_ms), ended_at: instant(ended_at) };
    const of = { workspace, session_id: id, task_id, epoch, agent_id, agent_name };
    const rated = { quality: qualityOfWork({ rating, checks }), ratings: rating?.number ?? 0 };
    this.#record(`${task_id}:${epoch}`, { assignment: { ...of, ...result, ...times, ...rated } });
  }

  #record(key: string, record: HistoryRecord): void {
    this.#parts.kit.outbox.put(DESTINATION.history, key, record);
  }
}
