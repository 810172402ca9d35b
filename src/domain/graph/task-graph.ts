import type { DependencyType, TaskPriority } from '../../protocol/common/enums.ts';
import { type EdgeKind, EventTable } from './event-table.ts';

/** That a task waits for another one of its session. */
export interface Dependency {
  /** The number of the task that it waits for. */
  task: number;
  dependency_type: DependencyType;
  /** Whether the task is skipped if the other one cannot do its part. If false, it then goes on without. */
  is_required: boolean;
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

/**
 * The tasks of a session, and the order of their starts and ends. With an event for each of both, all four types of
 * dependencies and the subtasks are edges of one kind, so that one cycle or one longest way covers them all.
 */
export interface TaskGraph {
  tasks: ReadonlyMap<number, GraphTask>;
  /** The subtasks of each task that has any. */
  children: ReadonlyMap<number, readonly number[]>;
  events: EventTable;
}

/** The time of work that is left of each task. Of an ended task, and of one with subtasks, it is 0. */
export type Left = (task: number) => number;

/** Whether a dependency of this type delays the start of the task, and not only its end. */
export function delaysStart(type: DependencyType): boolean {
  return type === 'finish_to_start' || type === 'start_to_start';
}

/** Whether a dependency of this type waits for the end of the other task, and not only for its start. */
export function awaitsEnd(type: DependencyType): boolean {
  return type === 'finish_to_start' || type === 'finish_to_finish';
}

/** Builds the graph. Parents and dependencies that are not among the tasks are left out; cycles are built as they are. */
export function buildGraph(list: Iterable<GraphTask>): TaskGraph {
  const tasks = new Map([...list].map((task) => [task.number, task] as const));
  const children = new Map<number, number[]>();
  const events = new EventTable([...tasks.keys()], (connect) => {
    for (const { number, parent, depends_on } of tasks.values()) {
      if (parent !== null && tasks.has(parent)) {
        const siblings = children.get(parent);
        if (siblings) siblings.push(number);
        else children.set(parent, [number]);
        connect(EventTable.start(parent), EventTable.start(number), 'subtask');
        connect(EventTable.end(number), EventTable.end(parent), 'subtask');
      }
      for (const { task, dependency_type, is_required } of depends_on) {
        const kind: EdgeKind = is_required ? 'required' : 'optional';
        const before = awaitsEnd(dependency_type) ? EventTable.end(task) : EventTable.start(task);
        const after = delaysStart(dependency_type) ? EventTable.start(number) : EventTable.end(number);
        if (tasks.has(task)) connect(before, after, kind);
      }
    }
  });
  return { tasks, children, events };
}

/**
 * A cycle of tasks, each before the next one; null when there is none. The first task is also the last one.
 *
 * @example
 * findCycle(graph); // [2, 3, 5, 2]
 */
export function findCycle({ events }: Pick<TaskGraph, 'events'>): number[] | null {
  const around = events.cycle();
  if (around === null) return null;
  const tasks = around.map((event) => events.taskOf(event));
  const path = tasks.filter((task, index) => task !== tasks[index - 1]);
  return path.length === 1 ? [...path, ...path] : path;
}
