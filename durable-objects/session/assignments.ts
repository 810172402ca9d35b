import { hasEnded } from '../../src/domain/session/session-machine.ts';
import type { AssignmentResult } from '../../src/ports/agent-registry.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import { taskIdOf } from '../../src/protocol/common/ids.ts';
import type { FinishedAssignment, RateTaskRequest } from '../../src/protocol/session/rating.ts';
import { instant } from '../kit/text.ts';
import { DEADLINE } from './config.ts';
import type { SessionParts } from './parts.ts';
import { hasPassedOn, NO_SUCH_TASK, readAssignment, type StoredAssignment } from './rows.ts';
import { tellRegistry } from './slot-messages.ts';

type Needs = Pick<SessionParts, 'config' | 'kit' | 'records' | 'log' | 'projections'>;

/** The last finished assignment of each task, and its rating. The registry and the history learn of both. */
export class Assignments {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Stores how the newest lease of a task has ended, and frees its slot. */
  ended(task: number, epoch: number, result: AssignmentResult): void {
    const { agent_name } = this.#parts.records.lease(task)!;
    this.#store(task, { epoch, agent_name, result, rating: null });
  }

  /** Rates the last finished assignment of a task. The newest rating counts. */
  rate(task: number, { quality, comment }: RateTaskRequest, by: string): Outcome<FinishedAssignment> {
    const { config, kit, records, log } = this.#parts;
    const row = records.task(task);
    if (!row) return NO_SUCH_TASK;
    const last = readAssignment(row);
    if (!last) {
      return refuse('nothing_to_rate', 'No agent has finished work on this task yet. Rate it when one has.');
    }
    const { rating: before, epoch, agent_name, result } = last;
    const said = { quality, comment: comment ?? null, by };
    if (before?.quality === quality && before.comment === said.comment && before.by === by) return ok(viewOf(last));
    const number = (result.rating?.number ?? 0) + 1;
    const now = kit.store.platform.now();
    const rating = { ...said, at: instant(now) };
    const rated = { ...last, result: { ...result, rating: { quality, number } }, rating };
    records.update({ version: records.session().version + 1 });
    log.append(task, {
      type: 'task.rated',
      data: { epoch, agent_id: result.agent_id, agent_name, quality, ...(comment !== undefined && { comment }), by },
    });
    this.#store(task, rated);
    // The events of a session that ended long ago are gone, and this one goes in its turn.
    if (hasEnded(records.session().status)) kit.deadlines.setIfUnset(DEADLINE.retire, now + config.final_retention_ms);
    return ok(viewOf(rated));
  }

  #store(task: number, assignment: StoredAssignment): void {
    const { kit, records, projections } = this.#parts;
    const { epoch, result } = assignment;
    records.updateTask(task, { last_assignment: JSON.stringify(assignment) });
    const follows_pass = hasPassedOn(records.lease(task), epoch);
    tellRegistry(kit, { op: 'release', task_id: taskIdOf(records.session().id, task), epoch, result, follows_pass });
    projections.assignmentEnded(task, assignment);
  }
}

export function viewOf({ epoch, agent_name, result, rating }: StoredAssignment): FinishedAssignment {
  const { agent_id, status, ended_at } = result;
  return { epoch, agent_id, agent_name, status, ended_at: instant(ended_at), rating };
}
