import type { Event, EventGraph } from './event-graph.ts';
import type { TaskGraph } from './task-graph.ts';

/** The tasks of which a task is a part, the nearest first. */
export function ancestorsOf({ tasks }: Pick<TaskGraph, 'tasks'>, task: number): number[] {
  const found: number[] = [];
  for (let at = tasks.get(task)?.parent ?? null; at !== null; at = tasks.get(at)?.parent ?? null) found.push(at);
  return found;
}

/** A task with its subtasks, and theirs. */
export function familyOf({ children }: Pick<TaskGraph, 'children'>, task: number): number[] {
  const found = [task];
  for (const member of found) found.push(...(children.get(member) ?? []));
  return found;
}

/** The tasks that come after the end of a task, through any number of others. Those that it is a part of do not count. */
export function tasksAfter(graph: TaskGraph, task: number): number[] {
  return named(graph, task, reached(graph.events, graph.events.endOf(task), 'after'));
}

/**
 * The tasks without subtasks whose ends must come before the start of a task. Unlike those that only start before it,
 * they have all ended when it starts, whatever the order in which tasks are done.
 */
export function tasksEndedBefore({ events, children }: TaskGraph, task: number): number[] {
  const ends = [...reached(events, events.startOf(task), 'before')].filter((event) => !events.isStart(event));
  const found = ends.map((event) => events.taskOf(event)).filter((before) => !children.has(before));
  return found.sort((a, b) => a - b);
}

/** The tasks that come before the start of a task, through any number of others. Those that it is a part of do not count. */
export function tasksBefore(graph: TaskGraph, task: number): number[] {
  return named(graph, task, reached(graph.events, graph.events.startOf(task), 'before'));
}

/**
 * An event, and all that come before or after it, the next ones first. The walks of graphology-traversal take memory for
 * all events of the graph, also if they reach few.
 */
function reached(events: EventGraph, from: Event, side: 'before' | 'after'): Set<Event> {
  const seen = new Set([from]);
  const add = (event: Event) => void seen.add(event);
  for (const event of seen) {
    if (side === 'after') events.forEachAfter(event, add);
    else events.forEachBefore(event, add);
  }
  return seen;
}

function named(graph: TaskGraph, task: number, events: ReadonlySet<Event>): number[] {
  const found = new Set([...events].map((event) => graph.events.taskOf(event)));
  for (const own of [task, ...ancestorsOf(graph, task)]) found.delete(own);
  return [...found].sort((a, b) => a - b);
}
