import { canMove, hasEnded, isWorking } from '../../src/domain/session/session-machine.ts';
import { type Intent, sessionStatus, shareDone } from '../../src/domain/session/session-status.ts';
import { canTaskMove } from '../../src/domain/task-machine.ts';
import { isFinal } from '../../src/domain/task-status.ts';
import type { SessionStatus } from '../../src/protocol/common/enums.ts';
import { WHOLE_SESSION } from '../../src/protocol/common/ids.ts';
import type { SessionError } from '../../src/protocol/session/session.ts';
import { DEADLINE, REQUEST_MS } from './config.ts';
import type { SessionParts } from './parts.ts';
import { readError, type TaskRow } from './rows.ts';
import { activeMs } from './views.ts';

type Needs = Pick<
  SessionParts,
  | 'config'
  | 'kit'
  | 'records'
  | 'log'
  | 'projections'
  | 'graph'
  | 'works'
  | 'gates'
  | 'conflicts'
  | 'integration'
  | 'deliveryTasks'
  | 'scheduler'
> & {
  /** Is called before the graph goes on after a task of the kind `plan` has ended. It can change the graph. */
  whenPlanEnds: (task: number) => void;
};

/** The details of a status change, for its event. */
export interface MoveFacts {
  reason: string;
  result?: Record<string, unknown> | undefined;
  error?: SessionError | undefined;
}

/** Stores a change of a task, with its event. */
export type Change = (number: number, changes: Partial<TaskRow> & Pick<TaskRow, 'status'>) => void;

/** The only code that changes the statuses of tasks and of the session, with their events, clocks and projections. */
export class Transitions {
  readonly #parts: Needs;
  /** The tasks of the kind `plan` that have ended since the graph last went on. */
  readonly #endedPlans = new Set<number>();

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Stores the intent. `settle` changes the status when the tasks have changed. */
  intend(intent: Intent): void {
    this.#parts.records.update({ intent });
  }

  /**
   * Changes a task. A change of its status is an event.
   * @throws when the transition table does not allow it, which is a bug and rolls the transaction back
   */
  readonly task: Change = (number, changes) => {
    const { kit, records, log, graph, gates, conflicts } = this.#parts;
    const before = records.task(number)!;
    const { status: from, epoch, ended_at } = before;
    const isUnblocked = from === 'blocked' && changes.status !== 'blocked';
    if (isUnblocked) gates.left(before);
    if (!canTaskMove(from, changes.status) && !graph.isParent(number)) {
      throw new Error(`no transition of a task from ${from} to ${changes.status}`);
    }
    records.updateTask(number, {
      ...(changes.status !== 'ready' && { reserved_at: null }),
      ...(isUnblocked && { blocked_by: null }),
      ...(isFinal(changes) && { edited: '[]' }),
      ended_at: isFinal(changes) ? (ended_at ?? kit.store.platform.now()) : null,
      ...changes,
    });
    const task = records.task(number)!;
    graph.note(task);
    if (from === task.status) return;
    if (task.kind === 'plan' && isFinal(task)) this.#endedPlans.add(number);
    const attempt = records.attempt(task);
    log.append(number, { type: 'task.status', data: { from, to: task.status, epoch, attempt } });
    conflicts.follow(before, task, this.task);
  };

  /** Puts a run of the session into the queue, before its tasks start again. They can all have ended when it settles. */
  begin(facts: MoveFacts): void {
    this.#become('queued', facts);
  }

  /**
   * Lets the graph go on, and sets the status that follows from the tasks and the intent. Call it after each change of them, inside the same
   * transaction.
   * @throws when the transition table does not allow the change, which is a bug and rolls the transaction back
   */
  settle(facts: MoveFacts): void {
    const { records, gates } = this.#parts;
    for (const plan of this.#endedPlans) {
      this.#endedPlans.delete(plan);
      // The transaction in which it ended may have failed.
      const task = records.task(plan);
      if (task && isFinal(task)) this.#parts.whenPlanEnds(plan);
    }
    const to = this.#goOn();
    gates.tidy();
    this.#become(to, facts);
  }

  #become(to: SessionStatus, facts: MoveFacts): void {
    const { records, log, projections, works } = this.#parts;
    const { status: from } = records.session();
    if (to === from) return;
    const { reason, error, ...rest } = to === 'failed' ? this.#whyFailed(facts) : facts;
    // A task's result becomes the session's only if it ends the session.
    const whole = hasEnded(to) ? rest.result : undefined;
    // An agent at work when the session ends may send another one.
    const mayChange = records.liveLeases().some(({ task }) => records.task(task)!.status === 'completed');
    const commit = hasEnded(to) && !mayChange ? works.finalCommit() : null;
    const result = whole && commit !== null ? { ...whole, commit } : whole;
    if (!canMove(from, to)) throw new Error(`no transition from ${from} to ${to} (${reason})`);
    this.#keepTime(from, to);
    records.update({
      status: to,
      version: records.session().version + 1,
      result: result === undefined ? null : JSON.stringify(result),
      error: error === undefined ? null : JSON.stringify(error),
    });
    log.append(WHOLE_SESSION, {
      type: 'session.status',
      data: { from, to, reason, ...(result && { result }), ...(error && { error }) },
    });
    if (!isWorking(to)) this.#clearRequest();
    if (hasEnded(to)) this.#end();
    projections.changed();
  }

  /** Lets the graph go on, with the last tasks that the session adds when all others are done. @returns its status */
  #goOn(): SessionStatus {
    const { records, graph, scheduler } = this.#parts;
    const { intent, status } = records.session();
    do scheduler.advance(this.task);
    while (intent === 'run' && this.#addsLast());
    return sessionStatus(graph.counts, intent, status);
  }

  /** Merges the work of all tasks and checks the whole, and only then delivers it. @returns whether a task is to do it */
  #addsLast(): boolean {
    const { records, graph, integration, deliveryTasks } = this.#parts;
    const status = sessionStatus(graph.counts, 'run', records.session().status);
    if (status !== 'completed' && status !== 'partially_completed') return false;
    return integration.begin(this.task) || (status === 'completed' && deliveryTasks.addLast());
  }

  /** Records that the working agents were asked to pause or stop. */
  request(action: 'pause' | 'stop', by: string): void {
    const { kit, records, log, projections } = this.#parts;
    const now = kit.store.platform.now();
    records.update({ requested_at: now, version: records.session().version + 1 });
    kit.deadlines.set(DEADLINE.request, now + REQUEST_MS);
    log.append(WHOLE_SESSION, { type: 'session.action_requested', data: { action, by } });
    projections.changed();
  }

  #clearRequest(): void {
    const { kit, records, log } = this.#parts;
    if (records.session().requested_at === null) return;
    records.update({ requested_at: null });
    kit.deadlines.clear(DEADLINE.request);
    log.append(WHOLE_SESSION, { type: 'session.action_requested', data: { action: null, by: 'session' } });
  }

  /** Only the time spent running or degraded counts towards `max_duration_seconds`. */
  #keepTime(from: SessionStatus, to: SessionStatus): void {
    const { kit, records } = this.#parts;
    const row = records.session();
    const now = kit.store.platform.now();
    if (!isWorking(from) && isWorking(to)) {
      const left = records.spec().max_duration_seconds * 1_000 - row.active_ms;
      records.update({ active_since: now, started_at: row.started_at ?? now });
      kit.deadlines.set(DEADLINE.max_duration, now + Math.max(0, left));
    } else if (isWorking(from) && !isWorking(to)) {
      records.update({ active_ms: activeMs(row, now), active_since: null });
      kit.deadlines.clear(DEADLINE.max_duration);
    }
  }

  #end(): void {
    const { config, kit, records, projections, graph } = this.#parts;
    const now = kit.store.platform.now();
    records.update({ ended_at: now, share_done: shareDone(graph.leaves()) });
    kit.deadlines.set(DEADLINE.retire, now + config.final_retention_ms);
    projections.runMayHaveEnded();
  }

  /** Adds the error of the failed task, because another task may have ended last. */
  #whyFailed(facts: MoveFacts): MoveFacts {
    if (facts.error) return facts;
    const failed = this.#parts.records.tasks().find(({ status, error }) => status === 'failed' && error !== null);
    return { reason: facts.reason, error: (failed && readError(failed)) ?? undefined };
  }
}
