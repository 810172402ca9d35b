import { readRefusals } from '../../../src/domain/dispatch/refusals.ts';
import { complexityOf, pertEstimate, UNESTIMATED_HOURS } from '../../../src/domain/graph/estimate.ts';
import { tasksAfter, tasksBefore } from '../../../src/domain/graph/reach.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import { type Outcome, ok } from '../../../src/protocol/common/errors.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { Page, PageQuery } from '../../../src/protocol/common/page.ts';
import type { SessionGraph, Task, TaskView } from '../../../src/protocol/session/task.ts';
import type { TaskDependencies } from '../../../src/protocol/session/task-changes.ts';
import { Keyset } from '../../kit/storage/keyset.ts';
import { instant, instantOrNull } from '../../kit/text.ts';
import { viewOf } from '../assignments.ts';
import type { SessionParts } from '../parts.ts';
import { dependenciesOf, NO_SUCH_TASK, readAssignment, readBlockage, readError, type TaskRow } from '../rows.ts';
import { lastSeenAt } from '../run/run-sockets.ts';
import { correctionOf } from './corrections.ts';
import { graphView } from './graph-view.ts';
import { decompositionView } from './splits.ts';

type Needs = Pick<SessionParts, 'config' | 'kit' | 'records' | 'details' | 'graph' | 'editedFiles'>;

/** The most tasks in a view of a session. */
const MAX_INCLUDED_TASKS = 500;
const OLDEST_FIRST = new Keyset('tasks', [{ sql: 'number' }]);

/** Builds the API's views of tasks and of their graph. It only reads. */
export class TaskViews {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** The first tasks of the session. */
  included(): TaskView[] {
    return this.#parts.records.tasks().slice(0, MAX_INCLUDED_TASKS).map(this.#viewer());
  }

  page(page: PageQuery): Outcome<Page<TaskView>> {
    const { kit, records } = this.#parts;
    const numbers = OLDEST_FIRST.page<{ number: number }>(kit.store, { select: 'number', from: 'tasks' }, page);
    if (!numbers.ok) return numbers;
    const view = this.#viewer();
    return ok({ ...numbers.value, items: numbers.value.items.map(({ number }) => view(records.task(number)!)) });
  }

  task(number: number, withSubtasks: boolean): Outcome<Task> {
    const task = this.#parts.records.task(number);
    if (!task) return NO_SUCH_TASK;
    return ok(this.#whole(task, withSubtasks, this.#viewer()));
  }

  dependencies(number: number): Outcome<TaskDependencies> {
    const { records, graph } = this.#parts;
    const { id, graph_version } = records.session();
    const task = records.task(number);
    if (!task) return NO_SUCH_TASK;
    const idOf = (one: number) => taskIdOf(id, one);
    const dependents = records.tasks().flatMap((row) =>
      dependenciesOf(row)
        .filter((dependency) => dependency.task === number)
        .map(({ task: _, ...how }) => ({ task_id: idOf(row.number), ...how })),
    );
    return ok({
      task_id: idOf(number),
      graph_version,
      depends_on: dependenciesOf(task).map(({ task: other, ...how }) => ({ task_id: idOf(other), ...how })),
      dependents,
      before: tasksBefore(graph.tasks, number).map(idOf),
      after: tasksAfter(graph.tasks, number).map(idOf),
    });
  }

  /** The graph, and when its tasks are expected to end with so many agents at a time. */
  graph(agents = this.#parts.records.spec().max_parallel): SessionGraph {
    return graphView(this.#parts, agents);
  }

  /** Builds views of tasks as they are now. What corrects their estimates is found once, if one has an estimate. */
  #viewer(): (task: TaskRow) => TaskView {
    let known: ReturnType<typeof correctionOf> | null = null;
    return (task) => {
      if (task.hours === null) return { ...this.#view(task), corrected_hours: null, confidence: 0 };
      known ??= correctionOf(this.#parts);
      const { factor, confidence } = known(task);
      return { ...this.#view(task), corrected_hours: task.hours * factor, confidence };
    };
  }

  #view(task: TaskRow): Omit<TaskView, 'corrected_hours' | 'confidence'> {
    const { config, kit, records, editedFiles, graph } = this.#parts;
    const { id } = records.session();
    const idOf = (number: number) => taskIdOf(id, number);
    const lease = records.liveLease(task.number);
    const last = records.leaseOfRun(task.number);
    const assignment = readAssignment(task);
    const isWaiting = task.status === 'ready' || task.status === 'pending';
    const refusals = isWaiting ? readRefusals(task.refused_by) : [];
    return {
      id: idOf(task.number),
      title: task.title,
      kind: task.kind,
      status: task.status,
      attempt: records.attempt(task),
      epoch: task.epoch,
      agent_id: last?.agent_id ?? null,
      agent_name: last?.agent_name ?? null,
      lease_expires_at:
        lease && !isFinal(task) ? instant(lastSeenAt(kit.store.platform, lease) + config.lease_ttl_ms) : null,
      last_assignment: assignment && viewOf(assignment),
      ...(refusals.length > 0 && {
        refusals: refusals.map(({ agent_id, agent_name, message }) => ({ agent_id, agent_name, message })),
      }),
      parent_task_id: task.parent === null ? null : idOf(task.parent),
      priority: task.priority,
      depends_on: dependenciesOf(task).map(({ task: other, ...how }) => ({ task_id: idOf(other), ...how })),
      waiting_on: isFinal(task) ? [] : graph.live.waitsFor(task.number).map(idOf),
      timeout_seconds: task.timeout_seconds,
      conflict_risk: editedFiles.risksOf(task),
      requires_approval: task.gate !== null,
      blocked_by: readBlockage(task),
      caused_by: task.cause === null ? null : idOf(task.cause),
      error: readError(task),
      estimated_hours: task.hours,
      complexity_level: complexityOf(task.hours ?? UNESTIMATED_HOURS),
      started_at: instantOrNull(task.started_at),
      ended_at: instantOrNull(task.ended_at),
    };
  }

  #whole(task: TaskRow, withSubtasks: boolean, view: (task: TaskRow) => TaskView): Task {
    const { records, details, graph } = this.#parts;
    const definition = details.definition(task.number);
    const spec = records.spec();
    const estimate = definition?.estimate ?? null;
    const subtasks = graph.tasks.children.get(task.number) ?? [];
    const decomposition = details.decomposition(task.number);
    return {
      ...view(task),
      session_id: records.session().id,
      description: definition?.description ?? spec.initial_prompt,
      required_capabilities: definition?.required_capabilities ?? spec.required_capabilities,
      required_labels: definition?.required_labels ?? spec.required_labels,
      paths: definition?.paths ?? [],
      estimate,
      deviation_hours: estimate && pertEstimate(estimate).deviation_hours,
      checks: details.checks(task.number),
      result: details.result(task.number),
      decomposition:
        decomposition && decompositionView(decomposition, (other) => taskIdOf(records.session().id, other)),
      ...(withSubtasks && {
        subtasks: subtasks.map((number) => this.#whole(records.task(number)!, true, view)),
      }),
    };
  }
}
