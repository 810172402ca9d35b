import { findCycle } from '../../../src/domain/graph/cycle.ts';
import type { Dependency } from '../../../src/domain/graph/task-graph.ts';
import { WHOLE_SESSION } from '../../../src/protocol/common/ids.ts';
import { BATCH_BYTES, MAX_TASKS } from '../../../src/protocol/common/limits.ts';
import type { SessionParts } from '../parts.ts';
import { dependenciesOf, type TaskRow } from '../rows.ts';
import { newTaskRow } from './new-task-row.ts';
import type { TaskDefinition } from './task-details.ts';

type Needs = Pick<SessionParts, 'records' | 'details' | 'graph' | 'log'>;

/** The members of a task's row that people can set. */
export type Place = Pick<
  TaskRow,
  'number' | 'title' | 'parent' | 'depends_on' | 'priority' | 'hours' | 'max_attempts' | 'gate' | 'timeout_seconds'
>;

/** How much of a graph one event names, in UTF-16 code units. A task with the most dependencies has less. */
const EVENT_CHARS = BATCH_BYTES / 2;

/** The rows of the graph and its versions. The caller has checked a change, and lets the graph go on. */
export class StoredGraph {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Whether the session can have so many more tasks. */
  hasRoom(more = 1): boolean {
    return this.#parts.records.tasks().length + more <= MAX_TASKS;
  }

  /** Adds a task with the next number, which stays pending until the session runs. Record it, too. */
  add(title: string, columns: Partial<TaskRow> = {}): TaskRow {
    const { records, graph } = this.#parts;
    const number = columns.number ?? records.session().last_task + 1;
    const row = newTaskRow(number, title, columns);
    records.addTask(row);
    records.update({ last_task: Math.max(number, records.session().last_task) });
    graph.put([row]);
    return row;
  }

  /** Adds a task of the session itself, as a new version of the graph. @returns its number */
  addOwn(
    title: string,
    columns: Partial<TaskRow> & Required<Pick<TaskRow, 'kind'>>,
    definition: TaskDefinition,
  ): number {
    const row = this.add(title, columns);
    this.#parts.details.define(row.number, definition);
    this.#recordOne(row);
    return row.number;
  }

  /** Lets a task wait for others, as a new version of the graph. */
  waitFor(number: number, dependencies: readonly Dependency[]): void {
    const { records } = this.#parts;
    records.updateTask(number, { depends_on: JSON.stringify(dependencies) });
    this.#recordOne(records.task(number)!);
  }

  /** @throws if the task would wait for itself, which rolls the transaction back */
  #recordOne(row: TaskRow): void {
    this.record([row]);
    const cycle = findCycle(this.#parts.graph.tasks, [row.number]);
    if (cycle) throw new Error(`the tasks ${cycle.join(', ')} would wait for each other`);
  }

  /** Records a new version of the graph, with all tasks that differ from the one before. @returns the version */
  record(changed: readonly Place[], removed: readonly TaskRow[] = []): number {
    const { records, graph, log } = this.#parts;
    const { graph_version, version: sessionVersion } = records.session();
    const version = graph_version + 1;
    records.update({ graph_version: version, version: sessionVersion + 1 });
    const shown = changed.map(({ number, title, parent, priority, depends_on }) => {
      return { number, title, parent, priority, depends_on: dependenciesOf({ depends_on }) };
    });
    for (const [index, tasks] of chunksOf(shown, EVENT_CHARS).entries()) {
      const gone = index === 0 && removed.length > 0 ? { removed: removed.map(({ number }) => number) } : {};
      log.append(WHOLE_SESSION, { type: 'graph.changed', data: { version, tasks, ...gone } });
    }
    graph.put(changed);
    graph.remove(removed.map(({ number }) => number));
    return version;
  }
}

/** Splits items into lists, at least one, whose JSON has at most so many characters, unless a single item has more. */
function chunksOf<Item>(items: readonly Item[], maxChars: number): Item[][] {
  const chunks: Item[][] = [[]];
  let chars = 0;
  for (const item of items) {
    const more = JSON.stringify(item).length;
    if (chars > 0 && chars + more > maxChars) {
      chunks.push([]);
      chars = 0;
    }
    chunks.at(-1)!.push(item);
    chars += more;
  }
  return chunks;
}
