import { decompose } from '../../../src/domain/decomposition/decompose.ts';
import { around } from '../../../src/domain/decomposition/parts.ts';
import { correctionPrompt, plannerPrompt } from '../../../src/domain/decomposition/planner-prompt.ts';
import { partsOfPlan, readPlan } from '../../../src/domain/decomposition/read-plan.ts';
import { pertEstimate } from '../../../src/domain/graph/estimate.ts';
import { after, delaysStart } from '../../../src/domain/graph/task-graph.ts';
import { taskStatusUnder } from '../../../src/domain/session/session-status.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import { MAX_TASKS } from '../../../src/protocol/common/limits.ts';
import { truncated } from '../../../src/protocol/common/text.ts';
import { MAX_TITLE_CHARS } from '../../../src/protocol/session/title.ts';
import type { TaskTemplate } from '../../../src/protocol/workspace/task-template.ts';
import type { SessionParts } from '../parts.ts';
import { dependenciesOf, readError, type TaskRow } from '../rows.ts';
import type { StoredDecomposition } from './task-details.ts';

type Needs = Pick<SessionParts, 'records' | 'details' | 'messages' | 'storedGraph' | 'changes' | 'splits'>;

const MAX_PLANS = 2;
const PLANNER_HOURS = 0.25;
const MAX_REASON_CHARS = 2_000;
const BY_THE_PLANNERS = 'planner';

/**
 * Asks agents for plans. The agent of a planned task works on a task of its own, of the kind `plan`, that comes before it.
 * Whatever becomes of that one, the planned task goes on: with the parts of the plan, with those of a template, or undivided.
 */
export class Planners {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Adds the task of an agent that plans. @param template what is used if no plan is */
  ask(task: TaskRow, template: TaskTemplate | null, max_depth: number): Outcome<null> {
    const { records, details, storedGraph, changes } = this.#parts;
    if (!storedGraph.hasRoom())
      return refuse(
        'limit_reached',
        `The session has ${MAX_TASKS} tasks, so that no agent can be asked for a plan. Split the task by rules.`,
      );
    const { last_task } = records.session();
    const subject = this.#parts.splits.subjectOf(task);
    const estimate = around(PLANNER_HOURS);
    const number = last_task + 1;
    // An earlier planner has ended.
    const before = dependenciesOf(task).filter((one) => records.task(one.task)?.kind !== 'plan');
    const place = {
      number,
      title: truncated(`Plan: ${subject.title}`, MAX_TITLE_CHARS),
      kind: 'plan' as const,
      parent: task.parent,
      depends_on: JSON.stringify(before.filter(({ dependency_type }) => delaysStart(dependency_type))),
      priority: task.priority,
      hours: pertEstimate(estimate).hours,
      max_attempts: task.max_attempts,
      gate: null,
      timeout_seconds: task.timeout_seconds,
    };
    storedGraph.add(place.title, place);
    details.define(number, {
      description: plannerPrompt(subject),
      required_capabilities: ['task_decomposition'],
      required_labels: details.definition(task.number)?.required_labels ?? [],
      estimate,
      plans: task.number,
    });
    records.updateTask(task.number, { depends_on: JSON.stringify([...before, after(number, false)]) });
    this.#parts.splits.save(task.number, {
      state: 'planning',
      strategy: 'agent',
      template: null,
      attempt: 1,
      reason: null,
      planner: number,
      fallback: { template, max_depth },
      summed_hours: details.decomposition(task.number)?.summed_hours ?? null,
    });
    changes.record([place, records.task(task.number)!]);
    return ok(null);
  }

  /**
   * Sends a plan back that cannot be used, with what is wrong with it, which continues the lease. It does so once.
   * @returns whether it did
   */
  sendBack(planner: number, answer: string): boolean {
    const { messages } = this.#parts;
    const planned = this.#plannedBy(planner);
    if (planned === null) return false;
    const plan = readPlan(answer);
    if (plan.ok || planned.stored.attempt >= MAX_PLANS) return false;
    const reason = shortened(plan.problems);
    this.#parts.splits.save(planned.task.number, { ...planned.stored, attempt: planned.stored.attempt + 1, reason });
    messages.add(planner, correctionPrompt(plan.problems), 'follow_up', BY_THE_PLANNERS);
    return true;
  }

  /** Call this when a task of the kind `plan` has ended. */
  ended(planner: number): void {
    const { records, details } = this.#parts;
    const planned = this.#plannedBy(planner);
    if (planned === null || isClosing(taskStatusUnder(records.session().intent))) return;
    const { task, stored } = planned;
    const row = records.task(planner)!;
    const text = details.result(planner)?.text;
    if (row.status !== 'completed' || typeof text !== 'string') return this.#fallBack(task, stored, whyNoPlan(row));
    const plan = readPlan(text);
    if (!plan.ok) return this.#fallBack(task, stored, shortened(plan.problems));
    const subject = this.#parts.splits.subjectOf(task);
    const how = { strategy: 'agent', template: null, attempt: stored.attempt, reason: null, planner } as const;
    const done = this.#parts.splits.apply(task, partsOfPlan(plan.tasks, subject), subject, how);
    if (!done.ok) this.#fallBack(task, stored, done.failure.detail);
  }

  /** The task for which this one plans, while its plan is awaited; else null. */
  #plannedBy(planner: number): { task: TaskRow; stored: StoredDecomposition } | null {
    const { records, details } = this.#parts;
    const number = details.definition(planner)?.plans;
    const task = number === undefined ? undefined : records.task(number);
    const stored = task && details.decomposition(task.number);
    return task && stored?.state === 'planning' && stored.planner === planner && !isFinal(task)
      ? { task, stored }
      : null;
  }

  /** Splits a task by the template that was chosen for this, because no plan can be used. */
  #fallBack(task: TaskRow, stored: StoredDecomposition, why: string): void {
    const reason = truncated(why, MAX_REASON_CHARS);
    const { template = null, max_depth = 1 } = stored.fallback ?? {};
    const subject = this.#parts.splits.subjectOf(task);
    const templates = template === null ? [] : [template];
    const made = decompose(subject, { strategy: 'template', apply_templates: true, max_depth, templates });
    const { attempt, planner } = stored;
    const how = { strategy: 'template', template: made?.template ?? null, attempt, planner, reason } as const;
    const done = made && this.#parts.splits.apply(task, made.parts, subject, how);
    if (!done?.ok) this.#parts.splits.undivided(task, 'agent', reason, stored);
  }
}

/** Whether the session is ending, so that nothing is planned any more. */
function isClosing(status: ReturnType<typeof taskStatusUnder>): boolean {
  return status !== null && isFinal({ status });
}

function whyNoPlan(planner: TaskRow): string {
  return readError(planner)?.message ?? `The task of the agent that was to plan is ${planner.status}.`;
}

function shortened(problems: readonly string[]): string {
  return truncated(problems.join('\n'), MAX_REASON_CHARS);
}
