import type { Event } from './event-graph.ts';
import { LongestPaths } from './longest-paths.ts';
import type { RemainingHours, TaskGraph } from './task-graph.ts';

/** The longest paths through a graph, in hours. */
export interface Timing {
  /** The longest path to each event: when it can happen at the earliest. */
  earliest: LongestPaths;
  /** The longest path from each event to the end of the whole. */
  tail: LongestPaths;
  /** The longest path of all. */
  total: number;
}

/** Finds the longest paths of an acyclic graph: the forward and the backward pass of the critical path method. */
export function timingOf({ events, tasks }: TaskGraph, remaining: RemainingHours): Timing {
  const earliest = new LongestPaths(events, remaining, 'before');
  const tail = new LongestPaths(events, remaining, 'after');
  let total = 0;
  for (const task of tasks.keys()) total = Math.max(total, tail.of(events.startOf(task)));
  return { earliest, tail, total };
}

/** How much later a task's work can begin, or how much longer it can take, without a later end of the whole. */
export function slackOf(
  { events }: TaskGraph,
  { earliest, tail, total }: Timing,
  task: number,
  remaining: RemainingHours,
): number {
  return Math.max(0, total - earliest.of(events.startOf(task)) - remaining(task) - tail.of(events.endOf(task)));
}

/** Rounding errors of sums do not take a task off the critical path. */
const NOTHING = 1e-9;

/**
 * The tasks on the longest path through the graph, first to last. Measured in hours, it is what the whole takes with
 * enough agents. With 1 for each task, it is the longest chain, which is often another one.
 */
export function criticalPath(
  { events, tasks }: TaskGraph,
  { tail, total }: Timing,
  remaining: RemainingHours,
): number[] {
  const path: number[] = [];
  const starts = [...tasks.keys()].map((task) => events.startOf(task));
  let event: Event | undefined = total > 0 ? starts.find((start) => tail.of(start) === total) : undefined;
  while (event !== undefined) {
    const task = events.taskOf(event);
    const length = tail.of(event);
    let next: Event | undefined;
    let isWork = false;
    events.forEachAfter(event, (after, kind) => {
      const weight = kind === 'work' ? remaining(task) : 0;
      if (next !== undefined || Math.abs(tail.of(after) + weight - length) > NOTHING) return;
      next = after;
      isWork = weight > 0;
    });
    if (isWork) path.push(task);
    event = next;
  }
  return path;
}

/** The level of each task: how many tasks must be worked on one after the other before it can start. */
export function levelsOf({ events, tasks, children }: TaskGraph): Map<number, number> {
  const before = new LongestPaths(events, (task) => (children.has(task) ? 0 : 1), 'before');
  return new Map([...tasks.keys()].map((task) => [task, before.of(events.startOf(task))]));
}
