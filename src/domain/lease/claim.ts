import type { TaskStatus } from '../../protocol/common/enums.ts';

/** What an agent presents to get a lease, or to go on with the lease that it holds. */
export interface Claim {
  epoch: number;
  agent_id: string;
  instance_id: string;
  /** Names the agent's buffer of frames. */
  stream_id: string;
  /** The highest number that the buffer has given out. */
  head: number;
  /** Root commit of the agent's clone. */
  repository: string | null;
}

/** What the session knows about the claimed task. */
export interface ClaimedTask {
  epoch: number;
  status: TaskStatus;
}

/** The newest lease of the claimed task, held or ended. */
export interface ClaimedLease {
  epoch: number;
  agent_id: string;
  instance_id: string;
  stream_id: string;
  /** Frames up to this number are stored. */
  acked: number;
  ended: 'done' | 'lost' | null;
}

export type ClaimVerdict =
  /** The offer stands and nobody was faster: the agent gets the lease. */
  | { verdict: 'granted' }
  /** The agent holds the lease and goes on after `acked`. */
  | { verdict: 'resumed' }
  /** There is nothing to claim here. */
  | { verdict: 'gone'; reason: string }
  /** The lease ended as it should: the agent drops its buffer. */
  | { verdict: 'ended'; reason: string }
  /** The lease was taken from the agent, or its stream is broken: then the lease has to end now. */
  | { verdict: 'lost'; reason: string; cause: 'taken' | 'stream_broken' };

/**
 * The verdict on a claim. The first (agent, instance) to present a task and an epoch that were offered gets the lease;
 * only that agent can resume it, with the same stream.
 *
 * @param session null when there is none, or it was deleted
 * @param task undefined when the session has no such task
 * @param lease undefined before the task's first lease
 */
export function judgeClaim(
  claim: Claim,
  session: { repository: string | null } | null,
  task: ClaimedTask | undefined,
  lease: ClaimedLease | undefined,
): ClaimVerdict {
  if (!session || !task) return { verdict: 'gone', reason: 'there is no such task' };
  if (lease?.epoch === claim.epoch) return judgeRepeatedClaim(claim, task, lease);
  if (task.epoch !== claim.epoch || task.status !== 'ready')
    return { verdict: 'gone', reason: 'the offer was withdrawn' };
  if (session.repository !== null && session.repository !== claim.repository) {
    return { verdict: 'gone', reason: 'the session belongs to another repository' };
  }
  return { verdict: 'granted' };
}

/** The epoch was granted before: to this agent, or to another. */
function judgeRepeatedClaim(claim: Claim, task: ClaimedTask, lease: ClaimedLease): ClaimVerdict {
  if (lease.agent_id !== claim.agent_id || lease.instance_id !== claim.instance_id) {
    return { verdict: 'gone', reason: 'another agent was first' };
  }
  if (lease.ended === 'done') return { verdict: 'ended', reason: 'the lease has ended' };
  if (lease.ended !== null || task.epoch !== lease.epoch) {
    return { verdict: 'lost', reason: 'the lease is not yours, or no longer', cause: 'taken' };
  }
  if (lease.stream_id !== claim.stream_id || claim.head < lease.acked) {
    return { verdict: 'lost', reason: 'the stream is not the one that began the lease', cause: 'stream_broken' };
  }
  return { verdict: 'resumed' };
}
