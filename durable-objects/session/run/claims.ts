import { repositoryKeyOf } from '../../../src/domain/dispatch/requirements.ts';
import { type Claim, type ClaimVerdict, judgeClaim } from '../../../src/domain/lease/claim.ts';
import { readUsage, usageSince } from '../../../src/domain/session/usage.ts';
import type { Capability } from '../../../src/protocol/common/enums.ts';
import { IMPLICIT_TASK, taskIdOf } from '../../../src/protocol/common/ids.ts';
import { MAX_CONVERSATION_PARTS } from '../../../src/protocol/common/limits.ts';
import type { Assignment } from '../../../src/protocol/run/assignment.ts';
import { isProven, type Offeree } from '../../kit/crypto/offer-proof.ts';
import type { SessionParts } from '../parts.ts';
import type { LeaseRow } from '../rows.ts';

type Needs = Pick<
  SessionParts,
  | 'kit'
  | 'records'
  | 'details'
  | 'works'
  | 'conflicts'
  | 'checkpoints'
  | 'checks'
  | 'deliveryTasks'
  | 'tasks'
  | 'reservations'
  | 'passes'
>;

/** A claim, with the token of the connection on which it came. */
export interface AgentClaim extends Omit<Claim, 'isProven'>, Offeree {
  /** From the offer; see `present` of the run socket. */
  proof?: string | undefined;
  /** See `present` of the run socket. */
  head_commit?: string | null | undefined;
  can_merge?: boolean | undefined;
  /** The last message that came with the assignment, if it was handed out before; which proves the offer as well. */
  messages_given?: number;
  /** Whether the agent goes on with the next task of the session if it gets one, and what it can do. */
  shared?: true | undefined;
  capabilities?: Capability[] | undefined;
  labels?: string[] | undefined;
}

const IS_AUTHOR = 'The task decides between works of which this agent has made one.';
const CANNOT_MERGE = 'The task begins with the merged work of others, and this agent cannot merge.';

/** The reply to an agent that does not get the lease. */
export type ClaimRefusal = Exclude<ClaimVerdict, { verdict: 'granted' | 'resumed' }>;
export type ClaimAnswer =
  /** The agent has the lease. It gets its unacknowledged commands and continues after `acked`. */
  { verdict: 'granted' | 'resumed'; assignment: Assignment; acked: number } | ClaimRefusal;

/** Handles claims of leases over any transport: judges each claim and stores the verdict. */
export class Claims {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** The verdict on a claim, which changes nothing. */
  judge(number: number, claim: AgentClaim): ClaimVerdict {
    const { records } = this.#parts;
    const session = records.find();
    const [task, lease] = session ? [records.task(number), records.lease(number)] : [];
    const bound = session ? { repository: session.repository, repository_key: repositoryKeyOf(records.spec()) } : null;
    return judgeClaim({ ...claim, isProven: this.#isProven(number, claim) }, bound, task, lease);
  }

  /** Handles an agent's claim of a task, the first one or a repeated one after a reconnect. */
  answer(number: number, claim: AgentClaim): ClaimAnswer {
    const { kit, records, tasks } = this.#parts;
    const judgement = this.judge(number, claim);
    switch (judgement.verdict) {
      case 'granted': {
        const reason = this.turnAway(number, claim);
        if (reason !== null) return { verdict: 'gone', reason };
        kit.store.transact(() => tasks.grant(this.#newLease(number, claim), claim, claim.messages_given));
        return { verdict: 'granted', assignment: this.assignment(number), acked: 0 };
      }
      case 'resumed': {
        const { acked, token_id } = records.lease(number)!;
        kit.store.transact(() => {
          records.seen(number, acked);
          if (token_id !== claim.token_id) records.updateLease(number, { token_id: claim.token_id });
          tasks.seen(number);
        });
        return { verdict: 'resumed', assignment: this.assignment(number), acked };
      }
      case 'lost':
        if (judgement.cause === 'stream_broken') kit.store.transact(() => tasks.lose(number, 'stream_broken'));
        return judgement;
      default:
        return judgement;
    }
  }

  /** The lease of (task, epoch), if it is active. */
  held(task: number, epoch: number): LeaseRow | undefined {
    const { records } = this.#parts;
    const lease = records.find() ? records.liveLease(task) : undefined;
    return lease?.epoch === epoch ? lease : undefined;
  }

  /**
   * Turns an agent away that was offered a task which it cannot begin, or must not. It is then not asked again.
   * @returns why; null if the agent may have the task
   */
  turnAway(number: number, claim: AgentClaim): string | null {
    if (this.judge(number, claim).verdict !== 'granted') return null;
    const { kit, works, tasks, reservations } = this.#parts;
    const { agent_id, instance_id, agent_name, epoch } = claim;
    const isAuthor = works.authorsOfConflict(number).includes(agent_id);
    const message = isAuthor ? IS_AUTHOR : CANNOT_MERGE;
    if (!isAuthor && (claim.can_merge || !works.needsMerge(number))) return null;
    kit.store.transact(() => {
      reservations.refused(number, { agent_id, instance_id, agent_name, message });
      tasks.reservationEnded(number, epoch);
    });
    return message;
  }

  /** Whether the registry has offered the task's present epoch to this agent. */
  #isProven(number: number, { proof, ...claim }: AgentClaim): boolean {
    const { records, reservations } = this.#parts;
    if (claim.messages_given !== undefined) return true;
    if (proof === undefined || !records.find() || records.task(number) === undefined) return false;
    return isProven(reservations.proofKey(number), claim, proof);
  }

  #newLease(task: number, claim: AgentClaim): LeaseRow {
    const { kit, records, passes } = this.#parts;
    const now = kit.store.platform.now();
    return {
      task,
      epoch: claim.epoch,
      run: records.session().run,
      agent_id: claim.agent_id,
      agent_name: claim.agent_name,
      token_id: claim.token_id,
      instance_id: claim.instance_id,
      stream_id: claim.stream_id,
      acked: 0,
      granted_at: now,
      seen_at: now,
      extended_at: null,
      closed_at: null,
      move_asked_at: null,
      passing: claim.shared ? JSON.stringify(passes.begin(claim, task)) : null,
      ended: null,
    };
  }

  /** The work of a task, as it is now. */
  assignment(number: number): Assignment {
    const { records, details, works, conflicts, checkpoints, checks, deliveryTasks } = this.#parts;
    const { id, usage, usage_before_run } = records.session();
    const { turns, cost_usd } = usageSince(readUsage(usage), readUsage(usage_before_run));
    const spec = records.spec();
    const task = records.task(number)!;
    const checkpoint = checkpoints.toRestore(number);
    const resolution = conflicts.jobOf(number);
    return {
      session_id: id,
      task_id: taskIdOf(id, number),
      epoch: task.epoch,
      title: number === IMPLICIT_TASK ? spec.title : task.title,
      kind: task.kind,
      ...(task.kind === 'deliver' && { delivery: deliveryTasks.order(number) }),
      agent_config: spec.agent_config,
      repository: spec.repository,
      ...(task.kind !== 'deliver' && { start: works.view(number) }),
      ...(resolution && { resolution }),
      merge_strategy: spec.merge_strategy,
      usage_before: { turns, cost_usd },
      messages_done: checkpoint?.messages_done || records.firstMessageOf(number) - 1,
      messages_last: records.lastMessageOf(number),
      max_conversation_parts: MAX_CONVERSATION_PARTS,
      takes_tool_output: true,
      checks: details.checks(number),
      start_checks: checks.atStart(number),
      check_round: checks.nextRound(number),
      ...(task.restore !== 'last' && { is_start_chosen: true }),
      checkpoint,
    };
  }
}
