import type { RunDown } from '../../../src/protocol/run/run-socket.ts';
import type { Principal } from '../../../src/protocol/workspace/token.ts';
import type { ObjectPlatform, ObjectSocket } from '../../kit/platform/platform.ts';
import type { LeaseRow } from '../records.ts';

/** The attachment of a run socket, which survives hibernation. */
export interface RunAttachment {
  kind: 'run';
  task: number;
  epoch: number;
  /** The token that opened the socket. */
  token_id: string;
  /** The agent whose own token that is. Absent for tokens that are not of one agent. */
  agent_id?: string;
  /** Identifies the connection for counting refusals. */
  connection: string;
  /** Whether the holder of the lease has claimed it on this socket. Any agent may open a socket; only these count. */
  presented: boolean;
}

/** The attachment of a socket on which nobody has claimed the lease yet. */
export function newRunSocket(
  task: number,
  epoch: number,
  { token_id, agent }: Pick<Principal, 'token_id' | 'agent'>,
  connection: string,
): RunAttachment {
  return { kind: 'run', task, epoch, token_id, ...(agent && { agent_id: agent.id }), connection, presented: false };
}

/** The tag of a lease's sockets. */
export function leaseTag(task: number, epoch: number): string {
  return `lease:${task}:${epoch}`;
}

/** The sockets on which the holder has claimed the lease. */
export function holderSockets(platform: ObjectPlatform, task: number, epoch: number): ObjectSocket[] {
  return platform.sockets(leaseTag(task, epoch)).filter((socket) => attachmentOf(socket).presented);
}

export function attachmentOf(socket: ObjectSocket): RunAttachment {
  return socket.attachment() as RunAttachment;
}

/** When the lease's agent was last heard, by a stored frame or by a ping that the platform answered (ms). */
export function lastSeenAt(platform: ObjectPlatform, lease: LeaseRow): number {
  const pings = holderSockets(platform, lease.task, lease.epoch).map((socket) => socket.lastPingAt() ?? 0);
  return Math.max(lease.seen_at, ...pings);
}

/** Sends a frame to the agent. */
export function sendDown(socket: ObjectSocket, frame: RunDown): void {
  socket.send(JSON.stringify(frame));
}
