import { hasEnded, isWorking, nextStatus, type Trigger } from '../../src/domain/session/session-machine.ts';
import type { SessionStatus, TaskStatus } from '../../src/protocol/common/enums.ts';
import { taskIdOf, WHOLE_SESSION } from '../../src/protocol/common/ids.ts';
import type { SessionError } from '../../src/protocol/session/session.ts';
import { DEADLINE, LONGEST_REQUEST_MS, REQUEST_MS } from './config.ts';
import type { SessionParts } from './parts.ts';
import { activeMs } from './views.ts';

type Needs = Pick<SessionParts, 'config' | 'kit' | 'records' | 'log' | 'projections'>;

interface MoveFacts {
  reason: string;
  result?: Record<string, unknown> | undefined;
  error?: SessionError | undefined;
}

/** The status of the session's unfinished tasks once the session itself stands there; absent: theirs to say. */
const TASKS_FOLLOW: Partial<Record<SessionStatus, TaskStatus>> = {
  queued: 'pending',
  orphaned: 'pending',
  paused: 'paused',
  stopped: 'paused',
  completed: 'completed',
  partially_completed: 'completed',
  failed: 'failed',
  timeout: 'failed',
  cancelled: 'cancelled',
};

/** The one place that moves a session: status, clocks, events, and what the other homes must hear. */
export class Transitions {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /**
   * Moves the session, inside a transaction. Callers have checked what they were asked for.
   * @throws when the table has no such move: a bug, which rolls everything back
   */
  move(trigger: Trigger, { reason, result, error }: MoveFacts): void {
    const row = this.#parts.records.session();
    const from = row.status;
    const to = nextStatus(from, trigger);
    if (to === null) throw new Error(`no transition '${trigger}' from ${from}`);
    this.#keepTime(from, to);
    this.#parts.records.update({
      status: to,
      degraded_by: trigger === 'agent_quiet' ? 'quiet' : trigger === 'model_retry' ? 'retry' : null,
      result: result === undefined ? null : JSON.stringify(result),
      error: error === undefined ? null : JSON.stringify(error),
    });
    const followers = TASKS_FOLLOW[to];
    if (followers) for (const task of this.#parts.records.tasks()) this.setTask(task.number, followers);
    this.#parts.log.append(WHOLE_SESSION, {
      type: 'session.status',
      data: { from, to, reason, ...(result && { result }), ...(error && { error }) },
    });
    if (!isWorking(to)) this.clearRequest('session');
    if (hasEnded(to)) this.#end(to);
    this.#parts.projections.changed();
  }

  /** Sets a task's status, on record when it changes. */
  setTask(number: number, to: TaskStatus): void {
    const task = this.#parts.records.task(number)!;
    if (task.status === to) return;
    this.#parts.records.updateTask(number, { status: to });
    this.#parts.log.append(number, {
      type: 'task.status',
      data: {
        from: task.status,
        to,
        epoch: task.epoch,
        attempt: this.#parts.records.attempt(task),
      },
    });
  }

  taskId(number: number): string {
    return taskIdOf(this.#parts.records.session().id, number);
  }

  /** Notes that the agent was asked to pause or stop. */
  request(action: 'pause' | 'stop', by: string): void {
    const now = this.#parts.kit.store.platform.now();
    this.#parts.records.update({ requested_action: action, requested_at: now });
    this.#parts.kit.deadlines.set(DEADLINE.request, now + REQUEST_MS);
    this.#parts.log.append(WHOLE_SESSION, { type: 'session.action_requested', data: { action, by } });
    this.#parts.projections.changed();
  }

  /** An agent that is still sending what it was asked to save gets more time, up to a bound. */
  allowTime(): void {
    const { requested_action, requested_at } = this.#parts.records.session();
    if (requested_action === null || requested_at === null) return;
    const { platform } = this.#parts.kit.store;
    const dueAt = Math.min(platform.now() + REQUEST_MS, requested_at + LONGEST_REQUEST_MS);
    if (dueAt > (this.#parts.kit.deadlines.dueAt(DEADLINE.request) ?? 0))
      this.#parts.kit.deadlines.set(DEADLINE.request, dueAt);
  }

  clearRequest(by: string): void {
    if (this.#parts.records.session().requested_action === null) return;
    this.#parts.records.update({ requested_action: null, requested_at: null });
    this.#parts.kit.deadlines.clear(DEADLINE.request);
    this.#parts.log.append(WHOLE_SESSION, { type: 'session.action_requested', data: { action: null, by } });
  }

  /** Only time spent running or degraded counts towards `max_duration_seconds`. */
  #keepTime(from: SessionStatus, to: SessionStatus): void {
    const row = this.#parts.records.session();
    const now = this.#parts.kit.store.platform.now();
    if (!isWorking(from) && isWorking(to)) {
      const left = this.#parts.records.spec().max_duration_seconds * 1_000 - row.active_ms;
      this.#parts.records.update({ active_since: now, started_at: row.started_at ?? now });
      this.#parts.kit.deadlines.set(DEADLINE.max_duration, now + Math.max(0, left));
    } else if (isWorking(from) && !isWorking(to)) {
      this.#parts.records.update({ active_ms: activeMs(row, now), active_since: null });
      this.#parts.kit.deadlines.clear(DEADLINE.max_duration);
    }
  }

  #end(to: SessionStatus): void {
    const now = this.#parts.kit.store.platform.now();
    this.#parts.records.update({
      ended_at: now,
      share_done: to === 'completed' ? 1 : to === 'partially_completed' ? PARTIAL_SHARE : 0,
    });
    this.#parts.kit.deadlines.set(DEADLINE.retire, now + this.#parts.config.final_retention_ms);
    this.#parts.projections.runEnded();
  }
}

/** A task that an agent finished in part counts half. */
const PARTIAL_SHARE = 0.5;
