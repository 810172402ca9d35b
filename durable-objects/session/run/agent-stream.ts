import { CLOSE } from '../../../src/protocol/common/socket.ts';
import type { Assignment } from '../../../src/protocol/run/assignment.ts';
import { RunUp } from '../../../src/protocol/run/run-socket.ts';
import type { ObjectSocket } from '../../kit/platform.ts';
import { parseJson } from '../../kit/text.ts';
import type { SessionParts } from '../parts.ts';
import type { LeaseRow, TaskRow } from '../records.ts';
import { AgentFrames, type AgentFramesNeeds, isNumbered } from './agent-frames.ts';
import { attachmentOf, holderSockets, type RunAttachment, sendDown } from './run-sockets.ts';

/** Connections that are counted one by one; the rest of an epoch are counted together. */
const MAX_REFUSALS = 100;

type Presented = Extract<RunUp, { type: 'present' }>;

type Needs = AgentFramesNeeds & Pick<SessionParts, 'config' | 'commands'>;

/**
 * The session's end of an agent's run socket. Frames are numbered by the agent, stored exactly once, and acknowledged
 * once stored: a repeat is ignored, a gap is answered with the number expected, an old epoch with `lease_lost`.
 */
export class AgentStream {
  readonly #parts: Needs;
  readonly #frames: AgentFrames;

  constructor(parts: Needs) {
    this.#parts = parts;
    this.#frames = new AgentFrames(parts);
  }

  /** Takes one message of the agent in. What breaks the protocol closes the socket; the lease is not touched by it. */
  receive(socket: ObjectSocket, text: string): void {
    const parsed = RunUp.safeParse(parseJson(text));
    if (!parsed.success) return socket.close(CLOSE.protocol_error, 'not a frame of this protocol');
    const frame = parsed.data;
    const attachment = attachmentOf(socket);
    if (frame.type === 'present') return this.#present(socket, attachment, frame);
    const lease = this.#holder(attachment);
    if (!lease) return this.#refuse(socket, attachment);
    if (frame.type === 'command_ack') {
      this.#parts.kit.store.transact(() =>
        this.#parts.commands.acknowledge(attachment.task, attachment.epoch, frame.id),
      );
    } else this.#takeFrames(socket, lease, frame.frames);
  }

  /** A lease's socket is gone: noted, never judged here. */
  closed(socket: ObjectSocket): void {
    const { records, kit } = this.#parts;
    const attachment = attachmentOf(socket);
    const lease = this.#holder(attachment);
    if (!lease) return;
    const { platform } = kit.store;
    const others = holderSockets(platform, lease.task, lease.epoch).map(attachmentOf);
    if (others.some(({ connection }) => connection !== attachment.connection)) return;
    // The pings that the runtime answered are forgotten with the socket: what they told goes into the row.
    const seen_at = Math.max(lease.seen_at, socket.lastPingAt() ?? 0);
    kit.store.transact(() => records.updateLease(lease.task, { closed_at: platform.now(), seen_at }));
  }

  #present(socket: ObjectSocket, attachment: RunAttachment, frame: Presented): void {
    const { records } = this.#parts;
    const task = records.find() ? records.task(attachment.task) : undefined;
    if (!task) return this.#turnAway(socket, 'gone', 'there is no such task');
    const lease = records.lease(attachment.task);
    if (lease?.epoch === attachment.epoch) return this.#presentAgain(socket, attachment, frame, lease);
    if (task.epoch === attachment.epoch && task.status === 'ready') return this.#grant(socket, attachment, frame);
    this.#turnAway(socket, 'gone', 'the offer was cancelled');
  }

  #grant(socket: ObjectSocket, attachment: RunAttachment, frame: Presented): void {
    const { kit, leases, records } = this.#parts;
    const bound = records.session().repository;
    if (bound !== null && bound !== frame.repository) {
      return this.#turnAway(socket, 'gone', 'the session belongs to another repository');
    }
    const now = kit.store.platform.now();
    const lease: LeaseRow = {
      task: attachment.task,
      epoch: attachment.epoch,
      run: records.session().run,
      agent_id: frame.agent_id,
      agent_name: frame.agent_name,
      instance_id: frame.instance_id,
      stream_id: frame.stream_id,
      acked: 0,
      granted_at: now,
      seen_at: now,
      extended_at: null,
      closed_at: null,
      ended: null,
    };
    // The assignment tells what the lease starts from, so it is sent before the commands that the grant queues.
    const task = records.task(attachment.task)!;
    const assignment = this.#assignment(task);
    kit.store.transact(() => {
      kit.store.afterCommit(() => {
        socket.attach({ ...attachment, presented: true });
        this.#welcome(socket, assignment, 0);
      });
      leases.grant(lease, frame.repository);
    });
  }

  /** A connection of an agent that holds the lease, or held it. */
  #presentAgain(socket: ObjectSocket, attachment: RunAttachment, frame: Presented, lease: LeaseRow): void {
    const { kit, records, leases, commands } = this.#parts;
    if (lease.agent_id !== frame.agent_id || lease.instance_id !== frame.instance_id) {
      return this.#turnAway(socket, 'gone', 'another agent was first');
    }
    if (lease.ended === 'done') return this.#turnAway(socket, 'ended', 'the lease has ended');
    const task = records.task(attachment.task)!;
    if (lease.ended !== null || task.epoch !== lease.epoch) return this.#refuse(socket, attachment);
    if (lease.stream_id !== frame.stream_id || frame.head < lease.acked) {
      kit.store.transact(() => leases.lose(attachment.task, 'stream_broken'));
      return this.#turnAway(socket, 'lease_lost', 'the stream is not the one that began the lease');
    }
    kit.store.transact(() => {
      records.seen(lease.task, lease.acked);
      leases.updateDegraded(lease.task, false);
    });
    for (const other of holderSockets(kit.store.platform, lease.task, lease.epoch)) {
      const before = attachmentOf(other);
      if (before.connection === attachment.connection) continue;
      // It may stay listed for long when its other end is dead: it counts no more.
      other.attach({ ...before, presented: false });
      other.close(CLOSE.superseded, 'a newer connection has the lease');
    }
    socket.attach({ ...attachment, presented: true });
    this.#welcome(socket, this.#assignment(task), lease.acked);
    commands.resend(lease.task, lease.epoch, socket);
  }

  #takeFrames(socket: ObjectSocket, lease: LeaseRow, frames: readonly unknown[]): void {
    if (!frames.every(isNumbered)) return socket.close(CLOSE.protocol_error, 'a frame has no number');
    const { acked, gap } = this.#frames.take(lease, frames);
    if (this.#parts.records.liveLease(lease.task)?.epoch !== lease.epoch) return;
    sendDown(socket, gap ? { type: 'expected', n: acked + 1 } : { type: 'ack', n: acked });
  }

  #holder({ task, epoch, presented }: RunAttachment): LeaseRow | undefined {
    const { records } = this.#parts;
    const lease = presented && records.find() ? records.liveLease(task) : undefined;
    return lease?.epoch === epoch ? lease : undefined;
  }

  /** An old epoch, or a socket that never presented: counted, told of once for each connection, and sent away. */
  #refuse(socket: ObjectSocket, { epoch, connection }: RunAttachment): void {
    const { kit, records } = this.#parts;
    if (records.find()) {
      const { id } = records.session();
      const { known } = kit.store.row<{ known: number }>(`SELECT COUNT(*) AS known FROM refusals`)!;
      kit.store.transact(() => {
        const { count } = kit.store.row<{ count: number }>(
          `INSERT INTO refusals (epoch, connection, count) VALUES (?, ?, 1)
           ON CONFLICT (epoch, connection) DO UPDATE SET count = count + 1 RETURNING count`,
          epoch,
          known < MAX_REFUSALS ? connection : 'others',
        )!;
        if (count > 1) return;
        kit.store.afterCommit(() => kit.store.platform.logger('warn', 'frames_refused', { session_id: id, epoch }));
      });
    }
    this.#turnAway(socket, 'lease_lost', 'the lease is not yours, or no longer');
  }

  #turnAway(socket: ObjectSocket, type: 'gone' | 'lease_lost' | 'ended', reason: string): void {
    sendDown(socket, { type, reason });
    socket.close(CLOSE.lease_ended, reason);
  }

  #welcome(socket: ObjectSocket, assignment: Assignment, acked: number): void {
    sendDown(socket, { type: 'lease', assignment, acked, ttl_ms: this.#parts.config.lease_ttl_ms });
  }

  #assignment(task: TaskRow): Assignment {
    const { records, checkpoints, transitions } = this.#parts;
    const spec = records.spec();
    const checkpoint = checkpoints.toRestore(task.restore);
    return {
      session_id: records.session().id,
      task_id: transitions.taskId(task.number),
      epoch: task.epoch,
      title: spec.title,
      agent_config: spec.agent_config,
      repository: spec.repository,
      messages_done: checkpoint?.messages_done ?? 0,
      messages_last: records.lastMessage(),
      checkpoint,
    };
  }
}
