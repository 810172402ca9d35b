import { NOT_THE_HOLDER } from '../../../src/domain/lease/claim.ts';
import { CLOSE } from '../../../src/protocol/common/socket.ts';
import { RunUp } from '../../../src/protocol/run/run-socket.ts';
import type { ObjectSocket } from '../../kit/platform/platform.ts';
import { parseJson } from '../../kit/text.ts';
import type { SessionParts } from '../parts.ts';
import type { LeaseRow } from '../records.ts';
import { isCheckpoint, isNumbered } from './agent-frames.ts';
import type { ClaimRefusal } from './claims.ts';
import { attachmentOf, holderSockets, type RunAttachment, sendDown } from './run-sockets.ts';

type Presented = Extract<RunUp, { type: 'present' }>;

type Needs = Pick<
  SessionParts,
  'config' | 'kit' | 'records' | 'checkpoints' | 'commands' | 'claims' | 'refusals' | 'frames' | 'tasks'
>;

/**
 * The run socket as a transport of an agent's frames. The agent numbers the frames. Each is stored exactly once and
 * then acknowledged. A repeated frame is ignored. A gap gets the expected number, and an old epoch gets `lease_lost`.
 */
export class AgentStream {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Handles a message of the agent. A violation of the protocol closes the socket and does not affect the lease. */
  receive(socket: ObjectSocket, text: string): void {
    const parsed = RunUp().safeParse(parseJson(text));
    if (!parsed.success) return socket.close(CLOSE.protocol_error, 'the message is invalid');
    const frame = parsed.data;
    const attachment = attachmentOf(socket);
    if (frame.type === 'present') return this.#present(socket, attachment, frame);
    const lease = this.#held(attachment);
    // The frame is of an older epoch, or nobody has claimed the lease on this socket.
    if (!lease) return this.#turnAway(socket, attachment, NOT_THE_HOLDER);
    if (frame.type === 'command_ack') {
      const { kit, commands } = this.#parts;
      kit.store.transact(() => commands.acknowledge(lease.task, lease.epoch, frame.id));
    } else this.#takeFrames(socket, lease, frame.frames);
  }

  /** Records that a lease's socket has closed. The close itself does not end the lease. */
  closed(socket: ObjectSocket): void {
    const { records, kit } = this.#parts;
    const attachment = attachmentOf(socket);
    const lease = this.#held(attachment);
    if (!lease) return;
    const { platform } = kit.store;
    const others = holderSockets(platform, lease.task, lease.epoch).map(attachmentOf);
    if (others.some(({ connection }) => connection !== attachment.connection)) return;
    // The times of pings are lost with the socket, so the last one is stored in the row.
    const seen_at = Math.max(lease.seen_at, socket.lastPingAt() ?? 0);
    kit.store.transact(() => records.updateLease(lease.task, { closed_at: platform.now(), seen_at }));
  }

  /** Ends the lease of a socket whose token is no longer valid, so that another agent can go on. */
  unauthorized(socket: ObjectSocket): void {
    const { kit, tasks } = this.#parts;
    const lease = this.#held(attachmentOf(socket));
    if (lease) kit.store.transact(() => tasks.lose(lease.task, 'token_invalid'));
  }

  #present(socket: ObjectSocket, attachment: RunAttachment, frame: Presented): void {
    const { config, checkpoints, claims, commands } = this.#parts;
    const { task, epoch } = attachment;
    if (attachment.agent_id !== undefined && attachment.agent_id !== frame.agent_id) {
      return this.#turnAway(socket, attachment, { verdict: 'gone', reason: 'the token belongs to another agent' });
    }
    const answer = claims.answer(task, { ...frame, epoch, token_id: attachment.token_id });
    if (!('assignment' in answer)) return this.#turnAway(socket, attachment, answer);
    this.#supersede(attachment);
    socket.attach({ ...attachment, presented: true });
    const { assignment, acked } = answer;
    const saved = checkpoints.savedFrame(task, epoch);
    sendDown(socket, { type: 'lease', assignment, acked, saved, ttl_ms: config.lease_ttl_ms });
    commands.resend(task, epoch, socket);
  }

  /**
   * Closes earlier connections of the lease. A connection with a dead peer may stay listed for long, but is ignored.
   */
  #supersede({ task, epoch, connection }: RunAttachment): void {
    for (const other of holderSockets(this.#parts.kit.store.platform, task, epoch)) {
      const before = attachmentOf(other);
      if (before.connection === connection) continue;
      other.attach({ ...before, presented: false });
      other.close(CLOSE.superseded, 'a newer connection has the lease');
    }
  }

  #takeFrames(socket: ObjectSocket, lease: LeaseRow, frames: readonly unknown[]): void {
    if (!frames.every(isNumbered)) return socket.close(CLOSE.protocol_error, 'a frame has no number');
    const { acked, gap } = this.#parts.frames.take(lease, frames);
    const { task, epoch } = lease;
    if (!this.#parts.claims.held(task, epoch)) return;
    if (frames.some(isCheckpoint)) {
      sendDown(socket, { type: 'saved', n: this.#parts.checkpoints.savedFrame(task, epoch) });
    }
    sendDown(socket, gap ? { type: 'expected', n: acked + 1 } : { type: 'ack', n: acked });
  }

  /** The lease of a socket on which the holder has claimed it. */
  #held({ task, epoch, presented }: RunAttachment): LeaseRow | undefined {
    return presented ? this.#parts.claims.held(task, epoch) : undefined;
  }

  #turnAway(socket: ObjectSocket, { task, epoch, connection }: RunAttachment, refusal: ClaimRefusal): void {
    const { records, checkpoints, refusals } = this.#parts;
    const { verdict, reason } = refusal;
    if (records.isDeleted()) sendDown(socket, { type: 'gone', reason: 'the session was deleted', deleted: true });
    else if (verdict === 'gone') sendDown(socket, { type: 'gone', reason });
    else {
      if (verdict === 'lost' && refusal.cause === 'taken') refusals.count(task, epoch, connection);
      const saved = checkpoints.savedFrame(task, epoch);
      sendDown(socket, { type: verdict === 'lost' ? 'lease_lost' : 'ended', reason, saved });
    }
    socket.close(CLOSE.lease_ended, reason);
  }
}
