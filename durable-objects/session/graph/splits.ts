import type { Part, Subject } from '../../../src/domain/decomposition/parts.ts';
import type { ThreePointEstimate } from '../../../src/domain/graph/estimate.ts';
import { type Outcome, ok } from '../../../src/protocol/common/errors.ts';
import { IMPLICIT_TASK } from '../../../src/protocol/common/ids.ts';
import type { DecompositionView } from '../../../src/protocol/session/decomposition.ts';
import type { SessionParts } from '../parts.ts';
import type { TaskRow } from '../rows.ts';
import type { StoredDecomposition } from './task-details.ts';

type Needs = Pick<SessionParts, 'records' | 'details' | 'log' | 'partRows'>;

/** Stores how tasks were split: by rules, by an agent's plan, or not at all. */
export class Splits {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Gives a task its parts, and records how it came to them. */
  apply(
    task: TaskRow,
    parts: readonly Part[],
    subject: Subject,
    how: Pick<StoredDecomposition, 'strategy' | 'template' | 'attempt' | 'reason' | 'planner'>,
  ): Outcome<null> {
    const done = this.#parts.partRows.replace(task, parts, subject);
    if (!done.ok) return done;
    const summed_hours = subject.estimate === null ? this.#parts.records.task(task.number)!.hours : null;
    this.save(task.number, { ...how, state: 'applied', fallback: null, summed_hours });
    return ok(null);
  }

  /** Records that a task stays one, and why. */
  undivided(
    task: TaskRow,
    strategy: StoredDecomposition['strategy'],
    reason: string,
    before?: StoredDecomposition,
  ): void {
    const { attempt = 0, planner = null, summed_hours = null } = before ?? {};
    const how = { state: 'undivided', strategy, template: null, attempt, planner, fallback: null } as const;
    this.save(task.number, { ...how, reason, summed_hours });
  }

  /** What is to be split. The sum of the parts that the task has had is no estimate of it. */
  subjectOf(task: TaskRow): Subject {
    const { records, details } = this.#parts;
    const own = details.definition(task.number);
    const spec = records.spec();
    const { hours } = records.task(task.number)!;
    const isGiven = hours !== null && hours !== details.decomposition(task.number)?.summed_hours;
    const given = isGiven ? (own?.estimate ?? exactly(hours)) : null;
    return {
      title: task.number === IMPLICIT_TASK ? spec.title : task.title,
      description: own?.description ?? spec.initial_prompt,
      estimate: given,
      required_capabilities: own?.required_capabilities ?? spec.required_capabilities,
      priority: task.priority,
    };
  }

  /** Stores the state of a split, and reports it as an event. */
  save(task: number, stored: StoredDecomposition): void {
    const { details, log } = this.#parts;
    details.saveDecomposition(task, stored);
    const { state, strategy, template, attempt, reason } = stored;
    log.append(task, { type: 'task.decomposition', data: { state, strategy, template, attempt, reason } });
  }
}

/** An estimate without spread. */
function exactly(hours: number): ThreePointEstimate {
  return { optimistic_hours: hours, likely_hours: hours, pessimistic_hours: hours };
}

/** How a task was split, as people see it. @param idOf the id of a task */
export function decompositionView(stored: StoredDecomposition, idOf: (task: number) => string): DecompositionView {
  const { state, strategy, template, attempt, reason, planner } = stored;
  return { state, strategy, template, attempt, reason, plan_task_id: planner === null ? null : idOf(planner) };
}
