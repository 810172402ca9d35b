import type { Left, TaskGraph } from './task-graph.ts';

/** The longest ways through a graph, in the unit of `Left`. The arrays have an entry for each event. */
export interface Timing {
  /** The longest way from a source to each event: when it can happen at the earliest. */
  earliest: Float64Array;
  /** The longest way from each event to a sink. */
  tail: Float64Array;
  /** The longest way of all. */
  total: number;
}

/** Finds the longest ways of an acyclic graph: the forward and the backward pass of the critical path method. */
export function timingOf({ events }: TaskGraph, left: Left): Timing {
  const order = events.order();
  const earliest = new Float64Array(events.size);
  const tail = new Float64Array(events.size);
  let total = 0;
  for (const event of order) {
    events.forEachAfter(event, (after, kind) => {
      const at = earliest[event]! + (kind === 'work' ? left(events.taskOf(event)) : 0);
      if (at > earliest[after]!) earliest[after] = at;
    });
  }
  for (let at = order.length - 1; at >= 0; at--) {
    const event = order[at]!;
    events.forEachAfter(event, (after, kind) => {
      const rest = tail[after]! + (kind === 'work' ? left(events.taskOf(event)) : 0);
      if (rest > tail[event]!) tail[event] = rest;
    });
    total = Math.max(total, tail[event]!);
  }
  return { earliest, tail, total };
}

/** How much later a task's work can begin, or how much longer it can take, without a later end of the whole. */
export function slackOf({ events }: TaskGraph, { earliest, tail, total }: Timing, task: number, left: Left): number {
  return Math.max(0, total - earliest[events.startOf(task)]! - left(task) - tail[events.endOf(task)]!);
}

/** Rounding errors of sums do not take a task off the critical path. */
const NOTHING = 1e-9;

/**
 * The tasks on the longest way through the graph, first to last. Measured in hours, it is what the whole takes with
 * enough agents. With 1 for each task, it is the longest chain, which is often another one.
 */
export function criticalPath({ events }: TaskGraph, { tail, total }: Timing, left: Left): number[] {
  const path: number[] = [];
  let event = total > 0 ? tail.indexOf(total) : -1;
  while (event >= 0) {
    let next = -1;
    let isWork = false;
    events.forEachAfter(event, (after, kind) => {
      const weight = kind === 'work' ? left(events.taskOf(event)) : 0;
      if (next >= 0 || Math.abs(tail[after]! + weight - tail[event]!) > NOTHING) return;
      next = after;
      isWork = weight > 0;
    });
    if (isWork) path.push(events.taskOf(event));
    event = next;
  }
  return path;
}

/** The level of each task: how many tasks must be worked on one after the other before it can start. */
export function levelsOf(graph: TaskGraph): Map<number, number> {
  const { earliest } = timingOf(graph, (task) => (graph.children.has(task) ? 0 : 1));
  return new Map([...graph.tasks.keys()].map((task) => [task, earliest[graph.events.startOf(task)]!]));
}
