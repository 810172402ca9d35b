import type { Capability } from '../../../src/protocol/common/enums.ts';
import type { Estimate } from '../../../src/protocol/session/task-requests.ts';
import type { SessionParts } from '../parts.ts';

type Needs = Pick<SessionParts, 'kit' | 'records'>;

/** The members of a task that no step needs but the one that begins with it. */
export interface TaskDefinition {
  description: string;
  required_capabilities: Capability[];
  required_labels: string[];
  estimate?: Estimate | undefined;
}

/** The long texts of tasks: what each was created with, and what its agent has reported. They are not kept in memory. */
export class TaskDetails {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** What the task was created with; null for the session's own task. */
  definition(task: number): TaskDefinition | null {
    return this.#read('definition', task);
  }

  define(task: number, definition: TaskDefinition): void {
    this.#write('definition', task, definition);
  }

  remove(task: number): void {
    this.#parts.kit.store.rows(`DELETE FROM task_details WHERE task = ?`, task);
  }

  /** What the agent has reported about the finished task; null before. That of a single task is the session's. */
  result(task: number): Record<string, unknown> | null {
    if (!this.#isSingle()) return this.#read('result', task);
    return JSON.parse(this.#parts.records.session().result ?? 'null');
  }

  saveResult(task: number, result: Record<string, unknown>): void {
    if (!this.#isSingle()) this.#write('result', task, result);
  }

  #isSingle(): boolean {
    return this.#parts.records.tasks().length === 1;
  }

  #read<Value>(column: 'definition' | 'result', task: number): Value | null {
    const { store } = this.#parts.kit;
    const row = store.row<{ json: string | null }>(`SELECT ${column} AS json FROM task_details WHERE task = ?`, task);
    return JSON.parse(row?.json ?? 'null');
  }

  #write(column: 'definition' | 'result', task: number, value: object): void {
    this.#parts.kit.store.rows(
      `INSERT INTO task_details (task, ${column}) VALUES (?, ?) ON CONFLICT DO UPDATE SET ${column} = excluded.${column}`,
      task,
      JSON.stringify(value),
    );
  }
}
