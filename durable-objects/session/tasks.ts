import { isOwnFault } from '../../src/domain/fleet/breaker.ts';
import { isFinal } from '../../src/domain/task-status.ts';
import type { AssignmentResult } from '../../src/ports/agent-registry.ts';
import type { ConflictReport } from '../../src/protocol/run/start.ts';
import type { SessionError } from '../../src/protocol/session/session.ts';
import { BOUNDARY_MS } from './config.ts';
import type { SessionParts } from './parts.ts';
import type { LeaseRow, ModelRetry, TaskRow } from './rows.ts';
import type { MoveFacts } from './transitions.ts';

/** The code of a release by an agent that was asked to pause. */
const LET_GO = 'agent_paused';
const TIMED_OUT = 'task_timeout';
/** Why the lease of a task ends whose works cannot be merged. */
const CONFLICT = 'merge_conflict';

type Needs = Pick<
  SessionParts,
  | 'kit'
  | 'records'
  | 'details'
  | 'deliveryTasks'
  | 'graph'
  | 'commands'
  | 'checkpoints'
  | 'reservations'
  | 'leases'
  | 'passes'
  | 'transitions'
  | 'attempts'
  | 'conflicts'
>;

/** What an agent says of its clone: the root commit, and the commit that is checked out. */
interface Clone {
  repository: string | null;
  head_commit?: string | null | undefined;
}

/** Whether the task asks for an agent. */
function isAsking(task: TaskRow | undefined): task is TaskRow {
  return task !== undefined && task.reserved_at !== null;
}

/**
 * Changes a task on reports of agents and at deadlines. Then the session's status follows from its tasks.
 */
export class Tasks {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Lets a task beside the session's own work ask for an agent, whatever the session does. */
  askAside(number: number): void {
    const { reservations, transitions } = this.#parts;
    reservations.renew(number);
    transitions.task(number, { status: 'ready', setback: null, error: null });
    reservations.ask(number);
  }

  /** Sends changed requirements or a changed priority to the registry. */
  askAgain(): void {
    const { records, reservations } = this.#parts;
    for (const { number, reserved_at } of records.tasks()) {
      if (reserved_at !== null) reservations.ask(number);
      else if (records.liveLease(number)) reservations.tell(number);
    }
  }

  // --- Events of agents

  /**
   * Grants the task to the first agent that claims it.
   * @param given the number of the last message that the agent was given with the offer; 0 if it was given none
   */
  grant(lease: LeaseRow, clone: Clone, given = 0): void {
    const { records, commands, checkpoints, leases, transitions } = this.#parts;
    const { task: number, epoch } = lease;
    this.#bindTo(clone);
    leases.grant(lease, transitions.task);
    transitions.settle({ reason: 'lease_granted' });
    const done = Math.max(given, checkpoints.toRestore(number)?.messages_done ?? 0);
    for (const message of records.messagesAfter(number, done)) {
      commands.enqueue(number, epoch, { type: 'message', number: message });
    }
  }

  /** Records that the agent has reported something of its work. */
  begun(number: number): void {
    const { records, transitions } = this.#parts;
    if (records.task(number)?.status === 'assigned') transitions.task(number, { status: 'in_progress' });
  }

  /** Records that the agent was heard, so that it is not quiet any more. */
  seen(number: number): void {
    if (this.#parts.records.task(number)?.degraded_by === 'quiet') this.#recover(number, 'agent_seen');
  }

  /** Records that the agent's work has progressed. */
  progressed(number: number): void {
    if (this.#parts.records.task(number)?.degraded_by !== null) this.#recover(number, 'progress');
  }

  /** Records that the agent's model has to be retried. */
  modelRetried(number: number, retry: ModelRetry): void {
    if (isFinal(this.#parts.records.task(number)!)) return;
    this.#parts.records.updateTask(number, { retry: JSON.stringify(retry) });
    this.#degrade(number, 'retry', 'model_retry');
  }

  /** Completes the task, as a whole or in part. If other tasks must start or end before it ends, it waits for them. */
  finish(number: number, outcome: 'whole' | 'partial', facts: MoveFacts): void {
    const { details, graph, leases, passes, records, transitions } = this.#parts;
    if (this.#hasEndedBefore(number, facts.reason)) return;
    const lease = records.liveLease(number);
    leases.end(number, 'done', facts.reason, this.#says(number, outcome === 'whole' ? 'completed' : 'partial'));
    if (facts.result) details.saveResult(number, facts.result);
    transitions.task(number, { status: graph.live.mayEnd(number) ? 'completed' : 'in_progress', outcome });
    const ofSession = this.#isDelivery(number) ? { ...facts, result: this.#deliveredResult(number) } : facts;
    passes.offering(lease, () => transitions.settle(ofSession));
  }

  /**
   * Handles a failure that the agent reports. If the failure is retryable and an attempt is left, another one follows.
   */
  fail(number: number, error: SessionError, result?: MoveFacts['result']): void {
    if (this.#hasEndedBefore(number, error.code)) return;
    this.#parts.leases.end(number, 'done', error.code, this.#says(number, 'failed'));
    if (result) this.#parts.details.saveResult(number, result);
    if (error.retryable) {
      this.#parts.attempts.end(number, { setback: 'attempt_failed', reason: error.code, costsAttempt: true, error });
    } else this.#parts.attempts.failForGood(number, error.code, error, result);
  }

  /**
   * Handles the release of an unfinished task. A refusal costs no attempt, because the agent has not tried. Other
   * releases at no cost are repeated after a pause that grows.
   * @param isRefused whether the agent cannot do this task
   */
  handBack(number: number, why: SessionError, { isRefused = false, costsAttempt = true }): void {
    const { records, leases, reservations } = this.#parts;
    if (this.#hasEndedBefore(number, why.code, why.message)) return;
    const { agent_id, instance_id, agent_name, granted_at, move_asked_at } = records.lease(number)!;
    if (why.code === LET_GO && move_asked_at !== null) return this.#moved(number);
    const refusal = { agent_id, instance_id, agent_name, message: why.message };
    if (isRefused && reservations.refused(number, refusal)) costsAttempt = false;
    const hasFailed = isOwnFault(why.code) ? ({ result: 'failed' } as const) : {};
    leases.end(number, 'done', why.code, { message: why.message, ...hasFailed });
    const attempt = { setback: 'lease_lost', reason: why.code, costsAttempt, error: why } as const;
    this.#parts.attempts.end(number, isRefused ? attempt : { ...attempt, grantedAt: granted_at });
  }

  /** The works with which the task would begin conflict. It waits until that is resolved, or fails. */
  conflict({ task: number, epoch }: LeaseRow, report: ConflictReport): void {
    const { leases, conflicts, attempts, transitions } = this.#parts;
    if (this.#hasEndedBefore(number, CONFLICT)) return;
    leases.end(number, 'done', CONFLICT);
    const failure = conflicts.block(number, epoch, report, transitions.task);
    if (failure) return attempts.failForGood(number, failure.code, failure);
    transitions.settle({ reason: CONFLICT });
  }

  /** Takes the lease from the agent. */
  lose(number: number, reason: string): void {
    const isOver = isFinal(this.#parts.records.task(number)!);
    // Else the agent has not failed: its token has ended, for example.
    const hasFailed = !isOver && isOwnFault(reason);
    this.#parts.leases.end(number, 'lost', reason, hasFailed ? { result: 'failed' } : {});
    if (isOver) return;
    this.#parts.attempts.end(number, { setback: 'lease_lost', reason, costsAttempt: true });
  }

  /** Takes the lease of an epoch from an agent that may not keep it. The agent has not failed. */
  evict(number: number, epoch: number, reason: string): void {
    const { records, leases, attempts } = this.#parts;
    const lease = records.liveLease(number);
    // Only the offer has ended.
    if (!lease) return this.reservationEnded(number, epoch);
    if (lease.epoch !== epoch) return;
    leases.end(number, 'lost', reason);
    if (isFinal(records.task(number)!)) return;
    attempts.end(number, { setback: 'lease_lost', reason, costsAttempt: false, grantedAt: lease.granted_at });
  }

  /**
   * Asks an agent that has too much to do to save a checkpoint and let the task go, if the session allows this now. An
   * agent that does not keeps its lease.
   */
  askToMove(number: number, epoch: number): void {
    const { kit, records, commands } = this.#parts;
    const lease = records.liveLease(number);
    const mayMove = records.spec().allow_rebalance && records.session().intent === 'run';
    if (lease?.epoch !== epoch || lease.move_asked_at !== null || !mayMove || isFinal(records.task(number)!)) return;
    records.updateLease(number, { move_asked_at: kit.store.platform.now() });
    commands.enqueue(number, epoch, { type: 'pause', data: { within_ms: BOUNDARY_MS } });
  }

  // --- Deadlines

  /** Records that the agent was not heard for long. */
  quiet(number: number): void {
    this.#degrade(number, 'quiet', 'agent_quiet');
  }

  /**
   * Takes the lease of a task that has reached its time limit. There is no grace period, because the user chose the
   * limit. The next attempt starts from the last checkpoint.
   */
  timeIsUp(number: number): void {
    const { records, leases, attempts } = this.#parts;
    const { timeout_seconds, status } = records.task(number)!;
    if (!records.liveLease(number) || isFinal({ status }) || timeout_seconds === null) return;
    const message = `The task reached its time limit of ${timeout_seconds} seconds.`;
    const error = { code: TIMED_OUT, message, retryable: true };
    leases.end(number, 'lost', TIMED_OUT, { result: 'failed' });
    attempts.end(number, { setback: 'attempt_failed', reason: TIMED_OUT, costsAttempt: true, error });
  }

  /** The handler of the backoff's deadline: the task asks for its next lease. */
  requeue(number: number): void {
    const { records, transitions } = this.#parts;
    const task = records.task(number);
    if (task?.status !== 'pending') return;
    if (task.aside) return this.askAside(number);
    if (records.session().intent !== 'run') return;
    this.#wait(number);
    transitions.settle({ reason: 'next_attempt' });
  }

  /** The handler of a reservation's deadline. */
  reserveAgain(number: number): void {
    const { records, reservations } = this.#parts;
    if (isAsking(records.task(number))) reservations.ask(number, true);
  }

  /** Reserves under a new epoch, because the registry has ended a reservation that is still wanted. */
  reservationEnded(number: number, epoch: number): void {
    const { records, reservations } = this.#parts;
    const task = records.task(number);
    if (!isAsking(task) || task.epoch !== epoch) return;
    reservations.cancel(number);
    records.updateTask(number, { epoch: epoch + 1 });
    reservations.ask(number);
  }

  // --- Helpers

  /** The first lease binds the session to one repository, in any clone, and to a commit of it. */
  #bindTo({ repository, head_commit = null }: Clone): void {
    const { records } = this.#parts;
    const bound = records.session();
    if (repository !== null && bound.repository === null) records.update({ repository });
    const { base_commit, ref } = records.spec().repository;
    const isOpen = bound.base_commit === null && base_commit === undefined && ref === undefined;
    if (isOpen && head_commit !== null) records.update({ base_commit: head_commit });
  }

  #isDelivery(number: number): boolean {
    return this.#parts.records.task(number)?.kind === 'deliver';
  }

  /** What the end of an assignment says of its agent. A delivery says nothing of how well the agent works. */
  #says(number: number, result: AssignmentResult['status']): { result?: AssignmentResult['status'] } {
    return this.#isDelivery(number) ? {} : { result };
  }

  /** The result of a session that is delivered: what was reported of the work. */
  #deliveredResult(number: number): Record<string, unknown> | undefined {
    const { details, deliveryTasks } = this.#parts;
    return details.result(deliveryTasks.of(number)!.task) ?? undefined;
  }

  /** The agent has let the task go to another one, from its last checkpoint. */
  #moved(number: number): void {
    const { leases, attempts } = this.#parts;
    leases.end(number, 'done', 'rebalanced');
    attempts.end(number, { setback: 'attempt_failed', reason: 'rebalanced', costsAttempt: false });
  }

  /** The task waits until the graph lets it start. */
  #wait(number: number): void {
    this.#parts.transitions.task(number, { status: 'pending', setback: null });
  }

  /**
   * Whether the task had ended before its agent. The agent's report then ends nothing but the lease.
   * @param reason what the agent reports
   */
  #hasEndedBefore(number: number, reason: string, message?: string): boolean {
    const { records, leases } = this.#parts;
    if (!isFinal(records.task(number)!)) return false;
    leases.end(number, 'done', reason, message === undefined ? {} : { message });
    return true;
  }

  #degrade(number: number, by: TaskRow['degraded_by'], reason: string): void {
    const { records, graph, transitions } = this.#parts;
    if (records.task(number)?.degraded_by !== null) return;
    records.updateTask(number, { degraded_by: by });
    graph.note(records.task(number)!);
    transitions.settle({ reason });
  }

  #recover(number: number, reason: string): void {
    const { records, graph, transitions } = this.#parts;
    records.updateTask(number, { degraded_by: null });
    graph.note(records.task(number)!);
    transitions.settle({ reason });
  }
}
