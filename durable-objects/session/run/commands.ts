import { isWithoutSocket } from '../../../src/domain/lease/report.ts';
import type { Delivery } from '../../../src/protocol/common/enums.ts';
import type { Command } from '../../../src/protocol/run/assignment.ts';
import type { ObjectSocket } from '../../kit/platform/platform.ts';
import type { SessionParts } from '../parts.ts';
import { holderSockets, sendDown } from './run-sockets.ts';

type Needs = Pick<SessionParts, 'kit' | 'records'>;

/** The command only names a message, whose text is in the message's own row. */
type StoredCommand = Exclude<Command, { type: 'message' }> | { type: 'message'; number: number };

/** Whether the command concerns what runs now, and names none of it. */
function isForNow(command: StoredCommand): boolean {
  return command.type === 'end_tools' && command.data.call_id === undefined;
}

/**
 * Commands to the agent that holds a lease. They are numbered rows that are kept until they are acknowledged, and sent
 * again after a reconnect. The agent recognizes them by id, so a command can be sent twice.
 */
export class Commands {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /**
   * Queues a command for the lease of (task, epoch), and sends it after the commit. A command that concerns what runs
   * now is not queued: after a reconnect it would concern what has started since.
   */
  enqueue(task: number, epoch: number, command: StoredCommand): void {
    const id = this.#parts.records.session().last_command + 1;
    this.#parts.records.update({ last_command: id });
    if (!this.#isFleeting(task, command)) {
      this.#parts.kit.store.rows(
        `INSERT INTO commands (id, task, epoch, body) VALUES (?, ?, ?, ?)`,
        id,
        task,
        epoch,
        JSON.stringify(command),
      );
    }
    this.#parts.kit.store.afterCommit(() => {
      for (const socket of holderSockets(this.#parts.kit.store.platform, { task, epoch })) {
        sendDown(socket, { task, epoch }, { type: 'command', id, command: this.#inFull(command) });
      }
    });
  }

  /** Sends all unacknowledged commands of the lease. */
  resend(task: number, epoch: number, socket: ObjectSocket): void {
    for (const { id, command } of this.pending(task, epoch)) {
      sendDown(socket, { task, epoch }, { type: 'command', id, command });
    }
  }

  /** The unacknowledged commands of the lease, in order. */
  pending(task: number, epoch: number): { id: number; command: Command }[] {
    const rows = this.#parts.kit.store.rows<{ id: number; body: string }>(
      `SELECT id, body FROM commands WHERE task = ? AND epoch = ? ORDER BY id`,
      task,
      epoch,
    );
    return rows.map(({ id, body }) => ({ id, command: this.#inFull(JSON.parse(body)) }));
  }

  /** Queues a command, unless the same one, with the same data, is unacknowledged. */
  enqueueOnce(task: number, epoch: number, command: StoredCommand): void {
    const same = this.#parts.kit.store.row(
      `SELECT id FROM commands WHERE task = ? AND epoch = ? AND body = ?`,
      task,
      epoch,
      JSON.stringify(command),
    );
    if (!same) this.enqueue(task, epoch, command);
  }

  /** Whether the command can reach the lease's agent: it is queued until a reconnect, or the agent is connected. */
  canReach(task: number, epoch: number, command: StoredCommand): boolean {
    return (
      !this.#isFleeting(task, command) || holderSockets(this.#parts.kit.store.platform, { task, epoch }).length > 0
    );
  }

  acknowledge(task: number, epoch: number, id: number): void {
    this.#parts.kit.store.rows(`DELETE FROM commands WHERE id = ? AND task = ? AND epoch = ?`, id, task, epoch);
  }

  /** Acknowledges the commands of the lease up to an id. */
  acknowledgeUpTo(task: number, epoch: number, id: number): void {
    this.#parts.kit.store.rows(`DELETE FROM commands WHERE id <= ? AND task = ? AND epoch = ?`, id, task, epoch);
  }

  /** Deletes a lease's commands at its end. Messages are queued again for the next lease; other commands are void. */
  drop(task: number): void {
    this.#parts.kit.store.rows(`DELETE FROM commands WHERE task = ?`, task);
  }

  /** Whether the command is lost if no socket can take it now. An agent without a socket gets it with its next report. */
  #isFleeting(task: number, command: StoredCommand): boolean {
    const lease = this.#parts.records.liveLease(task);
    return isForNow(command) && !(lease && isWithoutSocket(lease));
  }

  #inFull(command: StoredCommand): Command {
    if (command.type !== 'message') return command;
    const row = this.#parts.kit.store.row<{ text: string; delivery: Delivery }>(
      `SELECT text, delivery FROM messages WHERE number = ?`,
      command.number,
    )!;
    return { type: 'message', data: { number: command.number, text: row.text, delivery: row.delivery } };
  }
}
