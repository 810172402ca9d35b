import { pertEstimate } from '../../../src/domain/graph/estimate.ts';
import { ancestorsOf } from '../../../src/domain/graph/reach.ts';
import { after, type Dependency } from '../../../src/domain/graph/task-graph.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import { type FieldError, type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import { IMPLICIT_TASK, taskIdOf, taskNumber } from '../../../src/protocol/common/ids.ts';
import { MAX_GATES, MAX_TASK_DEPTH, MAX_TASKS } from '../../../src/protocol/common/limits.ts';
import type { GraphCreated } from '../../../src/protocol/session/task.ts';
import type { CreateGraphRequest, NewTask } from '../../../src/protocol/session/task-requests.ts';
import type { SessionParts } from '../parts.ts';
import type { TaskRow } from '../rows.ts';
import type { Place } from './stored-graph.ts';

type Needs = Pick<SessionParts, 'records' | 'details' | 'graph' | 'storedGraph' | 'changes'>;

/** Creates tasks with their dependencies. A request is checked as a whole before anything is written. */
export class NewTasks {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Creates tasks with their dependencies: all of them or none. */
  create({ tasks: wanted, graph_version }: CreateGraphRequest): Outcome<GraphCreated> {
    const { records, details, storedGraph, changes } = this.#parts;
    const { id, last_task } = records.session();
    const obstacle = changes.whyNot(graph_version);
    if (obstacle) return obstacle;
    const read = this.#read(wanted);
    if (!read.ok) return read;
    const problem = this.#check(read.value);
    if (problem) return problem;

    for (const [index, place] of read.value.entries()) {
      const { description, paths, required_capabilities, required_labels, estimate, checks } = wanted[index]!;
      storedGraph.add(place.title, place);
      details.define(place.number, { description, paths, required_capabilities, required_labels, estimate, checks });
    }
    const version = changes.record(read.value);
    const task_ids = read.value.map((_, index) => taskIdOf(id, last_task + 1 + index));
    return ok({ graph_version: version, task_ids });
  }

  /** Gives each new task a number, and finds the tasks that it names. */
  #read(wanted: readonly NewTask[]): Outcome<Place[]> {
    const { records, storedGraph } = this.#parts;
    const { id, last_task } = records.session();
    const errors: FieldError[] = [];
    const byName = new Map<string, number>();
    for (const [index, { name }] of wanted.entries()) {
      if (name === undefined) continue;
      if (byName.has(name)) errors.push({ path: `tasks.${index}.name`, message: 'must be of one task only' });
      byName.set(name, last_task + 1 + index);
    }
    const find = (name: string, path: string): number => {
      const number = byName.get(name) ?? taskNumber(name);
      const exists = byName.has(name) || (records.task(number) !== undefined && taskIdOf(id, number) === name);
      if (!exists)
        errors.push({ path, message: 'must be the name of a task of the request, or the id of one of the session' });
      return number;
    };
    const places = wanted.map((task, index): Place => {
      const { title, parent, priority, estimate, max_attempts, depends_on, requires_approval } = task;
      const { timeout_seconds } = task;
      const path = `tasks.${index}`;
      const dependencies = depends_on.map((item, at): Dependency => {
        const { task, ...how } = typeof item === 'string' ? { task: item } : item;
        return { ...after(find(task, `${path}.depends_on.${at}`)), ...how };
      });
      return {
        number: last_task + 1 + index,
        title,
        parent: parent === undefined ? this.#usualParent() : parent === null ? null : find(parent, `${path}.parent`),
        depends_on: JSON.stringify(dependencies),
        priority,
        hours: estimate ? pertEstimate(estimate).hours : null,
        max_attempts: max_attempts ?? null,
        timeout_seconds: timeout_seconds ?? null,
        gate: requires_approval ? 'closed' : null,
      };
    });
    if (!storedGraph.hasRoom(wanted.length)) {
      errors.push({ path: 'tasks', message: `must leave the session with at most ${MAX_TASKS} tasks` });
    }
    const gated = [...records.tasks(), ...places].filter(({ gate }) => gate !== null);
    if (gated.length > MAX_GATES) {
      errors.push({ path: 'tasks', message: `must leave at most ${MAX_GATES} tasks that require an approval` });
    }
    const detail = 'The tasks do not fit together. The errors say how to correct them.';
    return errors.length > 0 ? refuse('validation_failed', detail, { errors }) : ok(places);
  }

  /** The session's own task stands for its prompt. It can be split until an agent begins with it. */
  #usualParent(): number | null {
    const first = this.#parts.records.task(IMPLICIT_TASK);
    return first && this.#mayHaveSubtasks(first) ? IMPLICIT_TASK : null;
  }

  #mayHaveSubtasks(task: TaskRow): boolean {
    const { records, graph } = this.#parts;
    return !isFinal(task) && (graph.isParent(task.number) || !records.hasBegun(task));
  }

  /** Why the tasks cannot be added; null if they can. The graph in memory then has them. */
  #check(places: readonly Place[]): Outcome<never> | null {
    const { records, graph, changes } = this.#parts;
    for (const number of new Set(places.map(({ parent }) => parent))) {
      const parent = number === null ? undefined : records.task(number);
      if (!parent || this.#mayHaveSubtasks(parent)) continue;
      const state = isFinal(parent) ? 'has ended' : 'is being worked on';
      const detail = `The task “${parent.title}” ${state}, so it can have no subtasks. Create the task beside it.`;
      return refuse('illegal_transition', detail);
    }
    const cyclic = changes.whyCyclic(places);
    if (cyclic) return cyclic;
    const tooDeep = places.findIndex(({ number }) => ancestorsOf(graph.tasks, number).length >= MAX_TASK_DEPTH);
    if (tooDeep < 0) return null;
    graph.forget();
    const errors = [{ path: `tasks.${tooDeep}.parent`, message: `must be at most ${MAX_TASK_DEPTH} deep` }];
    return refuse('validation_failed', 'The subtasks are nested too deeply.', { errors });
  }
}
