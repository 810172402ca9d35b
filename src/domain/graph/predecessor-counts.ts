import type { Event, EventGraph } from './event-graph.ts';

/** How many events must still come before each event. */
export class PredecessorCounts {
  readonly #counts = new Map<Event, number>();

  constructor(events: EventGraph) {
    events.forEachNode((event) => this.#counts.set(event, events.inDegree(event)));
  }

  of(event: Event): number {
    return this.#counts.get(event)!;
  }

  /** Counts an event that no longer must come before this one. @returns how many still must */
  decrement(event: Event): number {
    const count = this.of(event) - 1;
    this.#counts.set(event, count);
    return count;
  }

  /** The events before which none must come now. */
  withoutPredecessors(): Event[] {
    return [...this.#counts.keys()].filter((event) => this.of(event) === 0);
  }
}
