import { instanceWithoutSocket, judgeReport, STREAM_WITHOUT_SOCKET } from '../../../src/domain/lease/report.ts';
import type { Call } from '../../../src/ports/calls.ts';
import type { ClaimedOffer, FrameReport, LeaseKey } from '../../../src/ports/lease-calls.ts';
import { MAX_COUNT } from '../../../src/protocol/common/bounds.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import { taskIdOf, taskNumber } from '../../../src/protocol/common/ids.ts';
import type {
  LeaseReport,
  OfferedAssignment,
  ReleaseLeaseRequest,
  ReportConflictRequest,
  ReportResultRequest,
  ResultReport,
} from '../../../src/protocol/run/reports.ts';
import type { Calls } from '../../kit/calls/calls.ts';
import { sha256 } from '../../kit/crypto/sha256.ts';
import { transactOutcome } from '../../kit/storage/transact-outcome.ts';
import type { SessionParts } from '../parts.ts';
import type { LeaseRow } from '../rows.ts';
import type { AgentClaim } from './claims.ts';
import { type HandOut, HandOuts } from './hand-outs.ts';
import { finalReport, leaseReport, offeredAssignment } from './lease-views.ts';

type Needs = Pick<
  SessionParts,
  | 'kit'
  | 'records'
  | 'log'
  | 'works'
  | 'commands'
  | 'files'
  | 'reservations'
  | 'leases'
  | 'tasks'
  | 'claims'
  | 'refusals'
  | 'frames'
  | 'results'
>;

/**
 * Plain HTTP as a transport of an agent's work (`LeaseCallsApi`). A task is handed out with its offer, and the first
 * report takes the lease. A refused call changes nothing.
 */
export class LeaseCalls {
  readonly #parts: Needs;
  readonly #calls: Calls;
  readonly #handOuts: HandOuts;

  constructor(parts: Needs, calls: Calls) {
    this.#parts = parts;
    this.#handOuts = new HandOuts(parts);
    this.#calls = calls;
  }

  handOut(call: Call, { task_id, epoch, offered_until, ...offer }: ClaimedOffer): Outcome<OfferedAssignment> {
    const { claims, records, works } = this.#parts;
    const task = taskNumber(task_id);
    const claim = { ...this.#claim(call, epoch, offer), proof: offer.proof };
    const refusal = claims.turnAway(task, claim);
    if (refusal !== null) return gone(refusal);
    return this.#change('handOut', call, () => {
      const agent_id = agentOf(call);
      const judgement = claims.judge(task, claim);
      if (judgement.verdict !== 'granted') return gone('reason' in judgement ? judgement.reason : 'it has a lease');
      works.fixStart(task);
      const assignment = offeredAssignment(this.#parts, task, offered_until);
      const { agent_name, repository, can_merge } = offer;
      const before = this.#handOut(call, { task_id, epoch });
      const last = records.lastMessageOf(task);
      // The agent may never have seen the answer before. A message that comes as a command again does no harm.
      const messages_last = Math.min(before?.messages_last ?? last, last);
      this.#handOuts.put(task, { agent_id, epoch, agent_name, repository, can_merge, messages_last, taken: false });
      return ok(assignment);
    });
  }

  heldLease(call: Call, { task_id, epoch }: LeaseKey): Outcome<{ agent_id: string }> {
    const { agent, token_id } = call.principal;
    return this.#calls.read('heldLease', call, () => {
      const lease = this.#parts.records.liveLease(taskNumber(task_id));
      const isHolder = agent ? lease?.agent_id === agent.id : lease?.token_id === token_id;
      if (lease?.epoch === epoch && isHolder) return ok({ agent_id: lease.agent_id });
      return refuse(
        'stale_lease',
        'You do not hold this lease, or not any more. Stop the work that was done under it.',
      );
    });
  }

  report(call: Call, key: LeaseKey, { frames, acknowledged_command }: FrameReport): Outcome<LeaseReport> {
    return this.#change(
      'report',
      call,
      () =>
        this.#underLease(call, key, (lease) => {
          const acknowledged = this.#acknowledge(lease, acknowledged_command);
          if (!acknowledged.ok) return acknowledged;
          const taken = this.#parts.frames.takeAll(lease, frames);
          if (!taken.ok) return taken;
          if (taken.value === lease.acked) this.#seen(lease);
          return ok(leaseReport(this.#parts, this.#parts.records.lease(lease.task)!));
        }),
      key,
    );
  }

  reportResult(call: Call, key: LeaseKey, request: ReportResultRequest): Outcome<ResultReport> {
    const { acknowledged_command, ...result } = request;
    const digest = sha256(JSON.stringify(result));
    const report = () => {
      const ended = this.#handOut(call, key)?.ended;
      if (typeof ended === 'object') {
        if (ended.result === digest) return ok(finalReport(this.#parts, key));
        return refuse('result_differs', 'The lease has ended with another result, which counts.');
      }
      return this.#underLease(call, key, (lease) => {
        const acknowledged = this.#acknowledge(lease, acknowledged_command);
        return acknowledged.ok ? this.#end(call, lease, result, digest) : acknowledged;
      });
    };
    return this.#change('reportResult', call, report, key);
  }

  reportConflict(call: Call, key: LeaseKey, request: ReportConflictRequest): Outcome<null> {
    const { acknowledged_command, ...report } = request;
    return this.#endOnce('conflict', 'reportConflict', call, key, (lease) => {
      const acknowledged = this.#acknowledge(lease, acknowledged_command);
      if (!acknowledged.ok) return acknowledged;
      const problem = this.#parts.frames.conflict(lease, report);
      return problem === null ? ok(null) : refuse('validation_failed', `The report cannot be used: ${problem}.`);
    });
  }

  releaseLease(call: Call, key: LeaseKey, request: ReleaseLeaseRequest): Outcome<null> {
    return this.#endOnce('released', 'releaseLease', call, key, (lease) => {
      this.#parts.frames.released(lease, request);
      return ok(null);
    });
  }

  /** Ends the lease without a result. The same again changes nothing. */
  #endOnce(
    ended: 'conflict' | 'released',
    method: string,
    call: Call,
    key: LeaseKey,
    end: (lease: LeaseRow) => Outcome<null>,
  ): Outcome<null> {
    const endOnce = () => {
      if (this.#handOut(call, key)?.ended === ended) return ok(null);
      return this.#underLease(call, key, (lease) => {
        const outcome = end(lease);
        if (outcome.ok) this.#noteEnd(call, key, ended);
        return outcome;
      });
    };
    return this.#change(method, call, endOnce, key);
  }

  /** Ends the lease with its result, unless it goes on. */
  #end(call: Call, lease: LeaseRow, { artifacts, usage, ...result }: Reported, digest: string): Outcome<ResultReport> {
    const { files, frames, records, results } = this.#parts;
    const { status, output: text, error, messages_done = this.#messagesGiven(lease) } = result;
    const last = records.lastMessageOf(lease.task);
    if (messages_done > last) {
      return refuse('validation_failed', `messages_done is ${messages_done}, but the newest message is ${last}.`);
    }
    if (results.continueLease(lease, { status, messages_done, text, error })) {
      this.#seen(lease);
      const session_status = records.session().status;
      return ok({ ...leaseReport(this.#parts, records.lease(lease.task)!), final: false, session_status });
    }
    for (const file of artifacts) {
      const problem = files.store(lease.task, lease.epoch, lease.acked, file);
      if (problem !== null) return refuse('validation_failed', `The file ${file.path} cannot be stored: ${problem}.`);
    }
    if (usage) frames.used(lease.task, usage);
    results.take(lease, { status, text, messages_done, error });
    const key = { task_id: taskIdOf(records.session().id, lease.task), epoch: lease.epoch };
    this.#noteEnd(call, key, { result: digest });
    return ok(finalReport(this.#parts, key));
  }

  /** Runs what an agent does under its lease, which the first report takes. */
  #underLease<T>(call: Call, key: LeaseKey, body: (lease: LeaseRow) => Outcome<T>): Outcome<T> {
    const lease = this.#leaseOf(call, key);
    return lease.ok ? body(lease.value) : lease;
  }

  #change<T>(method: string, call: Call, body: () => Outcome<T>, key?: LeaseKey): Outcome<T> {
    const outcome = this.#calls.read(method, call, () => transactOutcome(this.#parts.kit.store, body));
    if (key && !outcome.ok && outcome.failure.code === 'stale_lease') {
      this.#parts.refusals.count(taskNumber(key.task_id), key.epoch, instanceWithoutSocket(agentOf(call)));
    }
    return outcome;
  }

  /** The lease under which an agent reports. */
  #leaseOf(call: Call, { task_id, epoch }: LeaseKey): Outcome<LeaseRow> {
    const { claims, records, reservations } = this.#parts;
    const [agent_id, number] = [agentOf(call), taskNumber(task_id)];
    const handOut = this.#handOut(call, { task_id, epoch });
    const handed_out = handOut ? (handOut.taken ? 'taken' : 'offered') : null;
    switch (judgeReport({ agent_id, epoch, handed_out }, records.task(number), records.lease(number))) {
      case 'held': {
        const { token_id } = call.principal;
        if (records.lease(number)!.token_id !== token_id) records.updateLease(number, { token_id });
        return ok(records.lease(number)!);
      }
      case 'claims': {
        const claim = { ...this.#claim(call, epoch, handOut!), messages_given: handOut!.messages_last };
        const answer = claims.answer(number, claim);
        if (!('assignment' in answer)) return gone(answer.reason);
        this.#handOuts.put(number, { ...handOut!, taken: true });
        reservations.accepted(number, epoch, agent_id);
        return ok(records.lease(number)!);
      }
      case 'gone':
        return gone('another agent was first, or the offer was withdrawn');
      case 'stale':
        return refuse('stale_lease', 'The lease was taken from this agent. Stop the work, and claim again.');
      case 'ended':
        return refuse('stale_lease', 'This agent has ended the lease. Claim again.');
      case 'unknown':
        return refuse('not_found', 'This agent has no such lease.');
    }
  }

  #claim({ principal }: Call, epoch: number, { agent_name, repository, can_merge }: Named): AgentClaim {
    const agent_id = principal.agent!.id;
    return {
      agent_id,
      agent_name,
      instance_id: instanceWithoutSocket(agent_id),
      stream_id: STREAM_WITHOUT_SOCKET,
      head: MAX_COUNT,
      repository,
      can_merge,
      token_id: principal.token_id,
      epoch,
    };
  }

  /** What is known of the hand-out of this lease to the caller. */
  #handOut(call: Call, { task_id, epoch }: LeaseKey): HandOut | undefined {
    return this.#handOuts.find(taskNumber(task_id), { agent_id: agentOf(call), epoch });
  }

  #noteEnd(call: Call, key: LeaseKey, ended: NonNullable<HandOut['ended']>): void {
    this.#handOuts.put(taskNumber(key.task_id), { ...this.#handOut(call, key)!, ended });
  }

  #acknowledge({ task, epoch }: LeaseRow, command: number | undefined): Outcome<null> {
    if (command === undefined) return ok(null);
    const { commands, records } = this.#parts;
    if (command > records.session().last_command) {
      return refuse('validation_failed', `There is no command ${command} yet. Acknowledge only what you were given.`);
    }
    commands.acknowledgeUpTo(task, epoch, command);
    return ok(null);
  }

  #seen({ task, acked }: LeaseRow): void {
    const { records, tasks } = this.#parts;
    records.seen(task, acked);
    tasks.seen(task);
  }

  /** The number of the last message that the agent has got, or has acknowledged the command of. */
  #messagesGiven({ task, epoch }: LeaseRow): number {
    const { commands, records } = this.#parts;
    const waiting = commands
      .pending(task, epoch)
      .flatMap(({ command }) => (command.type === 'message' ? command.data.number : []));
    return waiting.length === 0 ? records.lastMessageOf(task) : Math.min(...waiting) - 1;
  }
}

type Named = Pick<HandOut, 'agent_name' | 'repository' | 'can_merge'>;
type Reported = Omit<ReportResultRequest, 'acknowledged_command'>;

/** The agent whose own token the caller has. Only with such a token, the Worker makes these calls. */
function agentOf({ principal }: Call): string {
  if (!principal.agent) throw new Error('the call has no token of an agent');
  return principal.agent.id;
}

function gone(reason: string): Outcome<never> {
  return refuse('lease_gone', `Do not work on the task: ${reason}.`);
}
