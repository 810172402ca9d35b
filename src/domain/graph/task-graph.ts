import type { DependencyType, TaskPriority } from '../../protocol/common/enums.ts';
import { EventGraph } from './event-graph.ts';

/** That a task waits for another one of its session. */
export interface Dependency {
  /** The number of the task that it waits for. */
  task: number;
  dependency_type: DependencyType;
  /** Whether the task is skipped if the other one cannot do its part. If false, it then goes on without. */
  is_required: boolean;
}

/** That a task starts after another one has ended. */
export function after(task: number, is_required = true): Dependency {
  return { task, dependency_type: 'finish_to_start', is_required };
}

/** The members of a task that make the graph. They change only when somebody edits the graph. */
export interface GraphTask {
  number: number;
  /** The number of the task that this one is a part of. A task with subtasks is not worked on itself. */
  parent: number | null;
  depends_on: readonly Dependency[];
  priority: TaskPriority;
  /** The expected time of work. That of a task with subtasks does not count. */
  hours: number;
}

/** The hours of work that remain of each task. Of an ended task, and of one with subtasks, it is 0. */
export type RemainingHours = (task: number) => number;

/** Whether a dependency of this type delays the start of the task, and not only its end. */
export function delaysStart(type: DependencyType): boolean {
  return type === 'finish_to_start' || type === 'start_to_start';
}

/** Whether a dependency of this type waits for the end of the other task, and not only for its start. */
export function awaitsEnd(type: DependencyType): boolean {
  return type === 'finish_to_start' || type === 'finish_to_finish';
}

/**
 * The tasks of a session, and the order of their starts and ends. With an event for each of both, all four types of
 * dependencies and the subtasks are edges of one kind, so that one cycle or one longest path covers them all.
 *
 * Parents and dependencies that are not among the tasks are left out. Cycles stay as they are, see `findCycle`.
 */
export class TaskGraph {
  readonly events = new EventGraph();
  readonly #tasks = new Map<number, GraphTask>();
  readonly #children = new Map<number, number[]>();

  get tasks(): ReadonlyMap<number, GraphTask> {
    return this.#tasks;
  }

  /** The subtasks of each task that has any. */
  get children(): ReadonlyMap<number, readonly number[]> {
    return this.#children;
  }

  /** Adds tasks, or changes them. The parent of a task does not change. It costs what the changed tasks depend on. */
  put(tasks: readonly GraphTask[]): void {
    const changed = tasks.filter((task) => !isSame(this.#tasks.get(task.number), task));
    const added = changed.filter(({ number }) => !this.#tasks.has(number));
    for (const task of changed) this.#tasks.set(task.number, task);
    for (const { number, parent } of added) {
      this.events.addTask(number);
      if (parent === null || !this.#tasks.has(parent)) continue;
      const siblings = this.#children.get(parent);
      if (siblings) siblings.push(number);
      else this.#children.set(parent, [number]);
    }
    for (const task of changed) this.#connect(task);
  }

  /** Removes tasks, with all that they wait for and that waits for them. */
  remove(numbers: Iterable<number>): void {
    for (const number of numbers) {
      const parent = this.#tasks.get(number)?.parent ?? null;
      if (!this.#tasks.delete(number)) continue;
      this.events.dropTask(number);
      this.#children.delete(number);
      const siblings = parent === null ? undefined : this.#children.get(parent);
      if (!siblings) continue;
      if (siblings.length === 1) this.#children.delete(parent!);
      else siblings.splice(siblings.indexOf(number), 1);
    }
  }

  /** Makes all edges to the events of a task, and the one to its parent's end. */
  #connect({ number, parent, depends_on }: GraphTask): void {
    const { events } = this;
    const [start, end] = [events.startOf(number), events.endOf(number)];
    events.disconnect(start);
    events.disconnect(end);
    events.connect(start, end, 'work');
    if (parent !== null && this.#tasks.has(parent)) {
      events.connect(events.startOf(parent), start, 'subtask');
      events.connect(end, events.endOf(parent), 'subtask');
    }
    for (const subtask of this.#children.get(number) ?? []) events.connect(events.endOf(subtask), end, 'subtask');
    for (const { task, dependency_type, is_required } of depends_on) {
      if (!this.#tasks.has(task)) continue;
      const before = awaitsEnd(dependency_type) ? events.endOf(task) : events.startOf(task);
      events.connect(before, delaysStart(dependency_type) ? start : end, is_required ? 'required' : 'optional');
    }
  }
}

function isSame(one: GraphTask | undefined, other: GraphTask): boolean {
  return one !== undefined && JSON.stringify(one) === JSON.stringify(other);
}

/** Builds the graph of these tasks. */
export function buildGraph(tasks: Iterable<GraphTask>): TaskGraph {
  const graph = new TaskGraph();
  graph.put([...tasks]);
  return graph;
}
