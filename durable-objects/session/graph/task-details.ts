import { BoundedMap } from '../../../src/domain/bounded-map.ts';
import type { WorkName } from '../../../src/domain/graph/works.ts';
import { type CheckRecord, NO_CHECKS_RUN } from '../../../src/domain/session/checks.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import type { Capability } from '../../../src/protocol/common/enums.ts';
import { IMPLICIT_TASK } from '../../../src/protocol/common/ids.ts';
import type { ConflictChoice } from '../../../src/protocol/run/start.ts';
import type { Check } from '../../../src/protocol/session/checks.ts';
import type { DecompositionView, RuleStrategy } from '../../../src/protocol/session/decomposition.ts';
import type { Estimate } from '../../../src/protocol/session/task-requests.ts';
import type { TaskTemplate } from '../../../src/protocol/workspace/task-template.ts';
import type { Transaction } from '../../kit/storage/store.ts';
import type { StoredDelivery } from '../delivery/delivery-tasks.ts';
import type { SessionParts } from '../parts.ts';
import type { TaskRow } from '../rows.ts';
import type { StoredStart } from '../works/works.ts';

type Needs = Pick<SessionParts, 'kit' | 'records'>;
type Column = 'definition' | 'result' | 'checks' | 'decomposition';

/** Those of the tasks that agents work on at a time, most of the time. */
const KEPT_DEFINITIONS = 20;

/** The members of a task that no step needs but the one that begins with it. */
export interface TaskDefinition {
  description: string;
  required_capabilities: Capability[];
  required_labels: string[];
  estimate?: Estimate | undefined;
  /** Absent in a definition of an earlier release. */
  paths?: string[] | undefined;
  /** Absent in tasks of an earlier release. */
  checks?: Check[];
  /** Only of a task that delivers. */
  deliver?: StoredDelivery;
  /** Of a task of the kind `resolve`. */
  resolution?: StoredResolution;
  /** Which part it is of the task that was split. */
  part?: { of: number; name: string };
  /** The task for which the agent of this one makes a plan. */
  plans?: number;
}

/** A conflict, and what a person has decided. */
export interface StoredResolution {
  /** The task that waits for it. */
  blocked: number;
  approval_id: string;
  /** The works that conflict: the last one with those before it. */
  works: readonly WorkName[];
  choices: ConflictChoice[] | null;
}

/** How a task was split. */
export interface StoredDecomposition {
  state: DecompositionView['state'];
  strategy: RuleStrategy | 'agent';
  /** The name of the template, if one was used. */
  template: string | null;
  /** How many plans an agent was asked for. */
  attempt: number;
  /** Why the last plan of an agent was not used, or why the task was not split. */
  reason: string | null;
  /** The task of the agent that plans. */
  planner: number | null;
  /** What is used if no plan is; null when no plan is awaited. */
  fallback: { template: TaskTemplate | null; max_depth: number } | null;
  /** The estimate of the task if it is only the sum of its parts; else null. */
  summed_hours: number | null;
}

/** The long texts of tasks: what each was created with, what its agent has reported, and how its checks ended. Only the definitions that were read last are kept in memory: a step of a task reads them often. */
export class TaskDetails {
  readonly #parts: Needs;
  #definitions = new BoundedMap<number, TaskDefinition | null>(KEPT_DEFINITIONS);
  /** The last transaction that has changed a definition. */
  #changedBy: Transaction | null = null;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** What the task was created with; null for the session's own task. */
  definition(task: number): TaskDefinition | null {
    if (this.#changedBy?.outcome === 'failed') this.#forgetDefinitions(null);
    const known = this.#definitions.get(task);
    if (known !== undefined) return known;
    const read = this.#read<TaskDefinition>('definition', task);
    this.#definitions.set(task, read);
    return read;
  }

  /** The capabilities that each task requires in addition to the session. */
  requiredCapabilities(): Map<number, Capability[]> {
    const rows = this.#parts.kit.store.rows<{ task: number; json: string | null }>(
      `SELECT task, json_extract(definition, '$.required_capabilities') AS json FROM task_details`,
    );
    return new Map(rows.map(({ task, json }) => [task, JSON.parse(json ?? '[]')]));
  }

  define(task: number, definition: TaskDefinition): void {
    this.#write('definition', task, definition);
    this.#forgetDefinitions(this.#parts.kit.store.currentTransaction);
  }

  /** The tasks that are parts of a task by its decomposition, with their names. */
  partsOf(task: number): { task: number; name: string }[] {
    return this.#parts.kit.store.rows(
      `SELECT task, definition ->> '$.part.name' AS name FROM task_details
       WHERE definition ->> '$.part.of' = ? ORDER BY task`,
      task,
    );
  }

  /** How the task was split; null if it never was. */
  decomposition(task: number): StoredDecomposition | null {
    return this.#read('decomposition', task);
  }

  saveDecomposition(task: number, decomposition: StoredDecomposition): void {
    this.#write('decomposition', task, decomposition);
  }

  remove(task: number): void {
    this.#forgetDefinitions(this.#parts.kit.store.currentTransaction);
    this.#parts.kit.store.rows(`DELETE FROM task_details WHERE task = ?`, task);
  }

  /** What the agent has reported about the finished task; null before. That of a single task is the session's. */
  result(task: number): Record<string, unknown> | null {
    const own: Record<string, unknown> | null = this.#isSingle() ? null : this.#read('result', task);
    return own ?? (this.#isOnlyWork(task) ? JSON.parse(this.#parts.records.session().result ?? 'null') : null);
  }

  saveResult(task: number, result: Record<string, unknown>): void {
    if (!this.#isSingle()) this.#write('result', task, result);
  }

  /** The checks of a task. Those of the session belong to the task that stands for its prompt, and to integration. */
  checks(number: number): Check[] {
    const { records } = this.#parts;
    const row = records.task(number);
    if (!row || !hasChecksOfSession(row)) return this.definition(number)?.checks ?? [];
    return keptChecks(row) ?? records.spec().checks;
  }

  /** How the checks of the task have ended since it was last started. */
  checkRecord(task: number): CheckRecord {
    return this.#read('checks', task) ?? NO_CHECKS_RUN;
  }

  saveCheckRecord(task: number, record: CheckRecord): void {
    this.#write('checks', task, record);
  }

  /** The tasks start again, so that how their checks have ended counts no more. The rounds are still numbered on. */
  forgetChecks(tasks: readonly number[]): void {
    this.#parts.kit.store.rows(
      `UPDATE task_details SET checks = json_set(checks, '$.is_past', json('true'), '$.handed_back', json('[]'))
       WHERE checks IS NOT NULL AND task IN (SELECT value FROM json_each(?))`,
      JSON.stringify(tasks),
    );
  }

  /** The agents that were given the checks of the session keep them, although those change now. */
  keepChecks(): void {
    const { records } = this.#parts;
    for (const row of records.tasks().filter((task) => hasChecksOfSession(task) && !isFinal(task))) {
      if (!hasBegun(row) || keptChecks(row)) continue;
      const start: StoredStart = { ...JSON.parse(row.start!), checks: records.spec().checks };
      records.updateTask(row.number, { start: JSON.stringify(start) });
    }
  }

  #forgetDefinitions(changedBy: Transaction | null): void {
    this.#definitions = new BoundedMap(KEPT_DEFINITIONS);
    this.#changedBy = changedBy;
  }

  /** Whether the session's result is that of its only task. Before a delivery, the session has no result yet. */
  #isSingle(): boolean {
    const { records } = this.#parts;
    return records.taskCount === 1 && records.spec().deliver === undefined;
  }

  #isOnlyWork(task: number): boolean {
    return this.#parts.records.tasks().every(({ number, kind }) => (number === task) !== (kind === 'deliver'));
  }

  #read<Value>(column: Column, task: number): Value | null {
    const { store } = this.#parts.kit;
    const row = store.row<{ json: string | null }>(`SELECT ${column} AS json FROM task_details WHERE task = ?`, task);
    return JSON.parse(row?.json ?? 'null');
  }

  #write(column: Column, task: number, value: object): void {
    this.#parts.kit.store.rows(
      `INSERT INTO task_details (task, ${column}) VALUES (?, ?) ON CONFLICT DO UPDATE SET ${column} = excluded.${column}`,
      task,
      JSON.stringify(value),
    );
  }
}

/** The task that stands for the prompt of the session, and integration. */
function hasChecksOfSession({ number, kind }: TaskRow): boolean {
  return number === IMPLICIT_TASK || kind === 'integrate';
}

/** Whether an agent was given the present epoch of the task. */
function hasBegun({ start, epoch }: TaskRow): boolean {
  return start !== null && (JSON.parse(start) as StoredStart).epoch === epoch;
}

/** The checks that the agent of the present epoch was given, if those of the session have changed since. */
function keptChecks(row: TaskRow): Check[] | undefined {
  return hasBegun(row) ? (JSON.parse(row.start!) as StoredStart).checks : undefined;
}
