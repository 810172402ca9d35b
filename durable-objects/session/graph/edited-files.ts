import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { TaskView } from '../../../src/protocol/session/task.ts';
import type { SessionParts } from '../parts.ts';
import type { TaskRow } from '../rows.ts';

type Needs = Pick<SessionParts, 'records'>;

/** The most files that are known of one task, and the most characters of their paths. Others are not compared. */
const MAX_FILES = 500;
const MAX_CHARS = 32_000;
/** The most risks of a task that its view has. */
const MAX_RISKS = 20;

/** The files that each unfinished task has edited. They are columns of the tasks' rows, so an eviction loses none. */
export class EditedFiles {
  readonly #parts: Needs;
  /** The parsed files of each row. */
  readonly #parsed = new WeakMap<TaskRow, ReadonlySet<string>>();

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Records an edit. @returns whether it is the first one of the file by the task, and could be recorded */
  add(task: number, path: string): boolean {
    const { records } = this.#parts;
    const known = this.#of(records.task(task)!);
    if (known.has(path) || known.size >= MAX_FILES) return false;
    const edited = JSON.stringify([...known, path]);
    if (edited.length > MAX_CHARS) return false;
    records.updateTask(task, { edited });
    return true;
  }

  /** The other tasks that have edited a file and have not ended. */
  othersAt(task: number, path: string): number[] {
    return this.#others(task)
      .filter((row) => this.#of(row).has(path))
      .map(({ number }) => number);
  }

  /** How many files of a task others edit too. */
  countRisks(task: number): number {
    const others = this.#others(task);
    return [...this.#of(this.#parts.records.task(task)!)].filter((path) =>
      others.some((row) => this.#of(row).has(path)),
    ).length;
  }

  /** The files that the task and another one edit at the same time. */
  risksOf(row: TaskRow): TaskView['conflict_risk'] {
    if (row.edited === NONE) return [];
    const { id } = this.#parts.records.session();
    const others = this.#others(row.number);
    return [...this.#of(row)]
      .flatMap((path) => {
        const sharing = others.filter((other) => this.#of(other).has(path));
        return sharing.map(({ number }) => ({ path, with_task_id: taskIdOf(id, number) }));
      })
      .slice(0, MAX_RISKS);
  }

  #others(task: number): TaskRow[] {
    return this.#parts.records.tasks().filter(({ number, edited }) => edited !== NONE && number !== task);
  }

  #of(row: TaskRow): ReadonlySet<string> {
    if (row.edited === NONE) return EMPTY;
    const known = this.#parsed.get(row);
    if (known) return known;
    const files = new Set(JSON.parse(row.edited) as string[]);
    this.#parsed.set(row, files);
    return files;
  }
}

/** The column of a task that has edited nothing. */
const NONE = '[]';
const EMPTY: ReadonlySet<string> = new Set();
