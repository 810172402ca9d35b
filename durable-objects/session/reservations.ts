import { type Refusal, readRefusals, withRefusal } from '../../src/domain/dispatch/refusals.ts';
import { requirementsOf } from '../../src/domain/dispatch/requirements.ts';
import type { AssignmentResult, SlotRequest } from '../../src/ports/agent-registry.ts';
import { IMPLICIT_TASK, type TaskId, taskIdOf } from '../../src/protocol/common/ids.ts';
import type { CreateSessionRequest } from '../../src/protocol/session/requests.ts';
import type { Requirements } from '../../src/protocol/session/requirements.ts';
import { proofKey } from '../kit/crypto/offer-proof.ts';
import { DEADLINE, RESERVE_AGAIN_MS, RESERVE_AGAIN_MS_MAX } from './config.ts';
import type { SessionParts } from './parts.ts';
import type { LeaseRow } from './rows.ts';
import { tellRegistry } from './slot-messages.ts';

type Needs = Pick<SessionParts, 'kit' | 'records' | 'details' | 'works' | 'assignments'>;

/**
 * The session's side of the registry's slots. Each call writes an outbox row for the registry, which finds an agent.
 */
export class Reservations {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Opens the next epoch of a task whose epoch was that of a lease. */
  renew(number: number): void {
    const { records } = this.#parts;
    const { epoch } = records.task(number)!;
    const isSpent = records.lease(number)?.epoch === epoch;
    if (isSpent) records.updateTask(number, { epoch: epoch + 1 });
  }

  /**
   * Asks for an agent under the task's present epoch. Repeated calls are safe: they update the priority in the registry,
   * and restore a reservation that the registry has lost.
   * @param again whether no agent has claimed an earlier reservation in RESERVE_AGAIN_MS or longer
   */
  ask(number: number, again = false): void {
    const { kit, records } = this.#parts;
    const now = kit.store.platform.now();
    if (!again) records.updateTask(number, { reserved_at: now });
    const waited = now - (records.task(number)!.reserved_at ?? now);
    const pause = Math.min(Math.max(waited / 2, RESERVE_AGAIN_MS), RESERVE_AGAIN_MS_MAX);
    kit.deadlines.set(DEADLINE.reserve + number, now + pause);
    this.tell(number, again);
  }

  /** Tells the registry what the task requires now. */
  tell(number: number, again = false): void {
    const { kit } = this.#parts;
    tellRegistry(kit, { op: 'reserve', task: number, request: this.request(number), again });
  }

  /** The request for an agent under the task's present epoch. */
  request(number: number): SlotRequest {
    const { records } = this.#parts;
    const { id, times } = records.session();
    const { epoch, priority: task_priority, hours } = records.task(number)!;
    return {
      session_id: id,
      task_id: taskIdOf(id, number),
      epoch,
      priority: records.spec().priority,
      ...(task_priority !== 'normal' && { task_priority }),
      requirements: this.requirements(number),
      proof_key: this.proofKey(number),
      ...(records.session().last_task > IMPLICIT_TASK && { may_pass: true }),
      // Once, so that what the session then measures itself does not count twice.
      ...(hours !== null && times === null && { times_of: records.spec().preferred_agent_type }),
    };
  }

  /** What a task requires of an agent now. */
  requirements(number: number): Requirements {
    const { records, works } = this.#parts;
    const agent_id = (records.lease(number) ?? this.#leaseOfWork(number))?.agent_id ?? null;
    const hasMoved = (records.leaseOfRun(number)?.move_asked_at ?? null) !== null;
    return requirementsOf({
      spec: this.needs(number),
      repository: records.session().repository,
      refusals: this.refusals(number),
      authors: works.authorsOfConflict(number),
      worktree_at: hasMoved ? null : agent_id,
      moved_from: hasMoved ? agent_id : null,
    });
  }

  /** The lease of the work that a task delivers: people look for the branch where the work was done. */
  #leaseOfWork(number: number): LeaseRow | undefined {
    const { records, details } = this.#parts;
    if (records.task(number)!.kind !== 'deliver') return undefined;
    return records.lease(details.definition(number)!.deliver!.task);
  }

  /** The key of the proofs of the offers of the task's present epoch. */
  proofKey(number: number): string {
    const { records } = this.#parts;
    return proofKey(records.session().offer_secret, number, records.task(number)!.epoch);
  }

  /** Says for an agent without a socket that it has accepted its offer. */
  accepted(number: number, epoch: number, agent_id: string): void {
    tellRegistry(this.#parts.kit, { op: 'accept', task_id: this.#taskId(number), epoch, agent_id });
  }

  /** Cancels a reservation. */
  cancel(number: number): void {
    const { kit, records } = this.#parts;
    tellRegistry(kit, { op: 'cancel', task_id: this.#taskId(number), epoch: records.task(number)!.epoch });
  }

  /** Frees the slot of a lease that has ended. @param result what it says of the agent */
  release(number: number, epoch: number, result?: AssignmentResult): void {
    if (result) this.#parts.assignments.ended(number, epoch, result);
    else tellRegistry(this.#parts.kit, { op: 'release', task_id: this.#taskId(number), epoch });
  }

  /**
   * Remembers that an agent cannot do the task, so that its process is not asked again.
   * @returns false if no more refusals are remembered
   */
  refused(number: number, refusal: Refusal): boolean {
    const refusals = withRefusal(this.refusals(number), refusal);
    if (refusals === null) return false;
    this.#parts.records.updateTask(number, { refused_by: JSON.stringify(refusals) });
    return true;
  }

  refusals(number: number): Refusal[] {
    return readRefusals(this.#parts.records.task(number)!.refused_by);
  }

  /** What the session and the task require of an agent. */
  needs(number: number): CreateSessionRequest {
    const spec = this.#parts.records.spec();
    const own = this.#parts.details.definition(number);
    if (own === null) return spec;
    const both = <Item>(of: readonly Item[], and: readonly Item[]) => [...new Set([...of, ...and])];
    return {
      ...spec,
      required_capabilities: both(spec.required_capabilities, own.required_capabilities),
      required_labels: both(spec.required_labels, own.required_labels),
    };
  }

  #taskId(number: number): TaskId {
    return taskIdOf(this.#parts.records.session().id, number);
  }
}
