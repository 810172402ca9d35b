import type { Event } from './event-graph.ts';
import { LongestWays } from './longest-ways.ts';
import type { Left, TaskGraph } from './task-graph.ts';

/** The longest ways through a graph, in the unit of `Left`. */
export interface Timing {
  /** The longest way to each event: when it can happen at the earliest. */
  earliest: LongestWays;
  /** The longest way from each event to the end of the whole. */
  tail: LongestWays;
  /** The longest way of all. */
  total: number;
}

/** Finds the longest ways of an acyclic graph: the forward and the backward pass of the critical path method. */
export function timingOf({ events, tasks }: TaskGraph, left: Left): Timing {
  const earliest = new LongestWays(events, left, 'before');
  const tail = new LongestWays(events, left, 'after');
  let total = 0;
  for (const task of tasks.keys()) total = Math.max(total, tail.of(events.startOf(task)));
  return { earliest, tail, total };
}

/** How much later a task's work can begin, or how much longer it can take, without a later end of the whole. */
export function slackOf({ events }: TaskGraph, { earliest, tail, total }: Timing, task: number, left: Left): number {
  return Math.max(0, total - earliest.of(events.startOf(task)) - left(task) - tail.of(events.endOf(task)));
}

/** Rounding errors of sums do not take a task off the critical path. */
const NOTHING = 1e-9;

/**
 * The tasks on the longest way through the graph, first to last. Measured in hours, it is what the whole takes with
 * enough agents. With 1 for each task, it is the longest chain, which is often another one.
 */
export function criticalPath({ events, tasks }: TaskGraph, { tail, total }: Timing, left: Left): number[] {
  const path: number[] = [];
  const starts = [...tasks.keys()].map((task) => events.startOf(task));
  let event: Event | undefined = total > 0 ? starts.find((start) => tail.of(start) === total) : undefined;
  while (event !== undefined) {
    const task = events.taskOf(event);
    const length = tail.of(event);
    let next: Event | undefined;
    let isWork = false;
    events.forEachAfter(event, (after, kind) => {
      const weight = kind === 'work' ? left(task) : 0;
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
  const before = new LongestWays(events, (task) => (children.has(task) ? 0 : 1), 'before');
  return new Map([...tasks.keys()].map((task) => [task, before.of(events.startOf(task))]));
}
