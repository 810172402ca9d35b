import type { EdgeKind, Event, EventGraph } from './event-graph.ts';
import type { RemainingHours } from './task-graph.ts';

/**
 * The longest paths of an acyclic graph, in hours. Each is found when it is asked for. These are the passes of the
 * critical path method, from the first events to each (`before`) or from each to the last ones (`after`).
 */
export class LongestPaths {
  readonly #events: EventGraph;
  readonly #remaining: RemainingHours;
  readonly #side: 'before' | 'after';
  readonly #known = new Map<Event, number>();
  /** The events whose paths are being found. */
  readonly #opened = new Set<Event>();

  constructor(events: EventGraph, remaining: RemainingHours, side: 'before' | 'after') {
    this.#events = events;
    this.#remaining = remaining;
    this.#side = side;
  }

  /**
   * The length of the longest path on this side of an event.
   * @throws if the graph has a cycle there
   */
  of(event: Event): number {
    const wanted = [event];
    for (let at = wanted.at(-1); at !== undefined; at = wanted.at(-1)) {
      if (this.#known.has(at)) wanted.pop();
      else this.#find(at, wanted);
    }
    return this.#known.get(event)!;
  }

  /** Finds the path of an event if those next to it are known. Otherwise these are wanted first. */
  #find(event: Event, wanted: Event[]): void {
    const stillWanted = wanted.length;
    let longest = 0;
    this.#forEachNext(event, (next, kind) => {
      const rest = this.#known.get(next);
      if (rest === undefined) wanted.push(next);
      else longest = Math.max(longest, rest + (kind === 'work' ? this.#remaining(this.#events.taskOf(event)) : 0));
    });
    if (wanted.length === stillWanted) this.#known.set(event, longest);
    else if (this.#opened.has(event)) throw new Error(`the graph has a cycle at task ${this.#events.taskOf(event)}`);
    this.#opened.add(event);
  }

  #forEachNext(event: Event, visit: (next: Event, kind: EdgeKind) => void): void {
    if (this.#side === 'after') this.#events.forEachAfter(event, visit);
    else this.#events.forEachBefore(event, visit);
  }
}
