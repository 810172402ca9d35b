import type { EdgeKind, Event, EventGraph } from './event-graph.ts';
import type { Left } from './task-graph.ts';

/**
 * The longest ways of an acyclic graph, in the unit of `Left`, each found when it is asked for: the passes of the
 * critical path method, from the first events to each (`before`) or from each to the last ones (`after`).
 */
export class LongestWays {
  readonly #events: EventGraph;
  readonly #left: Left;
  readonly #side: 'before' | 'after';
  readonly #known = new Map<Event, number>();
  /** The events whose ways are being found. */
  readonly #opened = new Set<Event>();

  constructor(events: EventGraph, left: Left, side: 'before' | 'after') {
    this.#events = events;
    this.#left = left;
    this.#side = side;
  }

  /**
   * The length of the longest way on this side of an event.
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

  /** Finds the way of an event if those next to it are known. Otherwise these are wanted first. */
  #find(event: Event, wanted: Event[]): void {
    const stillWanted = wanted.length;
    let longest = 0;
    this.#forEachNext(event, (next, kind) => {
      const rest = this.#known.get(next);
      if (rest === undefined) wanted.push(next);
      else longest = Math.max(longest, rest + (kind === 'work' ? this.#left(this.#events.taskOf(event)) : 0));
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
