import { requirementsOf } from '../../src/domain/dispatch/requirements.ts';
import { judgeLease, retryBackoffMs } from '../../src/domain/lease/liveness.ts';
import type { SlotRequest } from '../../src/ports/agent-registry.ts';
import { IMPLICIT_TASK } from '../../src/protocol/common/ids.ts';
import { CLOSE } from '../../src/protocol/common/socket.ts';
import type { SessionError } from '../../src/protocol/session/session.ts';
import { DEADLINE, DESTINATION, RESERVE_AGAIN_MS } from './config.ts';
import type { SessionParts } from './parts.ts';
import type { LeaseRow } from './records.ts';
import { holderSockets, lastSeenAt, sendDown } from './run/run-sockets.ts';

type Needs = Pick<
  SessionParts,
  'config' | 'kit' | 'records' | 'log' | 'commands' | 'approvals' | 'checkpoints' | 'transitions'
>;

/** What goes to the registry: one row for each (task, epoch), the newest word on it. */
export type SlotMessage =
  /** `again`: the session asks a second time, a while after the first. */
  | { op: 'reserve'; task: number; request: SlotRequest; again: boolean }
  | { op: 'cancel' | 'release'; task_id: string; epoch: number };

/** Agents that a task remembers as unable to do it. */
const MAX_AVOIDED = 50;

/** How a lease ended: as it should (the agent drops its buffer), or taken from the agent (it aborts). */
type Ending = 'done' | 'lost';

/** Why a lease came to nothing. */
interface Setback {
  trigger: 'lease_lost' | 'attempt_failed';
  reason: string;
  costsAttempt: boolean;
  error?: SessionError;
}

/** Epochs and leases: who may work on a task now. The session alone decides; the registry only finds an agent. */
export class Leases {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /**
   * Asks for an agent, under an epoch that nobody has had. The deadline is written before anybody is called.
   */
  reserve(number = IMPLICIT_TASK): void {
    const task = this.#parts.records.task(number)!;
    const isSpent = this.#parts.records.lease(number)?.epoch === task.epoch;
    const epoch = isSpent ? task.epoch + 1 : task.epoch;
    this.#parts.records.updateTask(number, { epoch });
    this.#parts.transitions.setTask(number, 'ready');
    this.#ask(number, epoch, false);
  }

  /** A reservation that stands is asked for with what is wanted now. */
  reserveAnew(number = IMPLICIT_TASK): void {
    const task = this.#parts.records.task(number)!;
    if (task.status === 'ready') this.#ask(number, task.epoch, false);
  }

  /** Handler of a reservation's deadline: asking again is harmless, and answers a registry that forgot. */
  reserveAgain(number: number): void {
    const task = this.#parts.records.task(number);
    if (task?.status === 'ready') this.#ask(number, task.epoch, true);
  }

  /** The registry calls this reservation over, but it is still wanted: a new epoch. */
  reservationEnded(number: number, epoch: number): void {
    const task = this.#parts.records.task(number);
    if (task?.status !== 'ready' || task.epoch !== epoch) return;
    this.#tellRegistry('cancel', number, epoch);
    this.#parts.records.updateTask(number, { epoch: epoch + 1 });
    this.reserve(number);
  }

  /** Handler of the backoff's deadline: the task asks for its next lease. */
  requeue(number: number): void {
    if (this.#parts.records.task(number)?.status !== 'pending') return;
    if (this.#parts.records.session().status === 'orphaned')
      this.#parts.transitions.move('requeued', { reason: 'next_attempt' });
    if (this.#parts.records.session().status === 'queued') this.reserve(number);
  }

  /** The first to present a reservation gets the lease. */
  grant(lease: LeaseRow, repository: string | null): void {
    const { task: number, epoch } = lease;
    const task = this.#parts.records.task(number)!;
    this.#parts.records.saveLease(lease);
    this.#parts.kit.deadlines.clear(DEADLINE.reserve + number);
    this.#parts.kit.deadlines.set(DEADLINE.lease + number, lease.granted_at + this.#parts.config.lease_ttl_ms / 2);
    // From the first lease on, the session's work belongs to one repository, wherever it is cloned.
    if (repository !== null && this.#parts.records.session().repository === null)
      this.#parts.records.update({ repository });
    const checkpoint = this.#parts.checkpoints.toRestore(task.restore);
    this.#parts.log.append(number, {
      type: 'lease.granted',
      data: {
        epoch,
        agent_id: lease.agent_id,
        agent_name: lease.agent_name,
        checkpoint: checkpoint?.number ?? null,
      },
    });
    this.#parts.transitions.setTask(number, 'in_progress');
    this.#parts.transitions.move('leased', { reason: 'agent_took_it' });
    for (let message = (checkpoint?.messages_done ?? 0) + 1; message <= this.#parts.records.lastMessage(); message++) {
      this.#parts.commands.enqueue(number, epoch, { type: 'message', number: message });
    }
  }

  /**
   * Ends whatever holds or waits for the task: its lease, its reservation, its backoff. Anything but a lease that ended
   * as it should, which is an epoch's natural end, opens the next epoch in the same transaction, so that nothing of the
   * old one is ever taken again.
   */
  end(number: number, ending: Ending, reason: string, message?: string): void {
    const task = this.#parts.records.task(number)!;
    const lease = this.#parts.records.liveLease(number);
    if (lease) this.#endLease(lease, ending, reason, message);
    else if (task.status === 'ready') this.#tellRegistry('cancel', number, task.epoch);
    this.#parts.kit.deadlines.clear(DEADLINE.reserve + number);
    this.#parts.kit.deadlines.clear(DEADLINE.requeue + number);
    if (ending === 'lost' || !lease) this.#parts.records.updateTask(number, { epoch: task.epoch + 1 });
  }

  /** The lease is lost: the task goes on under the next epoch. */
  lose(number: number, reason: string): void {
    this.end(number, 'lost', reason);
    this.#goOn(number, { trigger: 'lease_lost', reason, costsAttempt: true });
  }

  /** The agent has given the lease back, its work not done. */
  handBack(number: number, why: SessionError, costsAttempt: boolean): void {
    this.end(number, 'done', why.code, why.message);
    this.#goOn(number, { trigger: 'lease_lost', reason: why.code, costsAttempt, error: why });
  }

  /** The agent that holds the lease cannot do this task: others are asked first from now on. */
  avoidHolder(number: number): void {
    const refused = this.#refusedBy(number);
    const { agent_id } = this.#parts.records.lease(number)!;
    if (refused.includes(agent_id)) return;
    this.#parts.records.updateTask(number, { refused_by: JSON.stringify([...refused, agent_id].slice(-MAX_AVOIDED)) });
  }

  #refusedBy(number: number): string[] {
    return JSON.parse(this.#parts.records.task(number)!.refused_by);
  }

  /** The agent reports a failure that another attempt may mend. */
  failAttempt(number: number, error: SessionError): void {
    this.end(number, 'done', error.code);
    this.#goOn(number, { trigger: 'attempt_failed', reason: error.code, costsAttempt: true, error });
  }

  /** Handler of a lease's deadline. */
  judge(number: number): void {
    const lease = this.#parts.records.liveLease(number);
    if (!lease) return;
    const { platform } = this.#parts.kit.store;
    const lastSeen = lastSeenAt(platform, lease);
    const verdict = judgeLease({
      now: platform.now(),
      ttl_ms: this.#parts.config.lease_ttl_ms,
      last_seen_at: lastSeen,
      connected: holderSockets(platform, number, lease.epoch).length > 0,
      close_seen: lease.closed_at !== null && lease.closed_at >= lastSeen,
      extended: lease.extended_at !== null && lease.extended_at > lastSeen,
    });
    if (verdict.verdict === 'lost') return this.lose(number, 'agent_silent');
    this.#parts.kit.deadlines.set(DEADLINE.lease + number, verdict.check_at);
    if (verdict.verdict === 'extend') {
      this.#parts.records.updateLease(number, { extended_at: platform.now() });
      this.#parts.log.append(number, {
        type: 'lease.extended',
        data: { epoch: lease.epoch, reason: 'orchestrator_was_away' },
      });
    } else this.updateDegraded(number, verdict.quiet);
  }

  /** Quiet is degraded, unless a person is what the agent waits for. */
  updateDegraded(number: number, quiet: boolean): void {
    const { status, degraded_by } = this.#parts.records.session();
    if (quiet && status === 'running' && !this.#parts.approvals.agentWaits(number)) {
      this.#parts.transitions.move('agent_quiet', { reason: 'agent_quiet' });
    } else if (!quiet && status === 'degraded' && degraded_by === 'quiet') {
      this.#parts.transitions.move('recovered', { reason: 'agent_seen' });
    }
  }

  /** What was asked of the agent happens without it; else there is another attempt, if one is left. */
  #goOn(number: number, { trigger, reason, costsAttempt, error }: Setback): void {
    const { requested_action } = this.#parts.records.session();
    if (requested_action) return this.#parts.transitions.move(requested_action, { reason });
    const task = this.#parts.records.task(number)!;
    const used = task.attempts_used + (costsAttempt ? 1 : 0);
    this.#parts.records.updateTask(number, { attempts_used: used });
    if (used >= this.#parts.records.spec().max_attempts) {
      const message = `All ${used} attempts are used up; the last ended with: ${error?.message ?? reason}`;
      const exhausted = { code: error?.code ?? 'attempts_exhausted', message, retryable: true };
      return this.#parts.transitions.move('attempts_exhausted', { reason: 'attempts_exhausted', error: exhausted });
    }
    this.#parts.transitions.move(trigger, { reason });
    const pause = costsAttempt ? retryBackoffMs(used) : 0;
    this.#parts.kit.deadlines.set(DEADLINE.requeue + number, this.#parts.kit.store.platform.now() + pause);
  }

  #endLease(lease: LeaseRow, ending: Ending, reason: string, message?: string): void {
    const { task, epoch } = lease;
    this.#parts.records.updateLease(task, { ended: ending });
    this.#parts.kit.deadlines.clear(DEADLINE.lease + task);
    this.#parts.commands.drop(task);
    this.#parts.approvals.withdrawAsked(task, reason);
    this.#parts.checkpoints.dropStrays(task);
    this.#tellRegistry('release', task, epoch);
    this.#parts.log.append(task, { type: 'lease.ended', data: { epoch, reason, ...(message && { message }) } });
    this.#parts.kit.store.afterCommit(() => {
      for (const socket of holderSockets(this.#parts.kit.store.platform, task, epoch)) {
        sendDown(socket, { type: ending === 'done' ? 'ended' : 'lease_lost', reason });
        socket.close(CLOSE.lease_ended, reason);
      }
    });
  }

  #ask(number: number, epoch: number, again: boolean): void {
    const { id, repository } = this.#parts.records.session();
    const spec = this.#parts.records.spec();
    const request: SlotRequest = {
      session_id: id,
      task_id: this.#parts.transitions.taskId(number),
      epoch,
      priority: spec.priority,
      requirements: requirementsOf({ spec, repository, avoid_agents: this.#refusedBy(number) }),
    };
    this.#parts.kit.deadlines.set(DEADLINE.reserve + number, this.#parts.kit.store.platform.now() + RESERVE_AGAIN_MS);
    this.#send({ op: 'reserve', task: number, request, again }, request.task_id, epoch);
  }

  #tellRegistry(op: 'cancel' | 'release', number: number, epoch: number): void {
    const taskId = this.#parts.transitions.taskId(number);
    this.#send({ op, task_id: taskId, epoch }, taskId, epoch);
  }

  #send(message: SlotMessage, taskId: string, epoch: number): void {
    this.#parts.kit.outbox.put(DESTINATION.registry, `${taskId}:${epoch}`, message);
  }
}
