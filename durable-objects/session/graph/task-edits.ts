import { pertEstimate } from '../../../src/domain/graph/estimate.ts';
import { familyOf } from '../../../src/domain/graph/reach.ts';
import { type Dependency, delaysStart } from '../../../src/domain/graph/task-graph.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import type { RemoveOptions, TaskChange } from '../../../src/ports/sessions.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import { IMPLICIT_TASK, taskIdOf, taskNumber } from '../../../src/protocol/common/ids.ts';
import { MAX_DEPENDENCIES, MAX_GATES } from '../../../src/protocol/common/limits.ts';
import type { AddDependencyRequest, UpdateTaskRequest } from '../../../src/protocol/session/task-changes.ts';
import type { SessionParts } from '../parts.ts';
import { dependenciesOf, NO_SUCH_TASK, type TaskRow } from '../rows.ts';

type Needs = Pick<SessionParts, 'records' | 'details' | 'graph' | 'leases' | 'reservations' | 'changes'>;
type Edit = Exclude<TaskChange, { type: 'status' | 'retry' }>;

/** Changes of the tasks that are there, and of their dependencies. Each is checked before anything is written. */
export class TaskEdits {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  edit(number: number, edit: Edit): Outcome<null> {
    const task = this.#parts.records.task(number);
    if (!task) return NO_SUCH_TASK;
    const obstacle = this.#parts.changes.whyNot(edit.body.graph_version);
    if (obstacle) return obstacle;
    if (isFinal(task))
      return refuse('illegal_transition', `The task is ${task.status}. Retry it before you change it.`);
    if (edit.type === 'update') return this.#update(task, edit.body);
    return edit.type === 'add_dependency'
      ? this.#depend(task, edit.body)
      : this.#release(task, edit.body.depends_on_task_id);
  }

  /** Removes a task with its subtasks and, on request, with all that depend on them. */
  remove(number: number, { cascade, graph_version }: RemoveOptions): Outcome<null> {
    const { records, details, graph, leases, changes } = this.#parts;
    const task = records.task(number);
    if (!task) return NO_SUCH_TASK;
    const obstacle = changes.whyNot(graph_version);
    if (obstacle) return obstacle;
    const { id } = records.session();
    const gone = new Set(familyOf(graph.tasks, number));
    const dependents = (): TaskRow[] =>
      records.tasks().filter((row) => !gone.has(row.number) && dependenciesOf(row).some((one) => gone.has(one.task)));
    for (let more = dependents(); more.length > 0; more = dependents()) {
      if (!cascade) {
        const detail = `“${more[0]!.title}” and ${more.length - 1} other tasks wait for this one. Set cascade=true to remove them too.`;
        return refuse('has_dependents', detail, { current: more.slice(0, 100).map((row) => taskIdOf(id, row.number)) });
      }
      for (const row of more) for (const member of familyOf(graph.tasks, row.number)) gone.add(member);
    }
    if (gone.has(IMPLICIT_TASK)) {
      return refuse('illegal_transition', 'The first task stands for the session, and stays. Delete the session.');
    }
    const rows = [...gone].map((one) => records.task(one)!);
    const begun = rows.find((row) => records.hasBegun(row) || isFinal(row));
    if (begun) {
      const detail = `“${begun.title}” is ${begun.status}, and a task that has begun stays. Cancel it instead.`;
      return refuse('illegal_transition', detail);
    }
    for (const row of rows) {
      if (row.reserved_at !== null) leases.end(row.number, 'lost', 'removed');
      records.removeTask(row.number);
      details.remove(row.number);
    }
    changes.record([], rows);
    return ok(null);
  }

  #update(task: TaskRow, { graph_version: _, ...body }: UpdateTaskRequest): Outcome<null> {
    const { records, details, changes } = this.#parts;
    const { description, required_capabilities, required_labels, checks, estimate, title, priority, max_attempts } =
      body;
    const { requires_approval, timeout_seconds } = body;
    const { paths } = body;
    const needed = { description, required_capabilities, required_labels, checks, paths };
    const isNeeded = Object.values(needed).some((value) => value !== undefined);
    const before = details.definition(task.number);
    if (isNeeded && (before === null || records.lastMessageOf(task.number) > 0)) {
      const why = before === null ? 'It stands for the prompt of the session' : 'It asks for an agent, or has had one';
      return refuse('illegal_transition', `${why}, so only title, priority, estimate and limits can change.`);
    }
    const gate = requires_approval === undefined ? task.gate : requires_approval ? (task.gate ?? 'closed') : null;
    const problem = gate === task.gate ? null : this.#whyNoOtherGate(task);
    if (problem) return problem;
    if (before)
      details.define(task.number, {
        ...before,
        ...defined(needed),
        ...(estimate !== undefined && { estimate: estimate ?? undefined }),
      });
    const hours = estimate ? pertEstimate(estimate).hours : null;
    records.updateTask(task.number, {
      ...defined({ title, priority, max_attempts, timeout_seconds }),
      ...(estimate !== undefined && { hours }),
      gate,
    });
    this.#tell(task, body);
    changes.record(this.#parts.graph.family(task.number));
    return ok(null);
  }

  /** What a change means for the agent that has the task, or is asked for. */
  #tell({ number, reserved_at }: TaskRow, { timeout_seconds, priority }: UpdateTaskRequest): void {
    const { records, leases, reservations } = this.#parts;
    const lease = records.liveLease(number);
    if (lease && timeout_seconds !== undefined) leases.limit(lease);
    if (priority !== undefined && (lease || reserved_at !== null)) reservations.tell(number);
  }

  /** Why it cannot change whether a person must approve the task; null if it can. */
  #whyNoOtherGate(task: TaskRow): Outcome<never> | null {
    const { records, graph } = this.#parts;
    const family = familyOf(graph.tasks, task.number).map((number) => records.task(number)!);
    if (family.some((row) => row.reserved_at !== null || (records.hasBegun(row) && !graph.isParent(row.number)))) {
      const detail = 'The task asks for an agent, or has had one, so it is too late for an approval of its start.';
      return refuse('illegal_transition', detail);
    }
    const others = records.tasks().filter(({ number, gate }) => number !== task.number && gate !== null);
    if (others.length < MAX_GATES) return null;
    return refuse('limit_reached', `${MAX_GATES} tasks of the session require an approval, and no more can.`);
  }

  #depend(task: TaskRow, { depends_on_task_id, dependency_type, is_required }: AddDependencyRequest): Outcome<null> {
    const { records } = this.#parts;
    const other = taskNumber(depends_on_task_id);
    if (!records.task(other) || taskIdOf(records.session().id, other) !== depends_on_task_id) {
      const errors = [{ path: 'depends_on_task_id', message: 'must be the id of a task of the same session' }];
      return refuse('validation_failed', 'The tasks are not of the same session.', { errors });
    }
    if (records.hasBegun(task) && delaysStart(dependency_type)) {
      const detail =
        'An agent has begun with the task, so it can only wait with its end: finish_to_finish or start_to_finish.';
      return refuse('illegal_transition', detail);
    }
    const kept = dependenciesOf(task).filter((one) => one.task !== other || one.dependency_type !== dependency_type);
    if (kept.length >= MAX_DEPENDENCIES) {
      return refuse('limit_reached', `The task waits for ${MAX_DEPENDENCIES} others, and can wait for no more.`);
    }
    return this.#waitFor(task, [...kept, { task: other, dependency_type, is_required }]);
  }

  #release(task: TaskRow, otherId: string): Outcome<null> {
    const others = dependenciesOf(task);
    const kept = others.filter((one) => taskIdOf(this.#parts.records.session().id, one.task) !== otherId);
    if (kept.length === others.length) return ok(null);
    const planner = others.map((one) => this.#parts.records.task(one.task)).find((row) => row?.kind === 'plan');
    if (planner && !isFinal(planner) && !kept.some((one) => one.task === planner.number)) {
      const detail = `“${planner.title}” plans this task, which waits for the plan. To go on without one, cancel it.`;
      return refuse('illegal_transition', detail);
    }
    return this.#waitFor(task, kept);
  }

  #waitFor(task: TaskRow, dependencies: Dependency[]): Outcome<null> {
    const { records, changes } = this.#parts;
    const depends_on = JSON.stringify(dependencies);
    const cyclic = changes.whyCyclic([{ ...task, depends_on }]);
    if (cyclic) return cyclic;
    // It begins with other works, which an agent that has refused may have or be able to merge.
    records.updateTask(task.number, { depends_on, refused_by: '[]' });
    changes.record([records.task(task.number)!]);
    return ok(null);
  }
}

/** The members that have a value. */
function defined<Members extends object>(members: Members): { [Name in keyof Members]: NonNullable<Members[Name]> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}
