import { isSamePlan, planOf } from '../../../src/domain/session/delivery.ts';
import { hasEnded } from '../../../src/domain/session/session-machine.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import { WHOLE_SESSION } from '../../../src/protocol/common/ids.ts';
import { MAX_TASKS } from '../../../src/protocol/common/limits.ts';
import type { BranchDelivery, DeliverRequest } from '../../../src/protocol/session/deliver.ts';
import { DEADLINE } from '../config.ts';
import type { SessionParts } from '../parts.ts';
import { NO_WORK, whyNotDeliverable } from './delivery-tasks.ts';

type Needs = Pick<
  SessionParts,
  'config' | 'kit' | 'records' | 'storedGraph' | 'log' | 'checkpoints' | 'deliveryTasks' | 'tasks' | 'projections'
>;

/** The requests of people and programs to deliver a session's work. */
export class Deliveries {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /**
   * Delivers the work of a session that has ended, or notes how it is delivered when it has completed. A repeat of the
   * last request starts it again only if it has failed.
   */
  request(request: DeliverRequest, by: string): Outcome<BranchDelivery> {
    const { records } = this.#parts;
    return hasEnded(records.session().status) ? this.#now(request, by) : this.#atTheEnd(request, by);
  }

  /** The session's own last task will deliver, and its outcome counts. */
  #atTheEnd(request: DeliverRequest, by: string): Outcome<BranchDelivery> {
    const { records, log, deliveryTasks, projections } = this.#parts;
    const { deliver } = records.spec();
    const plan = planOf(request, records.sessionNamed());
    if (deliver && isSamePlan(plan, planOf(deliver, records.sessionNamed()))) return ok(deliveryTasks.view()!);
    const { delivery: newest } = records.session();
    const task = newest === null ? undefined : records.task(newest);
    if (task && !isFinal(task)) return refuse('not_deliverable', UNDER_WAY);
    if (deliveryTasks.own() !== null) return refuse('not_deliverable', HAS_DELIVERED);
    records.updateSpec({ deliver: request });
    records.update({ version: records.session().version + 1 });
    const { branch, remote } = plan;
    log.append(WHOLE_SESSION, { type: 'delivery.requested', data: { task: null, branch, remote, by } });
    projections.changed();
    return ok(deliveryTasks.view()!);
  }

  /** A task beside those of the session delivers. It changes nothing of the session's outcome. */
  #now(request: DeliverRequest, by: string): Outcome<BranchDelivery> {
    const { config, kit, records, storedGraph, checkpoints, deliveryTasks, tasks } = this.#parts;
    const work = checkpoints.finalWork();
    const obstacle = work === null ? NO_WORK : whyNotDeliverable(work);
    if (work === null || obstacle !== null) return refuse('not_deliverable', obstacle ?? NO_WORK);
    const plan = planOf(request, records.sessionNamed());
    const { delivery: newest } = records.session();
    const before = newest === null ? null : deliveryTasks.of(newest);
    const task = newest === null ? undefined : records.task(newest);
    const isSame = before !== null && isSamePlan(plan, before) && before.checkpoint === work.number;
    if (newest !== null && task && isSame && (!isFinal(task) || before?.report?.state === 'delivered')) {
      return ok(deliveryTasks.viewOf(newest)!);
    }
    if (task && !isFinal(task)) return refuse('not_deliverable', UNDER_WAY);
    if (!storedGraph.hasRoom()) {
      return refuse('not_deliverable', `The session has ${MAX_TASKS} tasks, so that it can have no other delivery.`);
    }
    const number = deliveryTasks.add(plan, work, by, { aside: 1 }).number;
    records.update({ version: records.session().version + 1 });
    tasks.askAside(number);
    // The events of a session that ended long ago are gone, and these go in their turn.
    kit.deadlines.setIfUnset(DEADLINE.retire, kit.store.platform.now() + config.final_retention_ms);
    return ok(deliveryTasks.viewOf(number)!);
  }
}

const HAS_DELIVERED =
  'The session has its own delivery, to which nothing can be added while it runs. Ask again when it has ended.';
const UNDER_WAY = 'Another delivery of the session is under way. Wait for its end, or cancel its task.';
