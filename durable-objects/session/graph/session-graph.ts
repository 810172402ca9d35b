import { findCycle } from '../../../src/domain/graph/cycle.ts';
import { UNESTIMATED_HOURS } from '../../../src/domain/graph/estimate.ts';
import { LiveGraph } from '../../../src/domain/graph/live-graph.ts';
import { familyOf } from '../../../src/domain/graph/reach.ts';
import { buildGraph, type GraphTask, type TaskGraph } from '../../../src/domain/graph/task-graph.ts';
import { isWorkedOn } from '../../../src/domain/session/session-status.ts';
import { TaskCounts } from '../../../src/domain/session/task-counts.ts';
import type { Transaction } from '../../kit/storage/store.ts';
import type { SessionParts } from '../parts.ts';
import { dependenciesOf, type TaskRow } from '../rows.ts';

type Needs = Pick<SessionParts, 'kit' | 'records'>;

/**
 * The graph of the session's tasks in memory. It is built from the rows when it is first needed, and after a failed
 * transaction. An edit changes it where it is; what is ready is then found again.
 */
export class SessionGraph {
  readonly #parts: Needs;
  #tasks: TaskGraph | null = null;
  #live: LiveGraph | null = null;
  /** The session's own tasks that ask for an agent or have one. */
  readonly #busy = new Set<number>();
  #counts = new TaskCounts();
  /** The last transaction that has built or changed the graph. */
  #changedBy: Transaction | null = null;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  get tasks(): TaskGraph {
    this.#forgetIfUndone();
    if (!this.#tasks) {
      this.#tasks = buildGraph(this.#parts.records.tasks().map(graphTask));
      // The rows may have been changed by the transaction that is under way, and be undone with it.
      this.#changedBy = this.#parts.kit.store.transaction;
    }
    return this.#tasks;
  }

  get live(): LiveGraph {
    const { tasks } = this;
    if (!this.#live || this.#live.isStale) this.#begin(tasks);
    return this.#live!;
  }

  /** How many of the session's own tasks ask for an agent or have one. */
  get busy(): number {
    void this.live;
    return this.#busy.size;
  }

  /** How far the tasks are that are worked on: those without subtasks. */
  get counts(): TaskCounts {
    void this.live;
    return this.#counts;
  }

  /** The tasks that ask the registry for an agent, those that have asked first before the others. */
  get asking(): TaskRow[] {
    void this.live;
    const rows = [...this.#busy].map((number) => this.#parts.records.task(number)!);
    const asking = rows.filter(({ status }) => status === 'ready');
    return asking.sort((one, other) => one.reserved_at! - other.reserved_at! || one.number - other.number);
  }

  /** Adds tasks to the graph, or changes them. Call this with the rows that a transaction stores. */
  put(rows: readonly GraphColumns[]): void {
    this.#edit((tasks) => tasks.put(rows.map(graphTask)));
  }

  /** Removes tasks. Call this with those whose rows a transaction removes. */
  remove(numbers: readonly number[]): void {
    this.#edit((tasks) => tasks.remove(numbers));
  }

  /**
   * Adds tasks to the graph, or changes them, if they then do not wait for each other. Store their rows in the same
   * transaction, or `forget` the graph.
   * @returns the cycle that they would close; null if the graph has them now
   */
  tryPut(rows: readonly GraphColumns[]): number[] | null {
    const { tasks } = this;
    this.put(rows);
    const numbers = rows.map(({ number }) => number);
    const cycle = findCycle(tasks, numbers);
    if (cycle) this.forget();
    return cycle;
  }

  /** Discards the graph. The next use builds another one. */
  forget(): void {
    this.#tasks = null;
    this.#live = null;
    this.#changedBy = null;
  }

  /** Call this before tasks are taken from the live graph, in the transaction that gives them an agent. */
  willChange(): void {
    this.#forgetIfUndone();
    this.#changedBy = this.#parts.kit.store.currentTransaction;
  }

  /** Call this after each change of a task's row on which others or the session depend, in the same transaction. */
  note(task: TaskRow): void {
    this.willChange();
    if (!this.#live) return;
    this.#live.note(task.number, task);
    this.#count(task);
  }

  /** Whether the task has subtasks, and is not worked on itself. */
  isParent(task: number): boolean {
    return this.tasks.children.has(task);
  }

  /** The tasks that are worked on: those without subtasks. Tasks beside the session's own work are not among them. */
  leaves(): TaskRow[] {
    const { children } = this.tasks;
    return this.#parts.records.tasks().filter(({ number, aside }) => !aside && !children.has(number));
  }

  /** A task and all that are part of it. */
  family(task: number): TaskRow[] {
    return familyOf(this.tasks, task).map((number) => this.#parts.records.task(number)!);
  }

  /** The completed leaf tasks on which the task or an ancestor depends directly. */
  doneBefore(task: number): number[] {
    const { tasks, children } = this.tasks;
    const found = new Set<number>();
    const add = (number: number) => {
      for (const subtask of children.get(number) ?? []) add(subtask);
      const isDone = this.#parts.records.task(number)?.status === 'completed';
      if (isDone && !children.has(number)) found.add(number);
    };
    for (let at: number | null = task; at !== null; at = tasks.get(at)?.parent ?? null) {
      for (const dependency of tasks.get(at)?.depends_on ?? []) add(dependency.task);
    }
    return [...found];
  }

  #forgetIfUndone(): void {
    if (this.#changedBy?.outcome === 'failed') this.forget();
  }

  /** Changes the graph if it is in memory. */
  #edit(change: (tasks: TaskGraph) => void): void {
    if (!this.#tasks) return;
    change(this.tasks);
    this.#live = null;
    this.#changedBy = this.#parts.kit.store.currentTransaction;
  }

  #begin(tasks: TaskGraph): void {
    const { records } = this.#parts;
    this.#live = new LiveGraph(tasks, (task) => records.task(task)!);
    this.#busy.clear();
    this.#counts = new TaskCounts();
    for (const task of tasks.tasks.keys()) this.#count(records.task(task)!);
  }

  #count(row: TaskRow): void {
    // What is beside the session's own work counts for nothing of it.
    if (row.aside || this.isParent(row.number)) return;
    this.#counts.put(row.number, row);
    const asks = row.status === 'ready' && row.reserved_at !== null;
    if (asks || isWorkedOn(row)) this.#busy.add(row.number);
    else this.#busy.delete(row.number);
  }
}

type GraphColumns = Pick<TaskRow, 'number' | 'parent' | 'depends_on' | 'priority' | 'hours'>;

/** The members of a row that make the graph. */
export function graphTask({ number, parent, depends_on, priority, hours }: GraphColumns): GraphTask {
  return { number, parent, depends_on: dependenciesOf({ depends_on }), priority, hours: hours ?? UNESTIMATED_HOURS };
}
