import { NOT_THE_HOLDER } from '../../../src/domain/lease/claim.ts';
import { sessionOfTask, taskNumber } from '../../../src/protocol/common/ids.ts';
import { CLOSE } from '../../../src/protocol/common/socket.ts';
import { RunUp } from '../../../src/protocol/run/run-socket.ts';
import type { ObjectSocket } from '../../kit/platform/platform.ts';
import { parseJson } from '../../kit/text.ts';
import type { SessionParts } from '../parts.ts';
import type { LeaseRow } from '../rows.ts';
import { isCheckpoint, isNumbered } from './agent-frames.ts';
import type { ClaimRefusal } from './claims.ts';
import {
  attachmentOf,
  hold,
  holderSockets,
  isHeldOn,
  type LeaseNumbers,
  letGo,
  type RunAttachment,
  sendDown,
} from './run-sockets.ts';

type Presented = Extract<RunUp, { type: 'present' }>;

type Needs = Pick<
  SessionParts,
  'config' | 'kit' | 'records' | 'checkpoints' | 'commands' | 'claims' | 'passes' | 'refusals' | 'frames' | 'tasks'
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
    const message = parsed.data;
    const claimed = leaseOf(message, attachmentOf(socket));
    if (!claimed) return socket.close(CLOSE.protocol_error, 'the lease is of another session');
    if (message.type === 'present') return this.#present(socket, claimed, message);
    const lease = this.#held(socket, claimed);
    // The message is of an older epoch, or nobody has claimed the lease on this socket.
    if (!lease) return this.#turnAway(socket, claimed, NOT_THE_HOLDER);
    if (message.type === 'command_ack') {
      const { kit, commands } = this.#parts;
      kit.store.transact(() => commands.acknowledge(lease.task, lease.epoch, message.id));
    } else this.#takeFrames(socket, lease, message.frames);
  }

  /** Records that the socket of leases has closed. The close itself does not end a lease. */
  closed(socket: ObjectSocket): void {
    const { records, kit } = this.#parts;
    const { platform } = kit.store;
    const { connection } = attachmentOf(socket);
    const isOther = (other: ObjectSocket) => attachmentOf(other).connection !== connection;
    const left = this.#leasesOn(socket).filter((lease) => !holderSockets(platform, lease).some(isOther));
    if (left.length === 0) return;
    // The times of pings are lost with the socket, so the last one is stored in the row.
    const pinged_at = socket.lastPingAt() ?? 0;
    kit.store.transact(() => {
      for (const { task, seen_at } of left) {
        records.updateLease(task, { closed_at: platform.now(), seen_at: Math.max(seen_at, pinged_at) });
      }
    });
  }

  /** Ends the leases of a socket whose token is no longer valid, so that other agents can go on. */
  unauthorized(socket: ObjectSocket): void {
    const { kit, tasks } = this.#parts;
    for (const lease of this.#leasesOn(socket)) kit.store.transact(() => tasks.lose(lease.task, 'token_invalid'));
  }

  #present(socket: ObjectSocket, claimed: LeaseNumbers, message: Presented): void {
    const { config, checkpoints, claims, commands } = this.#parts;
    const { task, epoch } = claimed;
    const attachment = attachmentOf(socket);
    if (message.shared && !attachment.shared) socket.attach({ ...attachment, shared: true } satisfies RunAttachment);
    if (attachment.agent_id !== undefined && attachment.agent_id !== message.agent_id) {
      return this.#turnAway(socket, claimed, { verdict: 'gone', reason: 'the token belongs to another agent' });
    }
    const answer = claims.answer(task, { ...message, epoch, token_id: attachment.token_id });
    if (!('assignment' in answer)) return this.#turnAway(socket, claimed, answer);
    this.#supersede(claimed, attachment);
    hold(socket, claimed);
    const { assignment, acked } = answer;
    const saved = checkpoints.savedFrame(task, epoch);
    sendDown(socket, claimed, { type: 'lease', assignment, acked, saved, ttl_ms: config.lease_ttl_ms });
    commands.resend(task, epoch, socket);
  }

  /**
   * Takes the lease from earlier connections. A connection with a dead peer may stay listed for long, but is ignored.
   */
  #supersede(lease: LeaseNumbers, { connection }: RunAttachment): void {
    for (const other of holderSockets(this.#parts.kit.store.platform, lease)) {
      if (attachmentOf(other).connection === connection) continue;
      if (letGo(other, lease)) other.close(CLOSE.superseded, 'a newer connection has the lease');
    }
  }

  #takeFrames(socket: ObjectSocket, lease: LeaseRow, frames: readonly unknown[]): void {
    if (!frames.every(isNumbered)) return socket.close(CLOSE.protocol_error, 'a frame has no number');
    const { acked, gap } = this.#parts.frames.take(lease, frames);
    const { task, epoch } = lease;
    if (!this.#parts.claims.held(task, epoch)) return void this.#goOn(socket, lease);
    if (frames.some(isCheckpoint)) {
      sendDown(socket, lease, { type: 'saved', n: this.#parts.checkpoints.savedFrame(task, epoch) });
    }
    sendDown(socket, lease, gap ? { type: 'expected', n: acked + 1 } : { type: 'ack', n: acked });
  }

  /** Says that a lease has ended, with the lease to which its slot has passed on, if it has. @returns whether it has */
  #goOn(socket: ObjectSocket, lease: LeaseNumbers): boolean {
    const { config, checkpoints, claims, commands, passes } = this.#parts;
    const next = attachmentOf(socket).shared ? passes.nextOf(lease) : null;
    if (!next) return false;
    this.#supersede(next, attachmentOf(socket));
    hold(socket, next);
    letGo(socket, lease);
    const { task, epoch, stream_id } = next;
    sendDown(socket, lease, {
      type: 'ended',
      reason: 'passed_on',
      saved: checkpoints.savedFrame(lease.task, lease.epoch),
      next: {
        stream_id,
        assignment: claims.assignment(task),
        ttl_ms: config.lease_ttl_ms,
        messages: passes.messagesOf(next),
      },
    });
    commands.resend(task, epoch, socket);
    return true;
  }

  /** The lease, if its holder has claimed it on this socket. */
  #held(socket: ObjectSocket, lease: LeaseNumbers): LeaseRow | undefined {
    return isHeldOn(attachmentOf(socket), lease) ? this.#parts.claims.held(lease.task, lease.epoch) : undefined;
  }

  /** The leases that are active and were claimed on a socket. */
  #leasesOn(socket: ObjectSocket): LeaseRow[] {
    return attachmentOf(socket).held.flatMap(([task, epoch]) => this.#parts.claims.held(task, epoch) ?? []);
  }

  #turnAway(socket: ObjectSocket, lease: LeaseNumbers, refusal: ClaimRefusal): void {
    const { records, checkpoints, refusals } = this.#parts;
    const { task, epoch } = lease;
    const { verdict, reason } = refusal;
    if (verdict === 'ended' && this.#goOn(socket, lease)) return;
    if (records.isDeleted()) {
      sendDown(socket, lease, { type: 'gone', reason: 'the session was deleted', deleted: true });
    } else if (verdict === 'gone') sendDown(socket, lease, { type: 'gone', reason });
    else {
      if (verdict === 'lost' && refusal.cause === 'taken') {
        refusals.count(task, epoch, attachmentOf(socket).connection);
      }
      const saved = checkpoints.savedFrame(task, epoch);
      sendDown(socket, lease, { type: verdict === 'lost' ? 'lease_lost' : 'ended', reason, saved });
    }
    if (letGo(socket, lease)) socket.close(CLOSE.lease_ended, reason);
  }
}

/** The lease that a message concerns; null if it is one of another session. */
function leaseOf({ of }: RunUp, { session_id, task, epoch }: RunAttachment): LeaseNumbers | null {
  if (!of) return { task, epoch };
  return sessionOfTask(of.task_id) === session_id ? { task: taskNumber(of.task_id), epoch: of.epoch } : null;
}
