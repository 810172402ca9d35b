import { after } from '../../../src/domain/graph/task-graph.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import { taskIdOf, taskNumber } from '../../../src/protocol/common/ids.ts';
import { MAX_DEPENDENCIES } from '../../../src/protocol/common/limits.ts';
import { truncated } from '../../../src/protocol/common/text.ts';
import type { ConflictReport, Resolution } from '../../../src/protocol/run/start.ts';
import type { ApprovalView } from '../../../src/protocol/session/approval.ts';
import type { SessionError } from '../../../src/protocol/session/session.ts';
import { MAX_TITLE_CHARS } from '../../../src/protocol/session/title.ts';
import type { SessionParts } from '../parts.ts';
import { type Blockage, dependenciesOf, type LeaseRow, type TaskRow } from '../rows.ts';
import type { Change } from '../transitions.ts';
import {
  type ConflictItem,
  choicesOf,
  conflictAsk,
  conflictMessage,
  resolutionPrompt,
  type Side,
} from './conflict-item.ts';

type Needs = Pick<
  SessionParts,
  'records' | 'details' | 'graph' | 'works' | 'log' | 'approvals' | 'leases' | 'storedGraph'
>;

/** The most conflicts that are resolved for one task, and in one session. */
const MAX_OF_TASK = 20;
const MAX_OF_SESSION = 200;
/** How much of a task's prompt the item of a conflict shows, in UTF-16 code units. */
const INTENT_CHARS = 4_000;

/**
 * Works that cannot be merged. The task that would begin with them is blocked until a task of the kind `resolve` is done.
 * An agent that has made none of the works decides, or a person does, and an agent then carries it out.
 */
export class Conflicts {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Why a report is invalid; null if it is not. */
  problemOf({ task }: LeaseRow, { ours, theirs }: ConflictReport): string | null {
    const from = this.#parts.works.startOf(task).from.map(({ checkpoint }) => checkpoint);
    const named = [...ours, theirs];
    if (new Set(named).size === named.length && named.every((one) => from.includes(one))) return null;
    return 'a conflict is between works with which the task begins';
  }

  /**
   * Blocks a task whose lease has ended with the report of a conflict. The caller settles.
   * @returns why the task fails instead; null if it is blocked
   */
  block(number: number, epoch: number, report: ConflictReport, change: Change): SessionError | null {
    const { records, approvals, log, storedGraph, works } = this.#parts;
    const { from } = works.startOf(number);
    const named = [...report.ours, report.theirs].map((one) => from.find(({ checkpoint }) => checkpoint === one)!);
    const sides = named.map(({ task }) => this.#side(task));
    const { title, parent, priority } = records.task(number)!;
    const item: ConflictItem = { blocked: title, ours: sides.slice(0, -1), theirs: sides.at(-1)!, report };
    const message = conflictMessage(item);
    if (!this.#mayResolve(number)) return { code: 'merge_conflict', message, retryable: true };

    const nothing = { permission: null, patterns: [], always: [] };
    const approval = approvals.open(number, { kind: 'conflict', ...nothing, ...conflictAsk(item) }, null);
    const numbers = named.map(({ task }) => task);
    // The task itself is a side if it has worked before.
    const before = [...new Set(numbers)].filter((one) => one !== number);
    const resolve = storedGraph.addOwn(
      truncated(`Resolve the conflict of ${sides.map((side) => `“${side.title}”`).join(', ')}`, MAX_TITLE_CHARS),
      { kind: 'resolve', parent, priority, depends_on: JSON.stringify(before.map((task) => after(task))) },
      {
        description: resolutionPrompt(item),
        required_capabilities: ['conflict_resolution'],
        required_labels: [],
        resolution: { blocked: number, approval_id: approval.id, works: named, choices: null },
      },
    );
    storedGraph.waitFor(number, [...dependenciesOf(records.task(number)!), after(resolve)]);
    const blockage: Blockage = { kind: 'conflict', approval_id: approval.id, message };
    change(number, { status: 'blocked', blocked_by: JSON.stringify(blockage), setback: null, started_at: null });
    log.append(number, {
      type: 'task.conflict',
      data: {
        epoch,
        approval_id: approval.id,
        resolve,
        ours: numbers.slice(0, -1),
        theirs: numbers.at(-1)!,
        files: report.files.map(({ path, kind }) => ({ path, kind })),
        total: report.total,
      },
    });
    return null;
  }

  /** What follows for other tasks when one has changed: a resolved conflict blocks no longer, and one that is moot ends. */
  follow(before: TaskRow, task: TaskRow, change: Change): void {
    if (task.kind === 'resolve' && task.status === 'completed') {
      const { blocked } = this.#resolutionOf(task.number)!;
      if (this.#parts.records.task(blocked)?.status === 'blocked') change(blocked, { status: 'pending' });
    }
    if (before.status === 'blocked' && isFinal(task)) {
      const moot = this.#unresolved(task);
      for (const resolve of moot) this.#end(resolve, change);
      // If the task is tried again, it meets the conflict again.
      const kept = dependenciesOf(task).filter((one) => !moot.includes(one.task));
      if (moot.length > 0) this.#parts.storedGraph.waitFor(task.number, kept);
    }
  }

  /** The job of a task of the kind `resolve`; undefined for any other one. */
  jobOf(number: number): Resolution | undefined {
    const { records } = this.#parts;
    if (records.task(number)!.kind !== 'resolve') return undefined;
    const { blocked, choices } = this.#resolutionOf(number)!;
    return { blocked_task_id: taskIdOf(records.session().id, blocked), choices };
  }

  /** Carries out what a person has decided. The caller settles. @returns why the blocked task fails; null if it does not */
  decided(approval: ApprovalView, change: Change): SessionError | null {
    const { records, details, leases } = this.#parts;
    const { decision, answers = [], message = 'A person has refused to resolve the conflict.' } = approval.answer!;
    const blocked = records.task(taskNumber(approval.task_id))!;
    if (decision === 'reject') return { code: 'merge_conflict', message, retryable: true };
    for (const number of this.#unresolved(blocked)) {
      const definition = details.definition(number)!;
      const choices = choicesOf(approval, answers);
      // Nobody has to judge any more, so that any agent can do it, also one that was turned away as an author.
      const required_capabilities: [] = [];
      details.define(number, {
        ...definition,
        required_capabilities,
        resolution: { ...definition.resolution!, choices },
      });
      leases.end(number, 'lost', 'decided_by_a_person');
      records.updateTask(number, { restore: 'fresh', refused_by: '[]' });
      if (records.task(number)!.status !== 'pending') change(number, { status: 'pending', setback: null });
    }
    return null;
  }

  #end(number: number, change: Change): void {
    this.#parts.leases.stop(number, 'cancelled');
    change(number, { status: 'cancelled', setback: null, degraded_by: null, outcome: null });
  }

  /** The tasks that resolve conflicts for a task and have not ended. */
  #unresolved(task: TaskRow): number[] {
    return this.#resolveTasks(task).filter((number) => !isFinal(this.#parts.records.task(number)!));
  }

  #resolveTasks(task: TaskRow): number[] {
    const isResolve = (number: number) => this.#parts.records.task(number)?.kind === 'resolve';
    return dependenciesOf(task).flatMap(({ task: other }) => (isResolve(other) ? other : []));
  }

  #mayResolve(number: number): boolean {
    const { records, storedGraph } = this.#parts;
    const task = records.task(number)!;
    const all = records.tasks().filter(({ kind }) => kind === 'resolve');
    const isFew = all.length < MAX_OF_SESSION && this.#resolveTasks(task).length < MAX_OF_TASK;
    return isFew && storedGraph.hasRoom() && dependenciesOf(task).length < MAX_DEPENDENCIES;
  }

  #side(task: number): Side {
    const { records, details } = this.#parts;
    const { title } = records.task(task)!;
    const intent = details.definition(task)?.description ?? records.spec().initial_prompt;
    return { task_id: taskIdOf(records.session().id, task), title, intent: truncated(intent, INTENT_CHARS) };
  }

  #resolutionOf(number: number) {
    return this.#parts.details.definition(number)?.resolution;
  }
}
