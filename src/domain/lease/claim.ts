import type { TaskStatus } from '../../protocol/common/enums.ts';
import { type BoundRepository, isSameRepository } from '../same-repository.ts';

/** An agent's claim to a new lease, or to the lease that it already holds. */
export interface Claim {
  /** The token of its connection. */
  token_id: string;
  epoch: number;
  agent_id: string;
  instance_id: string;
  /** The id of the agent's frame buffer. */
  stream_id: string;
  /** The number of the newest frame in the buffer. */
  head: number;
  /** The root commit of the agent's clone; null if it is unknown, as in a shallow clone. */
  repository: string | null;
  /** Whether the registry has offered the epoch to this agent. */
  isProven: boolean;
}

/** The claimed task in the session. */
export interface ClaimedTask {
  epoch: number;
  status: TaskStatus;
}

/** The newest lease of the claimed task, active or ended. */
export interface ClaimedLease {
  epoch: number;
  agent_id: string;
  instance_id: string;
  stream_id: string;
  /** The token of its last accepted claim; empty for a lease of an earlier release. */
  token_id: string;
  /** Frames up to this number are stored. */
  acked: number;
  /** How the lease ended. `done`: normally. `lost`: it was taken from the agent. Null while it is active. */
  ended: 'done' | 'lost' | null;
}

export type ClaimVerdict =
  /** The offer is open and this agent is the first one: it gets the lease. */
  | { verdict: 'granted' }
  /** The agent holds the lease and continues after `acked`. */
  | { verdict: 'resumed' }
  /** The agent cannot claim the task. */
  | { verdict: 'gone'; reason: string }
  /** The lease ended normally, so the agent deletes its buffer. */
  | { verdict: 'ended'; reason: string }
  /** The lease was taken from the agent; or its stream is broken, so that the lease must end now. */
  | { verdict: 'lost'; reason: string; cause: 'taken' | 'stream_broken' };

/** The verdict on an agent that lost the lease, or never held it. */
export const NOT_THE_HOLDER = {
  verdict: 'lost',
  reason: 'this agent does not hold the lease',
  cause: 'taken',
} as const;

/**
 * Judges a claim. The first (agent, instance) that was offered a task and epoch and claims it gets the lease. Only that
 * agent can resume it, with the same stream.
 *
 * @param session null when the session does not exist or was deleted
 * @param task undefined when the session has no such task
 * @param lease undefined before the task's first lease
 */
export function judgeClaim(
  claim: Claim,
  session: BoundRepository | null,
  task: ClaimedTask | undefined,
  lease: ClaimedLease | undefined,
): ClaimVerdict {
  if (!session || !task) return { verdict: 'gone', reason: 'there is no such task' };
  if (lease?.epoch === claim.epoch) return judgeRepeatedClaim(claim, task, lease);
  if (task.epoch !== claim.epoch || task.status !== 'ready')
    return { verdict: 'gone', reason: 'the offer was withdrawn' };
  // The registry has compared the remotes with the address before its offer.
  if (!isSameRepository(claim.repository, session))
    return { verdict: 'gone', reason: 'the session belongs to another repository' };
  if (!claim.isProven) return { verdict: 'gone', reason: 'this agent was not offered the task' };
  return { verdict: 'granted' };
}

/** Judges a claim of an epoch that was granted before, to this agent or to another one. */
function judgeRepeatedClaim(claim: Claim, task: ClaimedTask, lease: ClaimedLease): ClaimVerdict {
  if (lease.agent_id !== claim.agent_id || lease.instance_id !== claim.instance_id) {
    return { verdict: 'gone', reason: 'another agent was first' };
  }
  // Only the holder knows the stream, so another token without it is another agent, which must not break the lease.
  if (lease.token_id !== claim.token_id && lease.stream_id !== claim.stream_id) {
    return { verdict: 'gone', reason: 'another agent was first' };
  }
  if (lease.ended === 'done') return { verdict: 'ended', reason: 'the lease has ended' };
  if (lease.ended !== null || task.epoch !== lease.epoch) {
    return NOT_THE_HOLDER;
  }
  if (lease.stream_id !== claim.stream_id || claim.head < lease.acked) {
    return { verdict: 'lost', reason: 'the stream is not the one that began the lease', cause: 'stream_broken' };
  }
  return { verdict: 'resumed' };
}
