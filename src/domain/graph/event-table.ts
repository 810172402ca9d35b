/**
 * Why an event comes before another one. `work`: it is the start of a task, and the other one its end. `subtask`: a task
 * starts before its parts, and ends after them. `required` and `optional`: a dependency.
 */
export type EdgeKind = 'work' | 'subtask' | 'required' | 'optional';

const KINDS: readonly EdgeKind[] = ['work', 'subtask', 'required', 'optional'];

/** An event before it has a place in a table: the number of its task, positive for the start and negative for the end. */
type EventName = number;

/**
 * The starts and ends of tasks, and which comes before which, as arrays: ten thousand tasks are read in milliseconds,
 * and an event is an index. The start of a task is even, and its end is the next index.
 */
export class EventTable {
  readonly #numbers: readonly number[];
  readonly #indexes: ReadonlyMap<number, number>;
  /** The edges of event `e` are those from `#from[e]` to `#from[e + 1]`. */
  readonly #from: Int32Array;
  readonly #targets: Int32Array;
  readonly #kinds: Uint8Array;
  #order: Int32Array | null = null;

  static start(task: number): EventName {
    return task;
  }

  static end(task: number): EventName {
    return -task;
  }

  /**
   * @param tasks the numbers of all tasks
   * @param edges calls back for each edge between their events; that from a start to its end is there already
   */
  constructor(
    tasks: readonly number[],
    edges: (connect: (before: EventName, after: EventName, kind: EdgeKind) => void) => void,
  ) {
    this.#numbers = tasks;
    this.#indexes = new Map(tasks.map((task, index) => [task, 2 * index]));
    const sources: number[] = [];
    const targets: number[] = [];
    const kinds: number[] = [];
    const add = (source: number, target: number, kind: EdgeKind) => {
      sources.push(source);
      targets.push(target);
      kinds.push(KINDS.indexOf(kind));
    };
    for (const task of tasks) add(this.startOf(task), this.endOf(task), 'work');
    edges((before, after, kind) => add(this.#indexOf(before), this.#indexOf(after), kind));

    this.#from = new Int32Array(this.size + 1);
    for (const source of sources) this.#from[source + 1]!++;
    for (let event = 0; event < this.size; event++) this.#from[event + 1]! += this.#from[event]!;
    this.#targets = new Int32Array(targets.length);
    this.#kinds = new Uint8Array(targets.length);
    const next = this.#from.slice();
    for (const [edge, source] of sources.entries()) {
      const place = next[source]!++;
      this.#targets[place] = targets[edge]!;
      this.#kinds[place] = kinds[edge]!;
    }
  }

  /** The number of events. */
  get size(): number {
    return 2 * this.#numbers.length;
  }

  startOf(task: number): number {
    return this.#indexes.get(task)!;
  }

  endOf(task: number): number {
    return this.#indexes.get(task)! + 1;
  }

  taskOf(event: number): number {
    return this.#numbers[event >> 1]!;
  }

  isStart(event: number): boolean {
    return event % 2 === 0;
  }

  /** Calls back for each event that comes after this one. */
  forEachAfter(event: number, visit: (after: number, kind: EdgeKind) => void): void {
    for (let edge = this.#from[event]!; edge < this.#from[event + 1]!; edge++) {
      visit(this.#targets[edge]!, KINDS[this.#kinds[edge]!]!);
    }
  }

  /** How many edges lead to each event. */
  counts(): Int32Array {
    const counts = new Int32Array(this.size);
    for (const target of this.#targets) counts[target]!++;
    return counts;
  }

  /**
   * The events in an order in which each comes after all that must come before it (Kahn, 1962). Events on a cycle, and
   * those after one, are missing.
   */
  order(): Int32Array {
    if (this.#order) return this.#order;
    const missing = this.counts();
    const order = new Int32Array(this.size);
    let placed = 0;
    for (let event = 0; event < this.size; event++) if (missing[event] === 0) order[placed++] = event;
    for (let at = 0; at < placed; at++) {
      this.forEachAfter(order[at]!, (after) => {
        if (--missing[after]! === 0) order[placed++] = after;
      });
    }
    this.#order = order.subarray(0, placed);
    return this.#order;
  }

  /** The events of a cycle in their order, the first one also last; null when there is no cycle. */
  cycle(): number[] | null {
    const order = this.order();
    if (order.length === this.size) return null;
    const isPlaced = new Uint8Array(this.size);
    for (const event of order) isPlaced[event] = 1;
    // Each event that is left has another one of them before it, so the way back comes around.
    const before = new Int32Array(this.size);
    for (let event = 0; event < this.size; event++) {
      if (isPlaced[event] === 0) this.forEachAfter(event, (after) => (before[after] = event));
    }
    const seen = new Map<number, number>();
    const way: number[] = [];
    let event = isPlaced.indexOf(0);
    for (; !seen.has(event); event = before[event]!) seen.set(event, way.push(event) - 1);
    return [...way.slice(seen.get(event)), event].reverse();
  }

  #indexOf(name: EventName): number {
    return name > 0 ? this.startOf(name) : this.endOf(-name);
  }
}
