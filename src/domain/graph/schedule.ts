import type { Event } from './event-graph.ts';
import { Heap } from './heap.ts';
import { LongestPaths } from './longest-paths.ts';
import { type Candidate, goesBefore } from './order.ts';
import { PredecessorCounts } from './predecessor-counts.ts';
import type { RemainingHours, TaskGraph } from './task-graph.ts';

/** When a task is expected to start and to end, in hours from now. */
export interface Span {
  start: number;
  end: number;
}

/** What the prediction needs to know. */
export interface PredictionInput {
  /** How many agents work at a time. */
  agents: number;
  remaining: RemainingHours;
  /** Whether an agent works on the task already. */
  isUnderWay: (task: number) => boolean;
}

/**
 * Predicts when each task starts and ends, with so many agents: a list scheduler, which gives each free agent the task
 * that goes first (Graham, 1966). With enough agents, the last end is the length of the critical path.
 */
export function predict(graph: TaskGraph, input: PredictionInput): Map<number, Span> {
  return new Prediction(graph, input).run();
}

class Prediction {
  readonly #graph: TaskGraph;
  readonly #input: PredictionInput;
  readonly #tail: LongestPaths;
  readonly #predecessors: PredecessorCounts;
  readonly #spans = new Map<number, Span>();
  readonly #waiting = new Heap<Candidate>(goesBefore);
  readonly #working = new Heap<{ task: number; at: number }>((a, b) => a.at < b.at);
  #now = 0;
  #free: number;

  constructor(graph: TaskGraph, input: PredictionInput) {
    this.#graph = graph;
    this.#input = input;
    this.#tail = new LongestPaths(graph.events, input.remaining, 'after');
    this.#predecessors = new PredecessorCounts(graph.events);
    this.#free = input.agents;
  }

  run(): Map<number, Span> {
    const { events } = this.#graph;
    for (const event of this.#predecessors.withoutPredecessors()) this.#opened(event);
    for (;;) {
      while (this.#free > 0 && this.#waiting.size > 0) this.#begin(this.#waiting.pop()!.number);
      const next = this.#working.pop();
      if (!next) return this.#spans;
      this.#now = next.at;
      this.#free++;
      this.#arrived(events.endOf(next.task));
    }
  }

  /** An agent begins with a task. */
  #begin(task: number): void {
    this.#free--;
    this.#working.push({ task, at: this.#now + this.#input.remaining(task) });
    this.#happen(this.#graph.events.startOf(task));
  }

  #happen(event: Event): void {
    const { events } = this.#graph;
    const task = events.taskOf(event);
    if (events.isStart(event)) this.#spans.set(task, { start: this.#now, end: this.#now });
    else this.#spans.get(task)!.end = this.#now;
    events.forEachAfter(event, (after, kind) => {
      if (kind !== 'work' || !this.#takesTime(task)) this.#arrived(after);
    });
  }

  #arrived(event: Event): void {
    if (this.#predecessors.decrement(event) === 0) this.#opened(event);
  }

  /** All that comes before an event has happened. Then it happens too, unless it is the start of work. */
  #opened(event: Event): void {
    const { events, tasks } = this.#graph;
    const number = events.taskOf(event);
    if (!events.isStart(event) || !this.#takesTime(number)) this.#happen(event);
    else if (this.#input.isUnderWay(number)) this.#begin(number);
    else this.#waiting.push({ number, priority: tasks.get(number)!.priority, tail: this.#tail.of(event) });
  }

  #takesTime(task: number): boolean {
    return !this.#graph.children.has(task) && (this.#input.remaining(task) > 0 || this.#input.isUnderWay(task));
  }
}
