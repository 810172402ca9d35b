import type { RunDown } from '../../../src/protocol/run/run-socket.ts';
import type { ObjectPlatform, ObjectSocket } from '../../kit/platform.ts';
import type { LeaseRow } from '../records.ts';

/** What a run socket remembers over hibernation. */
export interface RunAttachment {
  kind: 'run';
  task: number;
  epoch: number;
  /** Names this connection where refusals are counted. */
  connection: string;
  /** The agent that holds the lease has shown itself on it. Anybody may open one; only these count. */
  presented: boolean;
}

/** The tag of the sockets that were opened for a lease. */
export function leaseTag(task: number, epoch: number): string {
  return `lease:${task}:${epoch}`;
}

/** The sockets on which the holder of the lease has presented itself. */
export function holderSockets(platform: ObjectPlatform, task: number, epoch: number): ObjectSocket[] {
  return platform.sockets(leaseTag(task, epoch)).filter((socket) => attachmentOf(socket).presented);
}

export function attachmentOf(socket: ObjectSocket): RunAttachment {
  return socket.attachment() as RunAttachment;
}

/** When the lease's agent was last heard, by a stored frame or by a ping that the runtime answered (ms). */
export function lastSeenAt(platform: ObjectPlatform, lease: LeaseRow): number {
  const pings = holderSockets(platform, lease.task, lease.epoch).map((socket) => socket.lastPingAt() ?? 0);
  return Math.max(lease.seen_at, ...pings);
}

/** Sends a frame to the agent. */
export function sendDown(socket: ObjectSocket, frame: RunDown): void {
  socket.send(JSON.stringify(frame));
}
