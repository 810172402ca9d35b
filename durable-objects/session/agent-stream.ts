import { addUsage } from '../../src/domain/usage.ts';
import { AgentFrame, type AgentFrameBody, type Assignment, RunUp } from '../../src/protocol/agent-stream.ts';
import type { EventBody } from '../../src/protocol/events.ts';
import { BATCH_BYTES } from '../../src/protocol/limits.ts';
import { CLOSE } from '../../src/protocol/watch.ts';
import { log } from '../kit/log.ts';
import type { ObjectSocket } from '../kit/platform.ts';
import type { ObjectKit } from '../kit/runtime.ts';
import type { Announcer } from './announcer.ts';
import type { Approvals } from './approvals.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Commands } from './commands.ts';
import type { SessionConfig } from './config.ts';
import type { EventLog } from './event-log.ts';
import type { Leases } from './leases.ts';
import type { LeaseRow, SessionRecords, TaskRow } from './records.ts';
import { attachmentOf, holderSockets, type RunAttachment, sendDown } from './run-sockets.ts';
import type { Transitions } from './transitions.ts';

/** Connections that are counted one by one; the rest of an epoch are counted together. */
const MAX_REFUSALS = 100;

type Presented = Extract<RunUp, { type: 'present' }>;

export interface AgentStreamParts {
  kit: ObjectKit;
  records: SessionRecords;
  log: EventLog;
  commands: Commands;
  approvals: Approvals;
  checkpoints: Checkpoints;
  leases: Leases;
  transitions: Transitions;
  announcer: Announcer;
  config: SessionConfig;
}

/**
 * The session's end of an agent's run socket. Frames are numbered by the agent, stored exactly once, and acknowledged
 * once stored: a repeat is ignored, a gap is answered with the number expected, an old epoch with `lease_lost`.
 */
export class AgentStream {
  readonly #parts: AgentStreamParts;

  constructor(parts: AgentStreamParts) {
    this.#parts = parts;
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
    this.#turnAway(socket, 'gone', 'the offer was withdrawn');
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
      this.#seen(lease.task, lease.acked);
      leases.heed(lease.task, false);
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
    const { kit, records } = this.#parts;
    const { task } = lease;
    if (frames.some((raw) => numberOf(raw) === 0)) return socket.close(CLOSE.protocol_error, 'a frame has no number');
    let acked = lease.acked;
    const take = (raw: unknown) => {
      const n = numberOf(raw);
      if (n <= acked) return;
      this.#apply(lease, n, raw);
      acked = n;
    };
    const inOrder = contiguousFrom(frames, acked + 1);
    try {
      kit.store.transact(() => {
        for (const raw of inOrder) take(raw);
        this.#seen(task, acked);
        this.#parts.transitions.allowTime();
      });
    } catch (error) {
      log('error', 'frames_failed', { epoch: lease.epoch, error: String(error) });
      acked = this.#takeOneByOne(lease, inOrder);
    }
    if (records.liveLease(task)?.epoch === lease.epoch) {
      const gap = inOrder.length < frames.length;
      sendDown(socket, gap ? { type: 'expected', n: acked + 1 } : { type: 'ack', n: acked });
    }
  }

  /** A frame that cannot be applied must not hold up the others: each gets its own transaction, and a bad one is on record. */
  #takeOneByOne(lease: LeaseRow, frames: readonly unknown[]): number {
    const { kit, records } = this.#parts;
    let acked = lease.acked;
    for (const raw of frames) {
      const n = numberOf(raw);
      if (n <= acked || records.liveLease(lease.task)?.epoch !== lease.epoch) continue;
      try {
        kit.store.transact(() => {
          this.#apply(lease, n, raw);
          this.#seen(lease.task, n);
        });
      } catch (error) {
        kit.store.transact(() => {
          this.#reject(lease, n, raw, String(error));
          this.#seen(lease.task, n);
        });
      }
      acked = n;
    }
    return acked;
  }

  #apply(lease: LeaseRow, n: number, raw: unknown): void {
    if (this.#parts.records.liveLease(lease.task)?.epoch !== lease.epoch) return;
    const parsed = AgentFrame.safeParse(raw);
    if (!parsed.success) return this.#reject(lease, n, raw, parsed.error.issues[0]?.message ?? 'not a frame');
    const body = parsed.data as AgentFrameBody;
    if (body.type !== 'artifact.chunk' && JSON.stringify(body.data).length > BATCH_BYTES) {
      return this.#reject(lease, n, raw, `a frame holds at most ${BATCH_BYTES} characters`);
    }
    const problem = this.#use(lease, body);
    if (problem !== null) this.#reject(lease, n, raw, problem);
  }

  /** @returns why the frame cannot be used, or null */
  #use(lease: LeaseRow, body: AgentFrameBody): string | null {
    const { approvals, checkpoints, records, transitions } = this.#parts;
    const { task, epoch } = lease;
    const ends = body.type === 'result' || body.type === 'released';
    if (!ends && body.type !== 'model.retry' && records.session().status === 'degraded') {
      transitions.move('recovered', { reason: 'progress' });
    }
    switch (body.type) {
      case 'artifact.chunk':
        return checkpoints.addChunk(task, epoch, body.data);
      case 'checkpoint':
        return checkpoints.add(task, epoch, body.data);
      case 'approval.asked':
        return approvals.ask(task, epoch, body.data);
      case 'approval.withdrawn':
        approvals.withdrawRequest(task, epoch, body.data.request_id, body.data.reason);
        return null;
      case 'result':
        this.#result(lease, body.data);
        return null;
      case 'released':
        this.#released(lease, body.data);
        return null;
      default:
        this.#progress(body);
        return null;
    }
  }

  /** The agent's work as it happens. */
  #progress(body: EventBody): void {
    const { log: events, records, transitions, announcer } = this.#parts;
    events.append(body);
    const { status, usage } = records.session();
    if (body.type === 'model.retry' && status === 'running') {
      transitions.move('model_retry', { reason: 'model_retry' });
    }
    if (body.type === 'part.completed' && body.data.length > 0) events.compact(body.data.part_id);
    if (body.type === 'usage') {
      records.update({ usage: JSON.stringify(addUsage(JSON.parse(usage), body.data)) });
      announcer.grew();
    }
  }

  /** A result is final only when no message waits that the agent had not seen. */
  #result({ task }: LeaseRow, result: Extract<AgentFrameBody, { type: 'result' }>['data']): void {
    const { leases, transitions, records } = this.#parts;
    if (result.status === 'failed') {
      const error = result.error ?? { code: 'agent_failed', message: 'The agent gave no reason.', retryable: false };
      if (error.retryable) return leases.failAttempt(task, error);
      leases.end(task, 'done', error.code);
      return transitions.move('result_failed', { reason: error.code, error });
    }
    if (records.lastMessage() > result.messages_done) return;
    leases.end(task, 'done', result.status);
    const trigger = result.status === 'partial' ? 'result_partial' : 'result_completed';
    const error = result.error ?? undefined;
    transitions.move(trigger, { reason: result.status, result: { success: true, text: result.text }, error });
  }

  /** The agent gives the lease back: because it was asked to, or because it cannot go on. */
  #released({ task }: LeaseRow, { reason, message }: Extract<AgentFrameBody, { type: 'released' }>['data']): void {
    const { leases } = this.#parts;
    if (reason === 'refused') leases.avoidHolder(task);
    leases.handBack(task, { code: `agent_${reason}`, message, retryable: true }, reason !== 'shutdown');
  }

  /** Nobody could answer an ask that was not taken in, so it is answered here: the agent must not wait for ever. */
  #reject(lease: LeaseRow, n: number, raw: unknown, reason: string): void {
    const { log: events, transitions, approvals } = this.#parts;
    const { type, data } = raw as { type?: unknown; data?: { request_id?: unknown; kind?: unknown } };
    if (type === 'approval.asked' && typeof data?.request_id === 'string') {
      approvals.refuse(lease.task, lease.epoch, data.request_id, data.kind === 'question' ? 'question' : 'permission');
    }
    events.append({
      type: 'frame.rejected',
      data: { task_id: transitions.taskId(lease.task), epoch: lease.epoch, n, reason: reason.slice(0, 500) },
    });
  }

  #seen(task: number, acked: number): void {
    this.#parts.records.updateLease(task, { acked, seen_at: this.#parts.kit.store.platform.now(), closed_at: null });
  }

  #holder({ task, epoch, presented }: RunAttachment): LeaseRow | undefined {
    const { records } = this.#parts;
    const lease = presented && records.find() ? records.liveLease(task) : undefined;
    return lease?.epoch === epoch ? lease : undefined;
  }

  /** An old epoch, or a socket that never presented: counted, once for each connection, and sent away. */
  #refuse(socket: ObjectSocket, { epoch, connection }: RunAttachment): void {
    const { kit, records } = this.#parts;
    if (records.find()) {
      const { known } = kit.store.row<{ known: number }>(`SELECT COUNT(*) AS known FROM refusals`)!;
      kit.store.transact(() =>
        kit.store.rows(
          `INSERT INTO refusals (epoch, connection, count) VALUES (?, ?, 1)
           ON CONFLICT (epoch, connection) DO UPDATE SET count = count + 1`,
          epoch,
          known < MAX_REFUSALS ? connection : 'others',
        ),
      );
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

/** The frames up to the first gap; numbers that were taken before count as no gap. */
function contiguousFrom(frames: readonly unknown[], next: number): unknown[] {
  let expected = next;
  const end = frames.findIndex((raw) => {
    const n = numberOf(raw);
    if (n > expected) return true;
    if (n === expected) expected++;
    return false;
  });
  return end < 0 ? [...frames] : frames.slice(0, end);
}

/** A frame's number, from 1; 0 when it has none. */
function numberOf(raw: unknown): number {
  const n = (raw as { n?: unknown } | null)?.n;
  return typeof n === 'number' && Number.isInteger(n) && n > 0 ? n : 0;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
