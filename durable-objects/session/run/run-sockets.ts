import { type SessionId, sessionOfTask, type TaskId, taskIdOf, taskNumber } from '../../../src/protocol/common/ids.ts';
import type { RunDown } from '../../../src/protocol/run/run-socket.ts';
import type { Principal } from '../../../src/protocol/workspace/token.ts';
import type { ObjectPlatform, ObjectSocket } from '../../kit/platform/platform.ts';
import type { LeaseRow } from '../rows.ts';

/** A lease in its session: the number of its task, and its epoch. */
export interface LeaseNumbers {
  task: number;
  epoch: number;
}

/** The attachment of a run socket, which survives hibernation. */
export interface RunAttachment extends LeaseNumbers {
  kind: 'run';
  session_id: SessionId;
  /** The token that opened the socket. */
  token_id: string;
  /** The agent whose own token that is. Absent for tokens that are not of one agent. */
  agent_id?: string;
  /** Identifies the connection for counting refusals. */
  connection: string;
  /** Whether messages name their leases, so that the socket serves several. */
  shared: boolean;
  /**
   * The leases that their holder has claimed on this socket: task and epoch of each. Any agent may open a socket; only
   * these count.
   */
  held: [task: number, epoch: number][];
}

/** The tag of all run sockets. */
export const RUN_TAG = 'run';

/** The attachment of a socket on which nobody has claimed a lease yet. */
export function newRunSocket(
  task_id: TaskId,
  epoch: number,
  { token_id, agent }: Pick<Principal, 'token_id' | 'agent'>,
  connection: string,
): RunAttachment {
  return {
    kind: 'run',
    session_id: sessionOfTask(task_id),
    task: taskNumber(task_id),
    epoch,
    token_id,
    ...(agent && { agent_id: agent.id }),
    connection,
    shared: false,
    held: [],
  };
}

/** The sockets on which the holder has claimed the lease. */
export function holderSockets(platform: ObjectPlatform, lease: LeaseNumbers): ObjectSocket[] {
  return platform.sockets(RUN_TAG).filter((socket) => isHeldOn(attachmentOf(socket), lease));
}

/** Whether the holder has claimed the lease on the socket with this attachment. */
export function isHeldOn({ held }: Pick<RunAttachment, 'held'>, { task, epoch }: LeaseNumbers): boolean {
  return held.some(([number, of]) => number === task && of === epoch);
}

/** Notes that the holder has claimed the lease on this socket. */
export function hold(socket: ObjectSocket, lease: LeaseNumbers): void {
  const attachment = attachmentOf(socket);
  if (isHeldOn(attachment, lease)) return;
  socket.attach({ ...attachment, held: [...attachment.held, [lease.task, lease.epoch]] } satisfies RunAttachment);
}

/** Takes the lease from a socket. @returns whether the socket serves none any more */
export function letGo(socket: ObjectSocket, { task, epoch }: LeaseNumbers): boolean {
  const attachment = attachmentOf(socket);
  const held = attachment.held.filter(([number, of]) => number !== task || of !== epoch);
  socket.attach({ ...attachment, held } satisfies RunAttachment);
  return held.length === 0;
}

export function attachmentOf(socket: ObjectSocket): RunAttachment {
  return socket.attachment() as RunAttachment;
}

/** When the lease's agent was last heard, by a stored frame or by a ping that the platform answered (ms). */
export function lastSeenAt(platform: ObjectPlatform, lease: LeaseRow): number {
  const pings = holderSockets(platform, lease).map((socket) => socket.lastPingAt() ?? 0);
  return Math.max(lease.seen_at, ...pings);
}

/** Sends a message about a lease to the agent. */
export function sendDown(socket: ObjectSocket, { task, epoch }: LeaseNumbers, message: RunDown): void {
  const { shared, session_id } = attachmentOf(socket);
  const of = { task_id: taskIdOf(session_id, task), epoch };
  socket.send(JSON.stringify(shared ? { ...message, of } : message));
}
