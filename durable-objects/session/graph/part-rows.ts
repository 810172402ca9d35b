import { type Part, type Subject, sumOf } from '../../../src/domain/decomposition/parts.ts';
import { pertEstimate } from '../../../src/domain/graph/estimate.ts';
import { ancestorsOf, familyOf } from '../../../src/domain/graph/reach.ts';
import { after } from '../../../src/domain/graph/task-graph.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { MAX_TASK_DEPTH, MAX_TASKS } from '../../../src/protocol/common/limits.ts';
import type { SessionParts } from '../parts.ts';
import { dependenciesOf, type TaskRow } from '../rows.ts';
import type { Place } from './stored-graph.ts';
import type { TaskDefinition } from './task-details.ts';

type Needs = Pick<SessionParts, 'records' | 'details' | 'graph' | 'storedGraph' | 'leases' | 'changes'>;

/** A part with its row: the one that it had before, or one to be created. */
interface Placed {
  part: Part;
  number: number;
  /** Null if the row is to be created. */
  row: TaskRow | null;
}

/** The rows of the parts of tasks. */
export class PartRows {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /**
   * Gives a task these parts. Of the parts that it had, those stay as they are with which an agent has begun. The others
   * are removed, or changed if they have the same name. Either all of it is done, or nothing.
   */
  replace(task: TaskRow, parts: readonly Part[], subject: Subject): Outcome<null> {
    const { records, details, storedGraph, leases, changes } = this.#parts;
    const before = this.#partsOf(task.number);
    const wanted = this.#wanted(parts, before);
    const placed = this.#place(task, wanted, before);
    const gone = this.#gone(task.number, placed, before);
    const obstacle = this.#whyNot(task, placed, gone);
    if (obstacle) return obstacle;

    for (const row of gone) {
      if (row.reserved_at !== null) leases.end(row.number, 'lost', 'removed');
      records.removeTask(row.number);
      details.remove(row.number);
    }
    const places = placed.map((one) => this.#placeOf(task, one, placed, before));
    for (const [index, { part, number, row }] of placed.entries()) {
      const place = places[index]!;
      if (row === null) storedGraph.add(part.title, place);
      else records.updateTask(number, place);
      details.define(number, this.#definitionOf(task, part, parts));
    }
    this.#estimate(task, parts, subject);
    changes.record([...places, records.task(task.number)!], gone);
    return ok(null);
  }

  /** The parts that the task has by its decomposition, by their names. */
  #partsOf(number: number): Map<string, TaskRow> {
    const { records, details } = this.#parts;
    const rows = details.partsOf(number).flatMap(({ task, name }): [string, TaskRow][] => {
      const row = records.task(task);
      return row ? [[name, row]] : [];
    });
    return new Map(rows);
  }

  /** The parts that are still to be done, with what they are parts of. */
  #wanted(parts: readonly Part[], before: ReadonlyMap<string, TaskRow>): Part[] {
    const closed = new Set<string>();
    return parts.filter(({ name, parent }) => {
      const row = before.get(name);
      const isOfClosed = parent !== null && closed.has(parent);
      const hasBegun = row !== undefined && this.#hasBegun(row);
      if (isOfClosed || (hasBegun && (isFinal(row) || !this.#parts.graph.isParent(row.number)))) closed.add(name);
      return !isOfClosed && !hasBegun;
    });
  }

  /** Whether an agent has begun with the task, or with a part of it. */
  #hasBegun(row: TaskRow): boolean {
    const { records, graph } = this.#parts;
    return familyOf(graph.tasks, row.number).some((number) => {
      const one = records.task(number)!;
      return isFinal(one) || records.hasBegun(one);
    });
  }

  #place(task: TaskRow, parts: readonly Part[], before: ReadonlyMap<string, TaskRow>): Placed[] {
    const { records, details } = this.#parts;
    let next = records.session().last_task + 1;
    const numbers = new Map([...before].map(([name, { number }]) => [name, number]));
    const added = (part: Part): Placed => {
      numbers.set(part.name, next);
      return { part, number: next++, row: null };
    };
    return parts.map((part) => {
      const row = before.get(part.name);
      const parent = part.parent === null ? task.number : numbers.get(part.parent);
      if (!row || row.parent !== parent) return added(part);
      // A task that asks for an agent has its prompt already.
      const isPrompted = records.lastMessageOf(row.number) > 0;
      const isSame = details.definition(row.number)?.description === this.#definitionOf(task, part, parts).description;
      return isPrompted && !isSame ? added(part) : { part, number: row.number, row };
    });
  }

  /** The tasks that are removed: parts that are not wanted any more, with their own parts. */
  #gone(number: number, placed: readonly Placed[], before: ReadonlyMap<string, TaskRow>): TaskRow[] {
    const { records, graph } = this.#parts;
    const kept = new Set(placed.filter(({ row }) => row !== null).map((one) => one.number));
    const gone = new Set<number>();
    for (const row of before.values()) {
      if (kept.has(row.number) || this.#hasBegun(row)) continue;
      for (const member of familyOf(graph.tasks, row.number)) if (!kept.has(member)) gone.add(member);
    }
    gone.delete(number);
    return [...gone].map((one) => records.task(one)!);
  }

  #whyNot(task: TaskRow, placed: readonly Placed[], gone: readonly TaskRow[]): Outcome<never> | null {
    const { records, graph, storedGraph, changes } = this.#parts;
    const { id } = records.session();
    const more = placed.filter(({ row }) => row === null).length - gone.length;
    if (!storedGraph.hasRoom(more)) {
      return refuse('limit_reached', `The session would have more than ${MAX_TASKS} tasks. Split the task less.`);
    }
    const levels = Math.max(0, ...placed.map(({ part }) => part.name.split('.').length));
    if (ancestorsOf(graph.tasks, task.number).length + 1 + levels > MAX_TASK_DEPTH) {
      return refuse(
        'limit_reached',
        `Subtasks can be ${MAX_TASK_DEPTH} deep. Split the task with a smaller max_depth.`,
      );
    }
    const goes = new Set(gone.map(({ number }) => number));
    const isPlaced = new Set(placed.map(({ number }) => number));
    const [added] = this.#addedByPeople(task.number, gone);
    if (added) {
      const part = records.task(added.parent!)!;
      const detail = `“${added.title}” was added to “${part.title}”, which would be removed. Remove it first, or create it outside.`;
      return refuse('has_dependents', detail, { current: [taskIdOf(id, added.number)] });
    }
    const waiting = records
      .tasks()
      .filter(({ number }) => !goes.has(number) && !isPlaced.has(number))
      .filter((row) => dependenciesOf(row).some((one) => goes.has(one.task)));
    if (waiting.length > 0) {
      const detail = `“${waiting[0]!.title}” waits for a part that would be removed. Take that dependency away first.`;
      return refuse('has_dependents', detail, {
        current: waiting.slice(0, 100).map(({ number }) => taskIdOf(id, number)),
      });
    }
    const before = this.#partsOf(task.number);
    return changes.whyCyclic(placed.map((one) => this.#placeOf(task, one, placed, before)));
  }

  /** Those of the tasks that are no parts of a decomposition. */
  #addedByPeople(whole: number, tasks: readonly TaskRow[]): TaskRow[] {
    const { details } = this.#parts;
    const split = [whole, ...tasks.map(({ number }) => number)];
    const parts = new Set(split.flatMap((number) => details.partsOf(number).map(({ task }) => task)));
    return tasks.filter(({ number, kind }) => kind === 'work' && !parts.has(number));
  }

  #placeOf(
    task: TaskRow,
    { part, number, row }: Placed,
    placed: readonly Placed[],
    before: ReadonlyMap<string, TaskRow>,
  ): Place {
    const numberOf = (name: string) => placed.find((one) => one.part.name === name)?.number ?? before.get(name)?.number;
    const depends_on = part.depends_on.flatMap((name) => {
      const other = numberOf(name);
      return other === undefined ? [] : [after(other)];
    });
    return {
      number,
      title: part.title,
      parent: part.parent === null ? task.number : (numberOf(part.parent) ?? task.number),
      depends_on: JSON.stringify(depends_on),
      priority: part.priority,
      hours: pertEstimate(part.estimate).hours,
      max_attempts: row?.max_attempts ?? task.max_attempts,
      gate: row?.gate ?? null,
      timeout_seconds: row?.timeout_seconds ?? task.timeout_seconds,
    };
  }

  /** The checks of the task run in the parts that come last. */
  #definitionOf(task: TaskRow, part: Part, parts: readonly Part[]): TaskDefinition {
    const own = this.#parts.details.definition(task.number);
    const isLast = !parts.some(
      ({ parent, depends_on }) =>
        parent === part.name || depends_on.some((name) => name === part.name || part.name.startsWith(`${name}.`)),
    );
    return {
      description: part.description,
      ...(part.paths.length > 0 && { paths: [...part.paths] }),
      required_capabilities: [...part.required_capabilities],
      required_labels: own?.required_labels ?? [],
      estimate: part.estimate,
      checks: isLast ? (own?.checks ?? []) : [],
      part: { of: task.number, name: part.name },
    };
  }

  /** If nobody has estimated the task, the sum of its parts is its estimate. */
  #estimate(task: TaskRow, parts: readonly Part[], { estimate }: Subject): void {
    const { records, details } = this.#parts;
    if (estimate !== null) return;
    const sum = sumOf(parts.filter(({ parent }) => parent === null));
    records.updateTask(task.number, { hours: pertEstimate(sum).hours });
    const own = details.definition(task.number);
    if (own) details.define(task.number, { ...own, estimate: sum });
  }
}
