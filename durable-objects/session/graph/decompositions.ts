import { chooseTemplate, templatesWith } from '../../../src/domain/decomposition/choose-template.ts';
import { type Decomposition, decompose } from '../../../src/domain/decomposition/decompose.ts';
import type { Subject } from '../../../src/domain/decomposition/parts.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import { type Outcome, refuse } from '../../../src/protocol/common/errors.ts';
import { IMPLICIT_TASK } from '../../../src/protocol/common/ids.ts';
import {
  type DecomposeTaskRequest,
  type SessionPlan,
  SPLIT_DEPTH,
} from '../../../src/protocol/session/decomposition.ts';
import type { TaskTemplate } from '../../../src/protocol/workspace/task-template.ts';
import type { SessionParts } from '../parts.ts';
import { NO_SUCH_TASK, type TaskRow } from '../rows.ts';

type Needs = Pick<SessionParts, 'records' | 'details' | 'graph' | 'changes' | 'planners' | 'splits'>;

/** Splits tasks into parts, on request and when a session is created. */
export class Decompositions {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** @param own the templates of the workspace */
  decompose(number: number, request: DecomposeTaskRequest, own: readonly TaskTemplate[]): Outcome<null> {
    const { records, changes, planners, splits } = this.#parts;
    const task = records.task(number);
    if (!task) return NO_SUCH_TASK;
    const obstacle = changes.whyNot(request.graph_version) ?? this.#whyNot(task);
    if (obstacle) return obstacle;
    const { strategy, apply_templates, max_depth } = request;
    const subject = splits.subjectOf(task);
    const templates = templatesWith(own);
    if (strategy === 'agent')
      return planners.ask(task, apply_templates ? chooseTemplate(subject, templates) : null, max_depth);
    const made = decompose(subject, { strategy, apply_templates, max_depth, templates });
    if (made === null) return NO_TEMPLATE;
    return this.#apply(task, made, subject);
  }

  /** Splits a new session. If no template fits, it stays one task. */
  plan(plan: SessionPlan, own: readonly TaskTemplate[]): void {
    if (plan === 'none') return;
    const { records, planners, splits } = this.#parts;
    const task = records.task(IMPLICIT_TASK)!;
    const subject = splits.subjectOf(task);
    const templates = templatesWith(own);
    if (plan === 'agent') {
      planners.ask(task, chooseTemplate(subject, templates), SPLIT_DEPTH);
      return;
    }
    const made = decompose(subject, { strategy: 'template', apply_templates: true, max_depth: SPLIT_DEPTH, templates });
    if (made) this.#apply(task, made, subject);
    else splits.undivided(task, 'template', 'No template fits the title or the prompt.');
  }

  #apply(task: TaskRow, { strategy, template, parts }: Decomposition, subject: Subject): Outcome<null> {
    return this.#parts.splits.apply(task, parts, subject, {
      strategy,
      template,
      attempt: 0,
      reason: null,
      planner: null,
    });
  }

  #whyNot(task: TaskRow): Outcome<never> | null {
    const { records, graph, details } = this.#parts;
    if (isFinal(task)) return refuse('illegal_transition', `The task is ${task.status}. Retry it before you split it.`);
    if (task.kind !== 'work') {
      return refuse('illegal_transition', `A task of the kind ${task.kind} cannot be split.`);
    }
    const stored = details.decomposition(task.number);
    const planner = stored?.state === 'planning' && stored.planner !== null ? records.task(stored.planner) : undefined;
    if (planner && !isFinal(planner)) {
      return refuse(
        'illegal_transition',
        `An agent is planning it. To split it without a plan, cancel “${planner.title}”.`,
      );
    }
    if (!records.hasBegun(task) || graph.isParent(task.number)) return null;
    return refuse(
      'illegal_transition',
      'An agent has begun with the task, so it cannot be split. Create other tasks beside it.',
    );
  }
}

const NO_TEMPLATE = refuse('validation_failed', 'No template fits the task.', {
  errors: [
    {
      path: 'strategy',
      message: 'must be another one: no trigger of a template is in the title or the description of the task',
    },
  ],
});
