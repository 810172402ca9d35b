import { after, type Dependency } from '../../../src/domain/graph/task-graph.ts';
import { type DeliveryPlan, deliveryState, planOf } from '../../../src/domain/session/delivery.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import { taskIdOf, WHOLE_SESSION } from '../../../src/protocol/common/ids.ts';
import { MAX_DEPENDENCIES } from '../../../src/protocol/common/limits.ts';
import { truncated } from '../../../src/protocol/common/text.ts';
import type { BranchDelivery, DeliveryOrder, DeliveryReport } from '../../../src/protocol/session/deliver.ts';
import { MAX_TITLE_CHARS } from '../../../src/protocol/session/title.ts';
import { instant } from '../../kit/text.ts';
import type { FinalWork } from '../checkpoints.ts';
import type { SessionParts } from '../parts.ts';
import { dependenciesOf, readError, type TaskRow } from '../rows.ts';

type Needs = Pick<SessionParts, 'kit' | 'records' | 'details' | 'graph' | 'storedGraph' | 'log' | 'checkpoints'>;

/** What a task of the kind `deliver` delivers. It is a member of its definition. */
export interface StoredDelivery extends DeliveryPlan {
  /** The number of the checkpoint with the work. */
  checkpoint: number;
  /** The task whose work it is. */
  task: number;
  /** In ms since the epoch. */
  requested_at: number;
  by: string;
  /** What the agent of an epoch has reported; null before. */
  report: (DeliveryReport & { epoch: number }) | null;
}

/** The tasks that deliver a session's work: how they are made, what their agents get, and what people see of them. */
export class DeliveryTasks {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /**
   * Adds the task with which a session ends that is to be delivered. All others are done as a whole.
   * @returns whether it has: they have changed something, and no task delivers it yet
   */
  addLast(): boolean {
    const { records, storedGraph, checkpoints } = this.#parts;
    const { deliver } = records.spec();
    if (deliver === undefined) return false;
    const work = checkpoints.finalWork();
    if (work === null || whyNotDeliverable(work) !== null) return false;
    if (this.own() !== null || !storedGraph.hasRoom()) return false;
    const plan = planOf(deliver, records.sessionNamed());
    storedGraph.record([this.add(plan, work, 'session', { depends_on: JSON.stringify(this.#allBefore()) })]);
    return true;
  }

  /** The task with which the session itself ends; null if it has none. */
  own(): TaskRow | null {
    return this.#parts.records.tasks().find(({ kind, aside }) => kind === 'deliver' && !aside) ?? null;
  }

  /** The tasks after which no other comes. */
  #allBefore(): Dependency[] {
    const rows = this.#parts.records.tasks().filter(({ kind, aside }) => !aside && kind !== 'deliver');
    const awaited = new Set(rows.flatMap((row) => dependenciesOf(row).map(({ task }) => task)));
    const last = rows.filter(({ number, parent }) => parent === null && !awaited.has(number));
    return last.slice(0, MAX_DEPENDENCIES).map(({ number }) => after(number));
  }

  /** Adds a task that delivers this work. @param by who has asked for it */
  add(plan: DeliveryPlan, work: FinalWork, by: string, place: Partial<TaskRow> = {}): TaskRow {
    const { kit, records, storedGraph, log } = this.#parts;
    const title = truncated(`Deliver to ${plan.branch}`, MAX_TITLE_CHARS);
    const row = storedGraph.add(title, { kind: 'deliver', ...place });
    const { number } = row;
    records.update({ delivery: number });
    const requested_at = kit.store.platform.now();
    this.#store(number, { ...plan, checkpoint: work.number, task: work.task, requested_at, by, report: null });
    log.append(WHOLE_SESSION, {
      type: 'delivery.requested',
      data: { task: number, branch: plan.branch, remote: plan.remote, by },
    });
    return row;
  }

  /** What a task delivers; null if it does not deliver. */
  of(number: number): StoredDelivery | null {
    const { details, records } = this.#parts;
    if (records.task(number)?.kind !== 'deliver') return null;
    return details.definition(number)?.deliver ?? null;
  }

  /** What the agent of a task gets; undefined if the task does not deliver. */
  order(number: number): DeliveryOrder | undefined {
    const delivery = this.of(number);
    const work = delivery && this.#parts.checkpoints.workIn(delivery.checkpoint);
    if (!delivery || !work?.patch || work.base_commit === null) return undefined;
    const { branch, message, remote } = delivery;
    return {
      branch,
      message,
      // Of the work, so that the same work is the same commit, whenever it is delivered.
      at: Math.floor(Date.parse(work.created_at) / 1_000),
      base_commit: work.base_commit,
      patch_artifact_id: work.patch.artifact_id,
      patch_sha256: work.patch.sha256,
      remote,
    };
  }

  /** Before a task asks for an agent: a task of the session itself delivers what the others have done by now. */
  begin(number: number): void {
    const delivery = this.of(number);
    if (!delivery) return;
    const work = this.#parts.records.task(number)!.aside ? null : this.#parts.checkpoints.finalWork();
    this.#store(number, { ...delivery, ...(work && { checkpoint: work.number, task: work.task }), report: null });
  }

  /** Stores what an agent reports. @returns why the report is invalid, or null */
  report(number: number, epoch: number, report: DeliveryReport): string | null {
    const { log } = this.#parts;
    const delivery = this.of(number);
    if (!delivery) return 'the task does not deliver';
    if (report.branch !== delivery.branch) return `the branch is ${delivery.branch}`;
    this.#store(number, { ...delivery, report: { ...report, epoch } });
    log.append(number, { type: 'delivery', data: report });
    return null;
  }

  /** The newest delivery, as people see it; null if none was asked for. One that is yet to come is newer than one that has ended. */
  view(): BranchDelivery | null {
    const { records } = this.#parts;
    const { delivery: number, ended_at } = records.session();
    if (number === null) return this.#planned();
    const task = records.task(number);
    const isPlanned = ended_at === null && this.own() === null && (!task || isFinal(task));
    return (isPlanned ? this.#planned() : null) ?? this.viewOf(number);
  }

  viewOf(number: number): BranchDelivery | null {
    const { records } = this.#parts;
    const [task, delivery] = [records.task(number), this.of(number)];
    if (!task || !delivery) return null;
    const { branch, remote, report, requested_at } = delivery;
    const state = deliveryState(task.status, report);
    const end = task.status === 'completed' ? 'The session was completed before.' : `The task is ${task.status}.`;
    const reason = report?.reason ?? readError(task)?.message ?? (state === 'failed' ? end : null);
    return {
      state,
      branch,
      commit: report?.commit ?? null,
      pushed: report?.pushed ?? false,
      remote,
      reason: state === 'conflict' || state === 'failed' ? reason : null,
      task_id: taskIdOf(records.session().id, number),
      agent_name: records.lease(number)?.agent_name ?? null,
      requested_at: instant(requested_at),
    };
  }

  /** What is to be delivered when the session has completed. */
  #planned(): BranchDelivery | null {
    const { records, checkpoints } = this.#parts;
    const { deliver } = records.spec();
    if (deliver === undefined) return null;
    const { status, ended_at } = records.session();
    const { branch, remote } = planOf(deliver, records.sessionNamed());
    const nothing = { commit: null, pushed: false, task_id: null, agent_name: null, requested_at: null };
    if (ended_at === null) return { state: 'waiting', branch, remote, reason: null, ...nothing };
    const work = checkpoints.finalWork();
    const why = work === null ? NO_WORK : whyNotDeliverable(work);
    const reason = why ?? `The session is ${status}. What is there can be delivered on request.`;
    return { state: 'failed', branch, remote, reason, ...nothing };
  }

  #store(number: number, deliver: StoredDelivery): void {
    const definition = { description: deliver.message, required_capabilities: [], required_labels: [], deliver };
    this.#parts.details.define(number, definition);
  }
}

export const NO_WORK = 'The session has changed no file, so that there is nothing to deliver.';

/** Why the work in a checkpoint cannot become a commit; null if it can. */
export function whyNotDeliverable({ is_merged, local_only, lacks = [], patch, base_commit }: FinalWork): string | null {
  if (!is_merged) return 'The work of several tasks is not merged. Add a task that depends on all of them.';
  if (local_only) return 'The work is too large to leave the machine of its agent, so that it cannot be delivered.';
  if (lacks.length > 0) return `The newest checkpoint does not hold all of the work. It lacks: ${lacks.join('; ')}.`;
  return patch === null || base_commit === null ? NO_WORK : null;
}
