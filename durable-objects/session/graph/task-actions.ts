import { ancestorsOf, familyOf, tasksAfter } from '../../../src/domain/graph/reach.ts';
import { hasEnded, legalActions, nextStatus } from '../../../src/domain/session/session-machine.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import type { TaskChange } from '../../../src/ports/sessions.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import type { SessionError } from '../../../src/protocol/session/session.ts';
import type { RetryTaskRequest, UpdateTaskStatusRequest } from '../../../src/protocol/session/task-changes.ts';
import type { SessionParts } from '../parts.ts';
import { NO_SUCH_TASK, type TaskRow } from '../rows.ts';

type Needs = Pick<SessionParts, 'records' | 'graph' | 'leases' | 'transitions' | 'runs' | 'changes'>;
type Ending = UpdateTaskStatusRequest['status'];
type Action = Extract<TaskChange, { type: 'status' | 'retry' }>;

/** Why a task of a kind is not done by a word: what comes after it needs what it makes. */
const MADE_BY_WORK: Partial<Record<TaskRow['kind'], string>> = {
  resolve: 'That would not resolve the conflict. Answer the question which version stays, or cancel the task.',
  integrate: 'Only an agent can merge the work of the tasks. The task can be cancelled or skipped.',
  deliver: 'Only an agent can complete a delivery. It can be cancelled or skipped.',
};

/** The actions of people and programs on single tasks: they end a task from outside, and start it again. */
export class TaskActions {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  act(number: number, action: Action, by: string): Outcome<null> {
    const task = this.#parts.records.task(number);
    if (!task) return NO_SUCH_TASK;
    return action.type === 'status' ? this.#end(task, action.body, by) : this.#retry(task, action.body, by);
  }

  /** Ends a task and its subtasks. An agent at work stops, and keeps its lease until it has sent its last checkpoint. */
  #end(task: TaskRow, { status, reason }: UpdateTaskStatusRequest, by: string): Outcome<null> {
    const { records, graph, transitions } = this.#parts;
    const { status: of } = records.session();
    if (hasEnded(of) && !task.aside) return this.#refuse(`The session is ${of}, so its tasks cannot change.`);
    if (isFinal(task)) return this.#refuse(`The task is ${task.status} already. It can be retried.`);
    const isParent = graph.isParent(task.number);
    if (isParent && (status === 'completed' || status === 'failed')) {
      return this.#refuse('A task with subtasks is done or fails with them. It can be cancelled or skipped.');
    }
    const message = reason ?? 'The task was failed from outside.';
    const obstacle = this.#whyNotDone(task, status);
    if (obstacle !== null) return this.#refuse(obstacle);
    this.endAll(task.number, status, status === 'failed' ? { code: 'failed', message, retryable: false } : null);
    transitions.settle({ reason: `by ${by}` });
    return ok(null);
  }

  /** Why a person cannot say that a task is done, or not needed; null if one can. */
  #whyNotDone({ number, kind }: TaskRow, status: Ending): string | null {
    const made = MADE_BY_WORK[kind];
    if (made !== undefined && (status === 'completed' || (status === 'skipped' && kind === 'resolve'))) return made;
    if (status !== 'completed') return null;
    // What comes after the task would begin without what the agent has not saved yet.
    if (!this.#parts.records.liveLease(number)) return null;
    return 'An agent works on the task, and its newest work is not here yet. Wait for its result, or pause the session, which saves the work, and complete the task then.';
  }

  /** Ends a task and its subtasks, except those that have ended before. The caller settles. */
  endAll(number: number, status: Ending, error: SessionError | null = null): void {
    const { records, graph, leases, transitions } = this.#parts;
    for (const member of familyOf(graph.tasks, number)) {
      if (graph.isParent(member) || isFinal(records.task(member)!)) continue;
      leases.stop(member, status);
      transitions.task(member, {
        status,
        setback: null,
        degraded_by: null,
        outcome: status === 'completed' ? 'whole' : null,
        ...(error && { error: JSON.stringify(error) }),
      });
    }
  }

  /** Starts a task again. The tasks that were skipped because of it start too; on request, all that follow it. */
  #retry(task: TaskRow, { with_dependents }: RetryTaskRequest, by: string): Outcome<null> {
    const { records, graph, runs, changes, leases, transitions } = this.#parts;
    const { status } = records.session();
    if (hasEnded(status) && nextStatus(status, 'retry') === null) {
      return this.#refuse(`The session is ${status}, and cannot be retried. Create another one.`);
    }
    if (!isFinal(task)) return this.#refuse(`The task is ${task.status}, and has not ended yet.`);
    if (task.aside) return this.#refuse('A delivery starts again when the session is asked for it again.');
    const { tasks } = graph;
    const again = new Set(familyOf(tasks, task.number));
    const causes = new Set([...again, ...ancestorsOf(tasks, task.number)]);
    for (const number of tasksAfter(tasks, task.number)) {
      const { cause } = records.task(number)!;
      if (with_dependents || (cause !== null && causes.has(cause))) again.add(number);
    }
    const isIncluded = (row: TaskRow) => again.has(row.number) && isFinal(row);
    if (hasEnded(status)) {
      runs.begin(by, (row) => isIncluded(row) || !isFinal(row));
      return ok(null);
    }
    const delivered = changes.whyDelivered();
    if (delivered) return delivered;
    changes.withdrawDelivery();
    const rows = graph.leaves().filter((row) => again.has(row.number) && (isFinal(row) || records.hasBegun(row)));
    // The agent of an ended task may still be sending its last checkpoint.
    for (const row of rows) if (!isFinal(row) || records.liveLease(row.number)) leases.end(row.number, 'lost', 'retry');
    runs.beginAnew(rows);
    transitions.settle({ reason: `by ${by}` });
    return ok(null);
  }

  #refuse(detail: string): Outcome<never> {
    return refuse('illegal_transition', detail, { legal_actions: legalActions(this.#parts.records.session().status) });
  }
}
