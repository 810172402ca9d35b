import { requirementsOf } from '../../src/domain/dispatch/requirements.ts';
import { judgeLease, retryBackoffMs } from '../../src/domain/lease/liveness.ts';
import type { SlotRequest } from '../../src/ports/agent-registry.ts';
import { IMPLICIT_TASK } from '../../src/protocol/common/ids.ts';
import { CLOSE } from '../../src/protocol/common/socket.ts';
import type { SessionError } from '../../src/protocol/session/session.ts';
import type { ObjectKit } from '../kit/runtime.ts';
import type { Approvals } from './approvals.ts';
import type { Checkpoints } from './checkpoints.ts';
import { DEADLINE, LANE, RESERVE_AGAIN_MS, type SessionConfig } from './config.ts';
import type { EventLog } from './log/event-log.ts';
import type { LeaseRow, SessionRecords } from './records.ts';
import type { Commands } from './run/commands.ts';
import { holderSockets, lastSeenAt, sendDown } from './run/run-sockets.ts';
import type { Transitions } from './transitions.ts';

/** What goes to the registry: one row for each (task, epoch), the newest word on it. */
export type SlotMessage =
  /** `again`: the session asks a second time, a while after the first. */
  | { op: 'reserve'; task: number; request: SlotRequest; again: boolean }
  | { op: 'withdraw' | 'release'; task_id: string; epoch: number };

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
  readonly #kit: ObjectKit;
  readonly #records: SessionRecords;
  readonly #log: EventLog;
  readonly #commands: Commands;
  readonly #approvals: Approvals;
  readonly #checkpoints: Checkpoints;
  readonly #transitions: Transitions;
  readonly #config: SessionConfig;

  constructor(
    kit: ObjectKit,
    records: SessionRecords,
    log: EventLog,
    commands: Commands,
    approvals: Approvals,
    checkpoints: Checkpoints,
    transitions: Transitions,
    config: SessionConfig,
  ) {
    this.#kit = kit;
    this.#records = records;
    this.#log = log;
    this.#commands = commands;
    this.#approvals = approvals;
    this.#checkpoints = checkpoints;
    this.#transitions = transitions;
    this.#config = config;
  }

  /**
   * Asks for an agent, under an epoch that nobody has had. The deadline is written before anybody is called.
   */
  reserve(number = IMPLICIT_TASK): void {
    const task = this.#records.task(number)!;
    const isSpent = this.#records.lease(number)?.epoch === task.epoch;
    const epoch = isSpent ? task.epoch + 1 : task.epoch;
    this.#records.updateTask(number, { epoch });
    this.#transitions.setTask(number, 'ready');
    this.#ask(number, epoch, false);
  }

  /** A reservation that stands is asked for with what is wanted now. */
  reserveAnew(number = IMPLICIT_TASK): void {
    const task = this.#records.task(number)!;
    if (task.status === 'ready') this.#ask(number, task.epoch, false);
  }

  /** Handler of a reservation's deadline: asking again is harmless, and answers a registry that forgot. */
  reserveAgain(number: number): void {
    const task = this.#records.task(number);
    if (task?.status === 'ready') this.#ask(number, task.epoch, true);
  }

  /** The registry calls this reservation over, but it is still wanted: a new epoch. */
  reservationEnded(number: number, epoch: number): void {
    const task = this.#records.task(number);
    if (task?.status !== 'ready' || task.epoch !== epoch) return;
    this.#tellRegistry('withdraw', number, epoch);
    this.#records.updateTask(number, { epoch: epoch + 1 });
    this.reserve(number);
  }

  /** Handler of the backoff's deadline: the task asks for its next lease. */
  requeue(number: number): void {
    if (this.#records.task(number)?.status !== 'pending') return;
    if (this.#records.session().status === 'orphaned') this.#transitions.move('requeued', { reason: 'next_attempt' });
    if (this.#records.session().status === 'queued') this.reserve(number);
  }

  /** The first to present a reservation gets the lease. */
  grant(lease: LeaseRow, repository: string | null): void {
    const { task: number, epoch } = lease;
    const task = this.#records.task(number)!;
    this.#records.saveLease(lease);
    this.#kit.deadlines.clear(DEADLINE.reserve + number);
    this.#kit.deadlines.set(DEADLINE.lease + number, lease.granted_at + this.#config.lease_ttl_ms / 2);
    // From the first lease on, the session's work belongs to one repository, wherever it is cloned.
    if (repository !== null && this.#records.session().repository === null) this.#records.update({ repository });
    const checkpoint = this.#checkpoints.toRestore(task.restore);
    this.#log.append(number, {
      type: 'lease.granted',
      data: {
        epoch,
        agent_id: lease.agent_id,
        agent_name: lease.agent_name,
        checkpoint: checkpoint?.number ?? null,
      },
    });
    this.#transitions.setTask(number, 'in_progress');
    this.#transitions.move('leased', { reason: 'agent_took_it' });
    for (let message = (checkpoint?.messages_done ?? 0) + 1; message <= this.#records.lastMessage(); message++) {
      this.#commands.enqueue(number, epoch, { type: 'message', number: message });
    }
  }

  /**
   * Ends whatever holds or waits for the task: its lease, its reservation, its backoff. Anything but a lease that ended
   * as it should, which is an epoch's natural end, opens the next epoch in the same transaction, so that nothing of the
   * old one is ever taken again.
   */
  end(number: number, ending: Ending, reason: string, message?: string): void {
    const task = this.#records.task(number)!;
    const lease = this.#records.liveLease(number);
    if (lease) this.#endLease(lease, ending, reason, message);
    else if (task.status === 'ready') this.#tellRegistry('withdraw', number, task.epoch);
    this.#kit.deadlines.clear(DEADLINE.reserve + number);
    this.#kit.deadlines.clear(DEADLINE.requeue + number);
    if (ending === 'lost' || !lease) this.#records.updateTask(number, { epoch: task.epoch + 1 });
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
    const { agent_id } = this.#records.lease(number)!;
    if (refused.includes(agent_id)) return;
    this.#records.updateTask(number, { refused_by: JSON.stringify([...refused, agent_id].slice(-MAX_AVOIDED)) });
  }

  #refusedBy(number: number): string[] {
    return JSON.parse(this.#records.task(number)!.refused_by);
  }

  /** The agent reports a failure that another attempt may mend. */
  failAttempt(number: number, error: SessionError): void {
    this.end(number, 'done', error.code);
    this.#goOn(number, { trigger: 'attempt_failed', reason: error.code, costsAttempt: true, error });
  }

  /** Handler of a lease's deadline. */
  judge(number: number): void {
    const lease = this.#records.liveLease(number);
    if (!lease) return;
    const { platform } = this.#kit.store;
    const lastSeen = lastSeenAt(platform, lease);
    const verdict = judgeLease({
      now: platform.now(),
      ttl_ms: this.#config.lease_ttl_ms,
      last_seen_at: lastSeen,
      connected: holderSockets(platform, number, lease.epoch).length > 0,
      close_seen: lease.closed_at !== null && lease.closed_at >= lastSeen,
      extended: lease.extended_at !== null && lease.extended_at > lastSeen,
    });
    if (verdict.verdict === 'lost') return this.lose(number, 'agent_silent');
    this.#kit.deadlines.set(DEADLINE.lease + number, verdict.check_at);
    if (verdict.verdict === 'extend') {
      this.#records.updateLease(number, { extended_at: platform.now() });
      this.#log.append(number, {
        type: 'lease.extended',
        data: { epoch: lease.epoch, reason: 'orchestrator_was_away' },
      });
    } else this.updateDegraded(number, verdict.quiet);
  }

  /** Quiet is degraded, unless a person is what the agent waits for. */
  updateDegraded(number: number, quiet: boolean): void {
    const { status, degraded_by } = this.#records.session();
    if (quiet && status === 'running' && !this.#approvals.anyOpen(number)) {
      this.#transitions.move('agent_quiet', { reason: 'agent_quiet' });
    } else if (!quiet && status === 'degraded' && degraded_by === 'quiet') {
      this.#transitions.move('recovered', { reason: 'agent_seen' });
    }
  }

  /** What was asked of the agent happens without it; else there is another attempt, if one is left. */
  #goOn(number: number, { trigger, reason, costsAttempt, error }: Setback): void {
    const { requested_action } = this.#records.session();
    if (requested_action) return this.#transitions.move(requested_action, { reason });
    const task = this.#records.task(number)!;
    const used = task.attempts_used + (costsAttempt ? 1 : 0);
    this.#records.updateTask(number, { attempts_used: used });
    if (used >= this.#records.spec().max_attempts) {
      const message = `All ${used} attempts are used up; the last ended with: ${error?.message ?? reason}`;
      const exhausted = { code: error?.code ?? 'attempts_exhausted', message, retryable: true };
      return this.#transitions.move('attempts_exhausted', { reason: 'attempts_exhausted', error: exhausted });
    }
    this.#transitions.move(trigger, { reason });
    const pause = costsAttempt ? retryBackoffMs(used) : 0;
    this.#kit.deadlines.set(DEADLINE.requeue + number, this.#kit.store.platform.now() + pause);
  }

  #endLease(lease: LeaseRow, ending: Ending, reason: string, message?: string): void {
    const { task, epoch } = lease;
    this.#records.updateLease(task, { ended: ending });
    this.#kit.deadlines.clear(DEADLINE.lease + task);
    this.#commands.drop(task);
    this.#approvals.withdrawAll(task, reason);
    this.#checkpoints.dropStrays(task);
    this.#tellRegistry('release', task, epoch);
    this.#log.append(task, { type: 'lease.ended', data: { epoch, reason, ...(message && { message }) } });
    this.#kit.store.afterCommit(() => {
      for (const socket of holderSockets(this.#kit.store.platform, task, epoch)) {
        sendDown(socket, { type: ending === 'done' ? 'ended' : 'lease_lost', reason });
        socket.close(CLOSE.lease_ended, reason);
      }
    });
  }

  #ask(number: number, epoch: number, again: boolean): void {
    const { id, repository } = this.#records.session();
    const spec = this.#records.spec();
    const request: SlotRequest = {
      session_id: id,
      task_id: this.#transitions.taskId(number),
      epoch,
      priority: spec.priority,
      requirements: requirementsOf({ spec, repository, avoid_agents: this.#refusedBy(number) }),
    };
    this.#kit.deadlines.set(DEADLINE.reserve + number, this.#kit.store.platform.now() + RESERVE_AGAIN_MS);
    this.#send({ op: 'reserve', task: number, request, again }, request.task_id, epoch);
  }

  #tellRegistry(op: 'withdraw' | 'release', number: number, epoch: number): void {
    const taskId = this.#transitions.taskId(number);
    this.#send({ op, task_id: taskId, epoch }, taskId, epoch);
  }

  #send(message: SlotMessage, taskId: string, epoch: number): void {
    this.#kit.outbox.put(LANE.registry, `${taskId}:${epoch}`, message);
  }
}
