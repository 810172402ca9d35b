import type { TaskStatus } from '../../protocol/common/enums.ts';
import { isFinal } from '../task-status.ts';
import type { Event } from './event-graph.ts';
import { Heap } from './heap.ts';
import { LongestPaths } from './longest-paths.ts';
import { type Candidate, goesBefore } from './order.ts';
import { isDone, parentStatus, SubtaskCounts, type TaskProgress } from './parents.ts';
import { PredecessorCounts } from './predecessor-counts.ts';
import { awaitsEnd, delaysStart, type TaskGraph } from './task-graph.ts';

/** A change of a task that follows from changes of others. */
export interface Move {
  number: number;
  status: TaskStatus;
  outcome: TaskProgress['outcome'];
  cause: number | null;
}

/**
 * A graph under way: what each change of a task means for the others. A change costs what depends on the task, however
 * large the graph is.
 *
 * The graph only says what follows. Its caller stores each move, and reports it with `note` like every other change.
 * After an edit, and after a task has started again, the caller builds another one.
 *
 * @example
 * const live = new LiveGraph(graph, (task) => rows.get(task));
 * live.note(1, { ...rows.get(1), status: 'completed', outcome: 'whole' });
 * live.next(true); // { number: 2, status: 'ready', … }
 */
export class LiveGraph {
  readonly graph: TaskGraph;
  /** The hours from each task's start to the end of the whole. */
  readonly #tail: LongestPaths;
  readonly #known = new Map<number, TaskProgress>();
  readonly #predecessors: PredecessorCounts;
  /** The events that have happened, or that never will. */
  readonly #settled = new Set<Event>();
  readonly #subtasks = new Map<number, SubtaskCounts>();
  /** Tasks with subtasks that cannot end, and why. */
  readonly #barred = new Map<number, number>();
  /** Queues of tasks to look at again. `#doomed` has the cause of each. */
  readonly #doomed = new Map<number, number>();
  readonly #mayEnd = new Set<number>();
  readonly #parents = new Set<number>();
  readonly #mayStart = new Set<number>();
  /** Ready tasks that may not start any more, because a task before them starts again or was added. */
  readonly #heldBack = new Set<number>();
  readonly #ready: Heap<Candidate>;
  /** Whether a task that had ended has started again. This graph is then out of date. */
  isStale = false;

  /** @param progressOf the present state of each task, also of those with subtasks */
  constructor(graph: TaskGraph, progressOf: (task: number) => TaskProgress) {
    this.graph = graph;
    const hours = (task: number) => (graph.children.has(task) ? 0 : graph.tasks.get(task)!.hours);
    this.#tail = new LongestPaths(graph.events, hours, 'after');
    this.#ready = new Heap(goesBefore);
    this.#predecessors = new PredecessorCounts(graph.events);
    for (const parent of graph.children.keys()) this.#subtasks.set(parent, new SubtaskCounts());
    for (const task of graph.tasks.keys()) this.#count(task, progressOf(task));
    for (const task of graph.tasks.keys()) if (!this.isParent(task)) this.#noteWork(task, progressOf(task));
    for (const event of this.#predecessors.withoutPredecessors()) this.#opened(event);
    // Only now is known which of them could start.
    for (const parent of graph.children.keys()) this.#noteParent(parent, progressOf(parent));
    for (const task of graph.tasks.keys()) {
      if (progressOf(task).status === 'ready' && !this.isParent(task) && !this.mayStart(task)) this.#heldBack.add(task);
    }
  }

  /** Whether the task has subtasks, and is not worked on itself. */
  isParent(task: number): boolean {
    return this.graph.children.has(task);
  }

  /** Whether the task may end once its work is done. */
  mayEnd(task: number): boolean {
    const { events } = this.graph;
    return this.#predecessors.of(events.endOf(task)) === (this.#settled.has(events.startOf(task)) ? 0 : 1);
  }

  /** Whether the task may start now. */
  mayStart(task: number): boolean {
    return this.#predecessors.of(this.graph.events.startOf(task)) === 0;
  }

  /** The tasks for which a task waits before its start or, if it may start, before its end. Its subtasks do not count. */
  waitsFor(task: number): number[] {
    const isStart = !this.mayStart(task);
    const { events, tasks } = this.graph;
    const { parent, depends_on } = tasks.get(task)!;
    const found = new Set<number>();
    if (isStart && parent !== null && !this.#settled.has(events.startOf(parent))) found.add(parent);
    for (const { task: other, dependency_type } of depends_on) {
      if (delaysStart(dependency_type) !== isStart || !tasks.has(other)) continue;
      const awaited = awaitsEnd(dependency_type) ? events.endOf(other) : events.startOf(other);
      if (!this.#settled.has(awaited)) found.add(other);
    }
    return [...found];
  }

  /** Records the new state of a task. */
  note(task: number, progress: TaskProgress): void {
    const before = this.#known.get(task)!;
    if (isFinal(before) && !isFinal(progress)) this.isStale = true;
    this.#count(task, progress);
    if (this.isParent(task)) this.#noteParent(task, progress);
    else this.#noteWork(task, progress);
  }

  /**
   * The next change that follows from what was noted; null when none does.
   * @param isRunning whether tasks may become ready
   */
  next(isRunning: boolean): Move | null {
    for (const [number, cause] of take(this.#doomed)) {
      if (!isFinal(this.#known.get(number)!)) return { number, status: 'skipped', outcome: null, cause };
    }
    for (const [number] of take(this.#heldBack)) {
      if (this.#known.get(number)!.status === 'ready') return { number, status: 'pending', outcome: null, cause: null };
    }
    for (const [number] of take(this.#mayEnd)) {
      const { status, outcome } = this.#known.get(number)!;
      if (status === 'in_progress' && outcome !== null) return { number, status: 'completed', outcome, cause: null };
    }
    for (const [number] of take(this.#parents)) {
      const known = this.#known.get(number)!;
      if (isFinal(known)) continue;
      const mayEnd = this.#predecessors.of(this.graph.events.endOf(number)) === 0;
      const follows = parentStatus(this.#subtasks.get(number)!, mayEnd, this.#barred.get(number) ?? null);
      if (known.status !== follows.status || known.outcome !== follows.outcome) return { number, ...follows };
    }
    if (!isRunning) return null;
    for (const [number] of take(this.#mayStart)) {
      const { status, setback } = this.#known.get(number)!;
      if (status === 'pending' && setback === null) return { number, status: 'ready', outcome: null, cause: null };
    }
    return null;
  }

  /**
   * The ready task that goes first, which is then no longer among them until it is noted as ready again; null when none
   * is ready.
   * @param isWanted whether a task is still to be taken
   */
  takeReady(isWanted: (task: number) => boolean): number | null {
    for (let first = this.#ready.pop(); first; first = this.#ready.pop()) {
      if (this.#known.get(first.number)!.status === 'ready' && isWanted(first.number)) return first.number;
    }
    return null;
  }

  #count(task: number, progress: TaskProgress): void {
    const before = this.#known.get(task);
    this.#known.set(task, progress);
    const { parent } = this.graph.tasks.get(task)!;
    const siblings = parent === null ? undefined : this.#subtasks.get(parent);
    if (siblings) {
      if (before) siblings.count(before, -1);
      siblings.count(progress, 1);
      this.#parents.add(parent!);
    }
  }

  #noteWork(task: number, progress: TaskProgress): void {
    const { status, setback, started_at, outcome } = progress;
    const isOver = isFinal(progress);
    const start = this.graph.events.startOf(task);
    const end = this.graph.events.endOf(task);
    if (started_at !== null || isDone(progress)) this.#happened(start);
    else if (isOver) this.#neverHappens(start, progress.cause ?? task);
    if (isOver) {
      if (isDone(progress)) this.#happened(end);
      else this.#neverHappens(end, progress.cause ?? task);
    } else if (status === 'ready') this.#ready.push(this.#candidate(task));
    else if (status === 'pending' && setback === null && this.mayStart(task)) this.#mayStart.add(task);
    else if (status === 'in_progress' && outcome !== null && this.#predecessors.of(end) === 0) this.#mayEnd.add(task);
  }

  #noteParent(task: number, progress: TaskProgress): void {
    if (!isFinal(progress)) {
      this.#parents.add(task);
      return;
    }
    for (const event of [this.graph.events.startOf(task), this.graph.events.endOf(task)]) {
      if (isDone(progress)) this.#happened(event);
      else this.#neverHappens(event, progress.cause ?? task);
    }
  }

  /** An event happens. What comes after it waits for one event less. */
  #happened(event: Event): void {
    if (this.#settled.has(event)) return;
    this.#settled.add(event);
    this.graph.events.forEachAfter(event, (after) => this.#arrived(after));
  }

  /** An event never happens. Those which cannot do without are skipped. */
  #neverHappens(event: Event, cause: number): void {
    if (this.#settled.has(event)) return;
    this.#settled.add(event);
    const { events } = this.graph;
    events.forEachAfter(event, (after, kind) => {
      const isNeeded = kind === 'required' || (kind === 'subtask' && events.isStart(event));
      if (isNeeded) this.#bar(events.taskOf(after), cause);
      else this.#arrived(after);
    });
  }

  /** A task cannot go on, because another one did not do its part. */
  #bar(task: number, cause: number): void {
    if (!this.isParent(task)) {
      if (!this.#doomed.has(task)) this.#doomed.set(task, cause);
      return;
    }
    if (this.#barred.has(task)) return;
    this.#barred.set(task, cause);
    this.#parents.add(task);
    for (const subtask of this.graph.children.get(task)!) this.#bar(subtask, cause);
  }

  #arrived(event: Event): void {
    if (this.#predecessors.decrement(event) === 0) this.#opened(event);
  }

  /** All that comes before an event has happened. */
  #opened(event: Event): void {
    const { events } = this.graph;
    const task = events.taskOf(event);
    if (this.isParent(task)) {
      // A task with subtasks starts by itself.
      if (events.isStart(event)) this.#happened(event);
      else this.#parents.add(task);
    } else (events.isStart(event) ? this.#mayStart : this.#mayEnd).add(task);
  }

  #candidate(number: number): Candidate {
    const { tasks, events } = this.graph;
    return { number, priority: tasks.get(number)!.priority, tail: this.#tail.of(events.startOf(number)) };
  }
}

/** Takes the entries out of a queue, one after the other. */
function* take<Key, Value>(queue: Map<Key, Value> | Set<Key>): Generator<[Key, Value]> {
  for (const [key, value] of queue.entries() as Iterable<[Key, Value]>) {
    queue.delete(key);
    yield [key, value];
  }
}
