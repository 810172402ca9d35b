import type { Event } from './event-graph.ts';
import type { TaskGraph } from './task-graph.ts';

/**
 * A cycle of tasks, each before the next one; null when there is none. The first task is also the last one.
 *
 * The search goes depth first, and a cycle closes where it meets its own path. In graphology-dag, no function names the
 * cycle, and `willCreateCycle` takes exponential time if many paths lead to an event.
 *
 * @param changed the tasks that were added or changed since the graph had no cycle; by default all. Only what comes
 * after them is looked at.
 * @example
 * findCycle(graph); // [2, 3, 5, 2]
 */
export function findCycle({ events, tasks }: TaskGraph, changed: Iterable<number> = tasks.keys()): number[] | null {
  const seen = new Set<Event>();
  /** From where the search began to where it is. Each event has those next to it that were not tried. */
  const path: { event: Event; untried: Event[] }[] = [];
  const onPath = new Set<Event>();
  const enter = (event: Event) => {
    if (seen.has(event)) return;
    seen.add(event);
    onPath.add(event);
    path.push({ event, untried: events.outNeighbors(event) });
  };
  for (const task of changed) {
    for (const first of [events.startOf(task), events.endOf(task)]) {
      enter(first);
      for (let at = path.at(-1); at; at = path.at(-1)) {
        const next = at.untried.pop();
        if (next === undefined) onPath.delete(path.pop()!.event);
        else if (!onPath.has(next)) enter(next);
        else {
          const around = path.slice(path.findIndex(({ event }) => event === next)).map(({ event }) => event);
          return namedByTasks([...around, next].map((event) => events.taskOf(event)));
        }
      }
    }
  }
  return null;
}

/** The tasks of the events of a cycle. Two events of one task that follow each other are one step. */
function namedByTasks(tasks: readonly number[]): number[] {
  const steps = tasks.filter((task, index) => task !== tasks[index - 1]);
  return steps.length === 1 ? [...steps, ...steps] : steps;
}
