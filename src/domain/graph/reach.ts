import { awaitsEnd, delaysStart, type TaskGraph } from './task-graph.ts';

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
  const { events } = graph;
  const seen = new Set([events.endOf(task)]);
  for (const event of seen) events.forEachAfter(event, (after) => seen.add(after));
  return named(graph, task, seen);
}

/**
 * The tasks without subtasks whose ends must come before the start of a task. Unlike those that only start before it,
 * they have all ended when it starts, whatever the order in which tasks are done.
 */
export function tasksEndedBefore({ tasks, children }: Pick<TaskGraph, 'tasks' | 'children'>, task: number): number[] {
  const starts = new Set<number>();
  const ends = new Set<number>();
  const left: { of: number; isEnd: boolean }[] = [];
  const comesBefore = (of: number, isEnd: boolean) => {
    const known = isEnd ? ends : starts;
    if (!tasks.has(of) || known.has(of)) return;
    known.add(of);
    left.push({ of, isEnd });
  };
  comesBefore(task, false);
  for (let event = left.pop(); event; event = left.pop()) {
    const { parent, depends_on } = tasks.get(event.of)!;
    if (event.isEnd) {
      comesBefore(event.of, false);
      for (const subtask of children.get(event.of) ?? []) comesBefore(subtask, true);
    } else if (parent !== null) comesBefore(parent, false);
    for (const { task: other, dependency_type } of depends_on) {
      if (delaysStart(dependency_type) !== event.isEnd) comesBefore(other, awaitsEnd(dependency_type));
    }
  }
  return [...ends].filter((number) => !children.has(number)).sort((a, b) => a - b);
}

/** The tasks that come before the start of a task, through any number of others. Those that it is a part of do not count. */
export function tasksBefore(graph: TaskGraph, task: number): number[] {
  const { events } = graph;
  const before = Array.from({ length: events.size }, (): number[] => []);
  for (let event = 0; event < events.size; event++) {
    events.forEachAfter(event, (after) => before[after]!.push(event));
  }
  const seen = new Set([events.startOf(task)]);
  for (const event of seen) for (const earlier of before[event]!) seen.add(earlier);
  return named(graph, task, seen);
}

function named(graph: TaskGraph, task: number, events: ReadonlySet<number>): number[] {
  const found = new Set([...events].map((event) => graph.events.taskOf(event)));
  for (const own of [task, ...ancestorsOf(graph, task)]) found.delete(own);
  return [...found].sort((a, b) => a - b);
}
