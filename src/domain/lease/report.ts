import type { ClaimedLease, ClaimedTask } from './claim.ts';

/**
 * The process of an agent without sockets, in claims and leases. Only the agent's own token can act for it, so it has one
 * for all its life. No process that says hello over a socket has such a name.
 */
export function instanceWithoutSocket(agentId: string): string {
  return `http:${agentId}`;
}

/** The frame buffer of an agent without sockets, for the same reason. */
export const STREAM_WITHOUT_SOCKET = 'http';

/** Whether a lease is held without sockets, so that only reports show that its agent is alive. */
export function isWithoutSocket({ stream_id }: Pick<ClaimedLease, 'stream_id'>): boolean {
  return stream_id === STREAM_WITHOUT_SOCKET;
}

/** A report that an agent sends without a socket, under the lease of an epoch. */
export interface ReportFacts {
  agent_id: string;
  epoch: number;
  /** What became of the epoch that was handed out to the agent; null if it was not. */
  handed_out: 'offered' | 'taken' | null;
}

export type ReportVerdict =
  /** The agent holds the lease. */
  | 'held'
  /** It is the first report of an agent that the task was handed out to, so it claims the lease. */
  | 'claims'
  /** The agent has ended the lease itself. */
  | 'ended'
  /** The epoch is over. */
  | 'stale'
  /** Another agent was first, or the offer was withdrawn. */
  | 'gone'
  /** The agent never had anything to do with the lease. */
  | 'unknown';

/**
 * Judges whether an agent may report under a lease. The first report takes the lease, like a claim on a run socket.
 * @param task undefined when the session has no such task
 * @param lease the newest lease of the task
 */
export function judgeReport(
  { agent_id, epoch, handed_out }: ReportFacts,
  task: ClaimedTask | undefined,
  lease: ClaimedLease | undefined,
): ReportVerdict {
  if (!task || handed_out === null) return 'unknown';
  if (lease?.epoch === epoch && lease.instance_id === instanceWithoutSocket(agent_id)) {
    if (lease.ended === 'done') return 'ended';
    return lease.ended === null && task.epoch === epoch ? 'held' : 'stale';
  }
  if (handed_out === 'taken') return 'stale';
  return task.epoch === epoch && task.status === 'ready' ? 'claims' : 'gone';
}
