import { DirectedGraph } from 'graphology';

/**
 * Why an event comes before another one. `work`: it is the start of a task, and the other one its end. `subtask`: a task
 * starts before its parts, and ends after them. `required` and `optional`: a dependency.
 */
export type EdgeKind = 'work' | 'subtask' | 'required' | 'optional';

/** The key of an event. */
export type Event = string;

/** Two events have one edge. If there are several reasons for it, it has the kind that comes last here. */
const RANK: Record<EdgeKind, number> = { optional: 0, subtask: 1, required: 2, work: 3 };

/** The attributes of the edges of each kind. They are shared, because a large graph has many edges. */
const ATTRIBUTES = Object.fromEntries(Object.keys(RANK).map((kind) => [kind, Object.freeze({ kind })])) as Record<
  EdgeKind,
  { readonly kind: EdgeKind }
>;

/**
 * The starts and ends of tasks, and which comes before which.
 *
 * @example
 * const events = new EventGraph();
 * for (const task of [1, 2]) events.addTask(task);
 * events.connect(events.endOf(1), events.startOf(2), 'required');
 * events.forEachAfter(events.endOf(1), (event) => events.taskOf(event)); // 2
 */
export class EventGraph extends DirectedGraph<{ task: number; isStart: boolean }, { readonly kind: EdgeKind }> {
  startOf(task: number): Event {
    return `start of ${task}`;
  }

  endOf(task: number): Event {
    return `end of ${task}`;
  }

  taskOf(event: Event): number {
    return this.getNodeAttribute(event, 'task');
  }

  isStart(event: Event): boolean {
    return this.getNodeAttribute(event, 'isStart');
  }

  /** Adds the start and the end of a task, without the edge between them. */
  addTask(task: number): void {
    this.addNode(this.startOf(task), { task, isStart: true });
    this.addNode(this.endOf(task), { task, isStart: false });
  }

  dropTask(task: number): void {
    this.dropNode(this.startOf(task));
    this.dropNode(this.endOf(task));
  }

  /** Says that an event comes before another one. */
  connect(before: Event, after: Event, kind: EdgeKind): void {
    const edge = this.edge(before, after);
    if (edge === undefined) this.addEdge(before, after, ATTRIBUTES[kind]);
    else if (RANK[kind] > RANK[this.getEdgeAttribute(edge, 'kind')]) {
      this.replaceEdgeAttributes(edge, ATTRIBUTES[kind]);
    }
  }

  /** Says that nothing comes before an event. */
  disconnect(event: Event): void {
    for (const edge of this.inEdges(event)) this.dropEdge(edge);
  }

  /** Calls back for each event that comes next after this one. */
  forEachAfter(event: Event, visit: (after: Event, kind: EdgeKind) => void): void {
    this.forEachOutEdge(event, (_edge, { kind }, _event, after) => visit(after, kind));
  }

  /** Calls back for each event that comes last before this one. */
  forEachBefore(event: Event, visit: (before: Event, kind: EdgeKind) => void): void {
    this.forEachInEdge(event, (_edge, { kind }, before) => visit(before, kind));
  }
}
