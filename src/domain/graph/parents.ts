import type { TaskStatus } from '../../protocol/common/enums.ts';

/** The members of a task on which others depend. */
export interface TaskProgress {
  status: TaskStatus;
  /** Whether the work was done as a whole or in part. An unfinished task that has it waits for others before it ends. */
  outcome: 'whole' | 'partial' | null;
  /** Why the task was skipped: the number of the task that did not do its part; null if a person skipped it. */
  cause: number | null;
  /** Why the next attempt has not begun yet. */
  setback: string | null;
  /** When an agent began with the task, in any unit; null if none did. */
  started_at: number | null;
}

/** The task did its part, so that those which depend on it can go on. A person who skips it says that it is not needed. */
export function isDone({ status, cause }: Pick<TaskProgress, 'status' | 'cause'>): boolean {
  return status === 'completed' || (status === 'skipped' && cause === null);
}

/** What subtasks are counted as: each is one of `all`, and of its status unless it was not reached. */
type Counted = TaskStatus | 'unreached' | 'partial' | 'all';

/** How many subtasks of a task are how far. */
export class SubtaskCounts {
  readonly #counts = new Map<Counted, number>();
  /** Why one of them was not reached; null if all were. */
  cause: number | null = null;

  /** @param by 1 adds the subtask; −1 takes it away */
  count({ status, outcome, cause }: TaskProgress, by: 1 | -1): void {
    const kind = status === 'skipped' && cause !== null ? 'unreached' : status;
    if (kind === 'unreached') this.cause = cause;
    this.#add(kind, by);
    this.#add('all', by);
    if (status === 'completed' && outcome === 'partial') this.#add('partial', by);
  }

  #add(kind: Counted, by: number): void {
    this.#counts.set(kind, this.of(kind) + by);
  }

  of(...kinds: Counted[]): number {
    return kinds.reduce((sum, kind) => sum + (this.#counts.get(kind) ?? 0), 0);
  }
}

/**
 * The status of a task with subtasks.
 * @param mayEnd whether nothing else has to end or to start before it ends
 * @param cause the task that keeps it from its end for good; null if none does
 */
export function parentStatus(
  subtasks: SubtaskCounts,
  mayEnd: boolean,
  cause: number | null,
): Pick<TaskProgress, 'status' | 'outcome' | 'cause'> {
  const all = subtasks.of('all');
  const none = { outcome: null, cause: null };
  const ended = subtasks.of('completed', 'failed', 'cancelled', 'skipped', 'unreached');
  if (ended === all) {
    if (subtasks.of('failed') > 0) return { ...none, status: 'failed' };
    if (cause !== null) return { status: 'skipped', outcome: null, cause };
    if (subtasks.of('unreached', 'cancelled') === all) {
      return subtasks.of('cancelled') > 0
        ? { ...none, status: 'cancelled' }
        : { status: 'skipped', outcome: null, cause: subtasks.cause };
    }
    if (subtasks.of('unreached') > 0) return { ...none, status: 'failed' };
    if (subtasks.of('skipped') === all) return { ...none, status: 'skipped' };
    const isWhole = subtasks.of('partial', 'cancelled') === 0;
    if (mayEnd) return { status: 'completed', outcome: isWhole ? 'whole' : 'partial', cause: null };
  }
  if (ended === all || ended > 0 || subtasks.of('in_progress', 'assigned') > 0)
    return { ...none, status: 'in_progress' };
  for (const status of ['ready', 'blocked', 'pending'] as const) {
    if (subtasks.of(status) > 0) return { ...none, status };
  }
  return { ...none, status: 'paused' };
}
