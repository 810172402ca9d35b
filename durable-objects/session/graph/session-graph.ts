import { UNESTIMATED_HOURS } from '../../../src/domain/graph/estimate.ts';
import { LiveGraph } from '../../../src/domain/graph/live-graph.ts';
import { familyOf } from '../../../src/domain/graph/reach.ts';
import { buildGraph, type Dependency, type GraphTask } from '../../../src/domain/graph/task-graph.ts';
import { isWorkedOn } from '../../../src/domain/session/session-status.ts';
import type { Transaction } from '../../kit/storage/store.ts';
import type { SessionParts } from '../parts.ts';
import type { TaskRow } from '../records.ts';

type Needs = Pick<SessionParts, 'kit' | 'records'>;

/**
 * The graph of the session's tasks in memory. It is built from the rows when it is first needed, after each edit of the
 * graph, and after a failed transaction.
 */
export class SessionGraph {
  readonly #parts: Needs;
  #live: LiveGraph | null = null;
  /** The tasks that ask for an agent or have one. */
  readonly #busy = new Set<number>();
  /** The last transaction that has changed the graph. */
  #changedBy: Transaction | null = null;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  get live(): LiveGraph {
    if (this.#changedBy?.outcome === 'failed') this.forget();
    if (this.#live?.isStale) this.#live = null;
    if (!this.#live) this.#build();
    return this.#live!;
  }

  /** How many tasks ask for an agent or have one. */
  get busy(): number {
    void this.live;
    return this.#busy.size;
  }

  /** The tasks that ask the registry for an agent, those that have asked first before the others. */
  get asking(): TaskRow[] {
    void this.live;
    const rows = [...this.#busy].map((number) => this.#parts.records.task(number)!);
    const asking = rows.filter(({ status }) => status === 'ready');
    return asking.sort((one, other) => one.reserved_at! - other.reserved_at! || one.number - other.number);
  }

  /** Discards the graph. The next use builds another one. Call this after an edit of the tasks. */
  forget(): void {
    this.#live = null;
    this.#changedBy = null;
  }

  /** Call this after each change of a task's row, in the same transaction. */
  note(task: TaskRow): void {
    if (!this.#live) return;
    this.#changedBy = this.#parts.kit.store.beforeCommit(NOTHING);
    this.#live.note(task.number, task);
    this.#count(task);
  }

  /** Whether the task has subtasks, and is not worked on itself. */
  isParent(task: number): boolean {
    return this.live.isParent(task);
  }

  /** The tasks that are worked on: those without subtasks. */
  leaves(): TaskRow[] {
    const { live } = this;
    return this.#parts.records.tasks().filter(({ number }) => !live.isParent(number));
  }

  /** A task and all that are part of it. */
  family(task: number): TaskRow[] {
    return familyOf(this.live.graph, task).map((number) => this.#parts.records.task(number)!);
  }

  /** The completed tasks after which a task or one that it is a part of comes, each with its subtasks instead of it. */
  doneBefore(task: number): number[] {
    const { tasks, children } = this.live.graph;
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

  #build(): void {
    const { records } = this.#parts;
    const rows = records.tasks();
    this.#live = new LiveGraph(buildGraph(rows.map(graphTask)), (task) => records.task(task)!);
    this.#busy.clear();
    for (const row of rows) this.#count(row);
  }

  #count(row: TaskRow): void {
    const asks = row.status === 'ready' && row.reserved_at !== null;
    const hasAgent = isWorkedOn(row) && !this.#live!.isParent(row.number);
    if (asks || hasAgent) this.#busy.add(row.number);
    else this.#busy.delete(row.number);
  }
}

const NOTHING = () => {};

type GraphColumns = Pick<TaskRow, 'number' | 'parent' | 'depends_on' | 'priority' | 'hours'>;

/** The members of a row that make the graph. */
export function graphTask({ number, parent, depends_on, priority, hours }: GraphColumns): GraphTask {
  return { number, parent, depends_on: dependenciesOf({ depends_on }), priority, hours: hours ?? UNESTIMATED_HOURS };
}

export function dependenciesOf({ depends_on }: Pick<TaskRow, 'depends_on'>): Dependency[] {
  return depends_on === '[]' ? [] : JSON.parse(depends_on);
}
