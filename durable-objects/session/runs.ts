import { type Intent, isHeld, isToDo, taskStatusUnder } from '../../src/domain/session/session-status.ts';
import { isFinal } from '../../src/domain/task-status.ts';
import { BOUNDARY_MS, DEADLINE } from './config.ts';
import type { SessionParts } from './parts.ts';
import type { LeaseRow, TaskRow } from './rows.ts';
import { startAgain } from './start-again.ts';
import type { MoveFacts } from './transitions.ts';

export const TOO_LATE = 'agent_did_not_stop_in_time';

type Needs = Pick<
  SessionParts,
  'kit' | 'records' | 'details' | 'graph' | 'commands' | 'checkpoints' | 'leases' | 'transitions'
>;

/**
 * What people, and the session's time limit, want for all tasks together. Each sets an intent, and the session's status
 * follows from the tasks.
 */
export class Runs {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /**
   * Begins a run with a new clock, no result and no used attempts.
   * @param isIncluded which tasks without subtasks start again; by default, all that still have to be done
   */
  begin(by: string, isIncluded: (task: TaskRow) => boolean = isToDo): void {
    const { kit, records, graph, transitions } = this.#parts;
    // A turn that is cut off with its lease counts as usage of the run before.
    this.#endRunBefore();
    const { run, usage } = records.session();
    records.update({
      run: run + 1,
      usage_before_run: usage,
      started_at: null,
      ended_at: null,
      active_ms: 0,
      share_done: 0,
    });
    kit.deadlines.clear(DEADLINE.retire);
    transitions.intend('run');
    transitions.begin({ reason: `by ${by}` });
    this.beginAnew(graph.leaves().filter((task) => !isHeld(task) && task.status !== 'blocked' && isIncluded(task)));
    transitions.settle({ reason: `by ${by}` });
  }

  /** Lets every unfinished task go on. */
  resume(by: string): void {
    const { graph, transitions } = this.#parts;
    transitions.intend('run');
    for (const task of graph.leaves()) {
      if (task.status === 'paused') transitions.task(task.number, { status: 'pending', setback: null });
    }
    transitions.settle({ reason: `by ${by}` });
  }

  /** Takes the leases of the run before, whose agents may still be sending their last checkpoints. */
  #endRunBefore(): void {
    const { leases } = this.#parts;
    for (const { task } of this.#ownLeases()) leases.end(task, 'lost', 'new_run');
  }

  /**
   * Sets the start of a new run: `last`, `fresh`, or a checkpoint's number, which concerns only the task of that
   * checkpoint.
   * @returns why the start is invalid, or null
   */
  restoreFrom(from: 'last' | 'fresh' | number): string | null {
    const { records, checkpoints } = this.#parts;
    const owner = typeof from === 'number' ? checkpoints.taskOf(from) : null;
    if (owner === undefined) return `There is no checkpoint ${from}; the newest is ${checkpoints.lastNumber()}.`;
    for (const { number } of records.tasks()) {
      const restore = owner === null || owner === number ? String(from) : 'last';
      records.updateTask(number, { restore });
    }
    return null;
  }

  /**
   * Pauses or stops the session. Working agents are asked to finish their step, and the session follows when the last
   * one has released its lease. Waiting tasks are held at once.
   */
  hold(intent: 'pause' | 'stop', by: string, reason: string): void {
    const { records, commands, transitions } = this.#parts;
    const leases = this.#ownLeases();
    if (leases.length > 0 && records.session().intent === intent) return;
    transitions.intend(intent);
    const isIdle = (task: TaskRow) =>
      isHeld(task) || task.status === 'blocked' || (task.status === 'pending' && task.setback === null);
    for (const number of this.#unfinished()) {
      const hasAgent = leases.some(({ task }) => task === number);
      if (!hasAgent && !isIdle(records.task(number)!)) this.#withdraw(number, intent, intent);
    }
    if (leases.length > 0) transitions.request(intent, by);
    for (const { task, epoch } of leases) {
      commands.enqueue(task, epoch, { type: intent, data: { within_ms: BOUNDARY_MS } });
    }
    transitions.settle({ reason });
  }

  /** Lets a pause or stop take effect without agents that did not finish in time. */
  holdWithout(late: readonly LeaseRow[], intent: 'pause' | 'stop'): void {
    const { records, leases, transitions } = this.#parts;
    for (const { task } of late) {
      // Only its last checkpoint was missing.
      if (isFinal(records.task(task)!)) leases.end(task, 'lost', TOO_LATE);
      else this.#withdraw(task, intent, intent);
    }
    transitions.settle({ reason: TOO_LATE });
  }

  /**
   * Ends every unfinished task at once. An agent at work stops, and keeps its lease until it has sent its last checkpoint.
   * @param reason why the agents stop
   */
  close(intent: 'cancel' | 'complete' | 'fail' | 'time_out', reason: string, facts: MoveFacts): void {
    const { leases, transitions } = this.#parts;
    transitions.intend(intent);
    for (const number of this.#unfinished()) {
      leases.stop(number, reason);
      this.#setEnded(number, intent);
    }
    transitions.settle(facts);
  }

  /** Ends everything at once, because the session is deleted: nothing of its work is kept. */
  remove(hasEnded: boolean, facts: MoveFacts): void {
    const { records, leases, transitions } = this.#parts;
    for (const { number } of this.#aside()) if (!isFinal(records.task(number)!)) leases.end(number, 'lost', 'deleted');
    for (const { task } of records.liveLeases()) leases.end(task, 'lost', 'deleted');
    if (hasEnded) return;
    transitions.intend('cancel');
    for (const number of this.#unfinished()) this.#withdraw(number, 'cancel', 'deleted');
    transitions.settle(facts);
  }

  /** Asks the working agents for a checkpoint. @returns whether any agent is working */
  requestCheckpoint(): boolean {
    const { commands } = this.#parts;
    const leases = this.#ownLeases();
    for (const { task, epoch } of leases) commands.enqueueOnce(task, epoch, { type: 'checkpoint', data: {} });
    return leases.length > 0;
  }

  /** Starts tasks again, and the tasks of which they are a part. */
  beginAnew(tasks: readonly TaskRow[]): void {
    const { records, transitions, graph } = this.#parts;
    const numbers = tasks.map(({ number }) => number);
    startAgain(this.#parts, numbers, transitions.task);
    for (const { parent } of tasks) {
      for (let at = parent; at !== null; at = records.task(at)!.parent) {
        if (isFinal(records.task(at)!)) startAgain(this.#parts, [at], transitions.task);
      }
    }
    graph.forget();
  }

  /** The leases of the session's own tasks. */
  #ownLeases(): LeaseRow[] {
    const { records } = this.#parts;
    return records.liveLeases().filter(({ task }) => !records.task(task)!.aside);
  }

  #aside(): TaskRow[] {
    return this.#parts.records.tasks().filter(({ aside }) => aside);
  }

  /** The unfinished tasks, one after the other. The end of one may end others. */
  *#unfinished(): Generator<number> {
    const { records, graph } = this.#parts;
    for (const { number } of graph.leaves()) if (!isFinal(records.task(number)!)) yield number;
  }

  /** Ends the task's lease, reservation or backoff. */
  #withdraw(number: number, intent: Intent, reason: string): void {
    this.#parts.leases.end(number, 'lost', reason);
    this.#setEnded(number, intent);
  }

  #setEnded(number: number, intent: Intent): void {
    const status = taskStatusUnder(intent);
    if (status === null) throw new Error(`no task is withdrawn to '${intent}'`);
    this.#parts.transitions.task(number, {
      status,
      setback: null,
      degraded_by: null,
      outcome: status === 'completed' ? 'whole' : null,
    });
  }
}
