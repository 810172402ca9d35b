import { isOwnFault } from '../../src/domain/fleet/breaker.ts';
import { finishDueAt, judgeFinish, judgeLease, wasDownAt, wasObjectDown } from '../../src/domain/lease/liveness.ts';
import { isWithoutSocket } from '../../src/domain/lease/report.ts';
import { addUsage, CUT_OFF_TURN, hasOpenTurn, readUsage } from '../../src/domain/session/usage.ts';
import { isFinal } from '../../src/domain/task-status.ts';
import type { AssignmentResult } from '../../src/ports/agent-registry.ts';
import { CLOSE } from '../../src/protocol/common/socket.ts';
import { DEADLINE, LONGEST_REQUEST_MS, REQUEST_MS } from './config.ts';
import type { SessionParts } from './parts.ts';
import { hasPassedOn, type LeaseRow } from './rows.ts';
import { holderSockets, lastSeenAt, letGo, sendDown } from './run/run-sockets.ts';
import type { Change } from './transitions.ts';

const HOUR_MS = 3_600_000;

type Needs = Pick<
  SessionParts,
  | 'config'
  | 'kit'
  | 'records'
  | 'works'
  | 'log'
  | 'commands'
  | 'approvals'
  | 'artifacts'
  | 'checkpoints'
  | 'checks'
  | 'reservations'
  | 'projections'
>;

/** The events among which the running turn is looked for. */
const TAIL_EVENTS = 200;

/** How a lease ended. `done`: the agent deletes its buffer. `lost`: the lease was taken from the agent, which aborts. */
type Ending = NonNullable<LeaseRow['ended']>;

interface EndDetails {
  /** For the log. */
  message?: string;
  /** How the assignment ended; absent if its end says nothing of the agent. */
  result?: AssignmentResult['status'];
}

/** Epochs and leases. Only the session decides which agent may work on a task; the registry only finds agents. */
export class Leases {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Grants the lease to the first agent that claims the reservation, and assigns its task. */
  grant(lease: LeaseRow, change: Change): void {
    const { config, kit, records, works, log, checkpoints } = this.#parts;
    const { task, epoch, agent_id, agent_name, granted_at } = lease;
    records.saveLease(lease);
    works.fixStart(task);
    kit.deadlines.clear(DEADLINE.reserve + task);
    kit.deadlines.set(DEADLINE.lease + task, granted_at + config.lease_ttl_ms / 2);
    this.limit(lease);
    const checkpoint = checkpoints.toRestore(task)?.number ?? null;
    log.append(task, { type: 'lease.granted', data: { epoch, agent_id, agent_name, checkpoint } });
    const started_at = records.task(task)!.started_at ?? granted_at;
    change(task, { status: 'assigned', degraded_by: null, started_at });
  }

  /** Sets when the lease has reached its task's time limit. Call this when that has changed. */
  limit({ task, granted_at }: LeaseRow): void {
    const { kit, records } = this.#parts;
    const { timeout_seconds } = records.task(task)!;
    if (timeout_seconds === null) kit.deadlines.clear(DEADLINE.timeout + task);
    else kit.deadlines.set(DEADLINE.timeout + task, granted_at + timeout_seconds * 1_000);
  }

  /**
   * Ends the lease, the reservation or the backoff of a task. Unless a lease ended regularly, the next epoch opens in
   * the same transaction, so that nothing of the old epoch is accepted any more.
   */
  end(number: number, ending: Ending, reason: string, details: EndDetails = {}): void {
    const { kit, records, reservations } = this.#parts;
    const { reserved_at, epoch } = records.task(number)!;
    const lease = records.liveLease(number);
    if (lease) this.#endLease(lease, ending, reason, details);
    else if (reserved_at !== null) reservations.cancel(number);
    kit.deadlines.clear(DEADLINE.reserve + number);
    kit.deadlines.clear(DEADLINE.requeue + number);
    if (ending === 'lost' || !lease) records.updateTask(number, { epoch: epoch + 1 });
  }

  /**
   * Asks the agent of a task that has ended to stop at once and to send its last checkpoint. The lease stands until the
   * agent releases it, or takes too long.
   */
  close({ task, epoch }: LeaseRow, reason: string): void {
    const { kit, commands, approvals } = this.#parts;
    commands.drop(task);
    approvals.withdrawAsked(task, reason);
    commands.enqueue(task, epoch, { type: 'stop', data: { within_ms: 0 } });
    kit.deadlines.set(DEADLINE.lease + task, kit.store.platform.now() + REQUEST_MS);
  }

  /** Lets a task that ends from outside have no agent: closes its lease, or ends its reservation or backoff. */
  stop(number: number, reason: string): void {
    const lease = this.#parts.records.liveLease(number);
    if (lease) this.close(lease, reason);
    else this.end(number, 'lost', reason);
  }

  /**
   * Judges the lease of an agent that was asked to finish. The agent has time while it sends the checkpoint. It gets the
   * time again if the object was down.
   * @param askedAt when it was asked, in ms since the epoch
   * @returns when to judge it again; null if it is late
   */
  finishesUntil(lease: LeaseRow, askedAt: number): number | null {
    const { config, kit } = this.#parts;
    const now = kit.store.platform.now();
    const judgement = judgeFinish({
      now,
      asked_at: askedAt,
      seen_at: lease.seen_at,
      extended_at: lease.extended_at,
      ...this.#socketSigns(lease),
      silence_ms: REQUEST_MS,
      longest_ms: LONGEST_REQUEST_MS,
    });
    if (judgement.verdict === 'late') return null;
    if (judgement.verdict === 'extend') this.#extend(lease, now + Math.max(REQUEST_MS, config.lease_ttl_ms));
    return judgement.check_at;
  }

  /** When the lease ends if its agent sends nothing more, in ms since the epoch. */
  expiresAt({ task, seen_at, extended_at }: LeaseRow): number {
    const { config, records } = this.#parts;
    const { requested_at, ended_at } = records.session();
    const askedAt = isFinal(records.task(task)!) ? (ended_at ?? 0) : requested_at;
    if (askedAt === null) return Math.max(seen_at, extended_at ?? 0) + config.lease_ttl_ms;
    const limits = { silence_ms: REQUEST_MS, longest_ms: LONGEST_REQUEST_MS };
    return finishDueAt({ asked_at: askedAt, seen_at, extended_at, ...limits });
  }

  /** Whether the object was down when a deadline fell due that is now handled `late_ms` too late. */
  wereCutOff(late_ms: number): boolean {
    return (
      wasDownAt(late_ms) ||
      this.#parts.records.liveLeases().some((lease) => wasObjectDown(late_ms, this.#socketSigns(lease)))
    );
  }

  /**
   * Judges a lease at its deadline, and sets the next deadline if the lease continues. An extended lease is neither
   * quiet nor lost.
   */
  judge(lease: LeaseRow): 'alive' | 'quiet' | 'extended' | 'lost' {
    const { config, kit } = this.#parts;
    const { platform } = kit.store;
    const lastSeen = lastSeenAt(platform, lease);
    const judgement = judgeLease({
      now: platform.now(),
      ttl_ms: config.lease_ttl_ms,
      last_seen_at: lastSeen,
      ...this.#socketSigns(lease),
      extended: lease.extended_at !== null && lease.extended_at > lastSeen,
    });
    if (judgement.verdict === 'lost') return 'lost';
    if (judgement.verdict === 'extend') {
      this.#extend(lease, judgement.check_at);
      return 'extended';
    }
    kit.deadlines.set(DEADLINE.lease + lease.task, judgement.check_at);
    return judgement.quiet ? 'quiet' : 'alive';
  }

  #socketSigns(lease: LeaseRow) {
    // Nothing but a report shows that its agent, or the object, was away.
    if (isWithoutSocket(lease)) return { connected: false, close_seen: true };
    const { platform } = this.#parts.kit.store;
    return {
      connected: holderSockets(platform, lease).length > 0,
      close_seen: lease.closed_at !== null && lease.closed_at >= lastSeenAt(platform, lease),
    };
  }

  #extend({ task, epoch }: LeaseRow, until: number): void {
    const { kit, records, log } = this.#parts;
    records.updateLease(task, { extended_at: kit.store.platform.now() });
    kit.deadlines.set(DEADLINE.lease + task, until);
    log.append(task, { type: 'lease.extended', data: { epoch, reason: 'control_plane_was_down' } });
  }

  /** What the registry learns of the agent. */
  #assignmentResult(
    { task, epoch, agent_id, granted_at }: LeaseRow,
    reason: string,
    status: AssignmentResult['status'],
  ): AssignmentResult {
    const { kit, records, checks, reservations } = this.#parts;
    const evidence = checks.evidence(task, epoch);
    const ended_at = kit.store.platform.now();
    const { session_type, required_capabilities } = reservations.needs(task);
    const { hours } = records.task(task)!;
    return {
      agent_id,
      status,
      own_fault: status === 'failed' && isOwnFault(reason),
      ended_at,
      duration_ms: Math.max(0, ended_at - granted_at),
      cost_usd: records.leaseCost(task),
      session_type,
      ...(hours !== null && { estimated_ms: Math.round(hours * HOUR_MS) }),
      capabilities: required_capabilities,
      ...(evidence && { checks: evidence }),
    };
  }

  /** The agent can no longer report the turn that was running. */
  #countOpenTurn(task: number): void {
    const { records, log } = this.#parts;
    if (!hasOpenTurn(log.tail(TAIL_EVENTS), task)) return;
    log.append(task, { type: 'usage', data: { model: null, sub_agent: false, ...CUT_OFF_TURN } });
    records.update({ usage: JSON.stringify(addUsage(readUsage(records.session().usage), CUT_OFF_TURN)) });
  }

  #endLease(lease: LeaseRow, ending: Ending, reason: string, { message, result }: EndDetails): void {
    const { kit, records, log, commands, approvals, artifacts, checkpoints, reservations, projections } = this.#parts;
    const { task, epoch, agent_id } = lease;
    if (ending === 'lost') this.#countOpenTurn(task);
    records.updateLease(task, { ended: ending });
    kit.deadlines.clear(DEADLINE.lease + task);
    kit.deadlines.clear(DEADLINE.timeout + task);
    commands.drop(task);
    approvals.withdrawAsked(task, reason);
    artifacts.dropUnused(task);
    reservations.release(task, epoch, result && this.#assignmentResult(lease, reason, result));
    records.setLeaseCost(task, null);
    log.append(task, { type: 'lease.ended', data: { epoch, reason, ...(message && { message }) } });
    projections.runMayHaveEnded();
    const { platform } = kit.store;
    const saved = checkpoints.savedFrame(task, epoch);
    kit.store.afterCommit(() => {
      platform.logger('info', ending === 'lost' ? 'lease_lost' : 'lease_ended', { task, epoch, agent_id, reason });
      // With the next assignment, the transport says how it has ended.
      if (hasPassedOn(records.lease(task), epoch)) return;
      for (const socket of holderSockets(platform, lease)) {
        if (records.isDeleted()) sendDown(socket, lease, { type: 'gone', reason, deleted: true });
        else sendDown(socket, lease, { type: ending === 'done' ? 'ended' : 'lease_lost', reason, saved });
        if (letGo(socket, lease)) socket.close(CLOSE.lease_ended, reason);
      }
    });
  }
}
