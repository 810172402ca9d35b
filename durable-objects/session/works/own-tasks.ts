import type { Dependency } from '../../../src/domain/graph/task-graph.ts';
import { WHOLE_SESSION } from '../../../src/protocol/common/ids.ts';
import { MAX_TASKS } from '../../../src/protocol/common/limits.ts';
import { newTaskRow } from '../graph/new-task-row.ts';
import type { TaskDefinition } from '../graph/task-details.ts';
import type { SessionParts } from '../parts.ts';
import { dependenciesOf, type TaskRow } from '../rows.ts';

type Needs = Pick<SessionParts, 'records' | 'details' | 'graph' | 'log'>;

/** The tasks that the session adds to its graph by itself. They are like all others, but for their kind. */
export class OwnTasks {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Whether the session has room for one more. */
  hasRoom(): boolean {
    return this.#parts.records.tasks().length < MAX_TASKS;
  }

  /** Adds a task. The caller lets the graph go on. @returns its number */
  add(title: string, place: Partial<TaskRow> & Pick<TaskRow, 'kind'>, definition: TaskDefinition): number {
    const { records, details } = this.#parts;
    const number = records.session().last_task + 1;
    records.addTask(newTaskRow(number, title, place));
    records.update({ last_task: number });
    details.define(number, definition);
    this.changed(number);
    return number;
  }

  /** Lets a task wait for others. The caller has checked that it may, and lets the graph go on. */
  waitFor(number: number, dependencies: readonly Dependency[]): void {
    this.#parts.records.updateTask(number, { depends_on: JSON.stringify(dependencies) });
    this.changed(number);
  }

  /** Records a new version of the graph. */
  changed(number: number): void {
    const { records, graph, log } = this.#parts;
    const { graph_version, version } = records.session();
    records.update({ graph_version: graph_version + 1, version: version + 1 });
    const row = records.task(number)!;
    const { title, parent, priority, depends_on } = row;
    const task = { number, title, parent, priority, depends_on: dependenciesOf({ depends_on }) };
    log.append(WHOLE_SESSION, { type: 'graph.changed', data: { version: graph_version + 1, tasks: [task] } });
    graph.put([row]);
  }
}
