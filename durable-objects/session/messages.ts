import { hasEnded, isWorking, nextStatus } from '../../src/domain/session/session-machine.ts';
import { isHeld, isToDo } from '../../src/domain/session/session-status.ts';
import { isFinal } from '../../src/domain/task-status.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import { MAX_WAITING_MESSAGES } from '../../src/protocol/common/limits.ts';
import type { MessageAccepted, SendMessageRequest } from '../../src/protocol/session/requests.ts';
import { insertOrReplace } from '../kit/storage/insert-or-replace.ts';
import type { SessionParts } from './parts.ts';

type Needs = Pick<SessionParts, 'kit' | 'records' | 'graph' | 'log' | 'commands' | 'checkpoints'>;

/** The prompts of the tasks. The session numbers them, and each message belongs to one task. */
export class Messages {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Adds a message to the first task whose work is unfinished. It goes into the running turn or waits for the next one. */
  send(request: SendMessageRequest, by: string): Outcome<MessageAccepted> {
    const { records, checkpoints } = this.#parts;
    const { status } = records.session();
    if (hasEnded(status)) {
      return refuse('illegal_transition', `The session is ${status} and accepts no messages.`, {
        legal_actions: nextStatus(status, 'retry') ? ['retry'] : [],
      });
    }
    const task = this.#nextTask();
    const done = checkpoints.newest(task)?.messages_done ?? 0;
    if (records.messagesAfter(task, done).length >= MAX_WAITING_MESSAGES) {
      return refuse(
        'too_many_requests',
        `${MAX_WAITING_MESSAGES} messages are waiting already. Wait until the agent has caught up.`,
      );
    }
    // Without a running turn, the message waits for the next one.
    const delivery = isWorking(status) ? (request.delivery ?? 'steer') : 'follow_up';
    return ok({ number: this.add(task, request.text, delivery, by), delivery });
  }

  /** Adds a message to the task that a new run does first, after all other messages. */
  followUp(text: string, by: string): void {
    this.add(this.#nextTask(), text, 'follow_up', by);
  }

  /** The first task that has not ended, or else the first one that a new run does. */
  #nextTask(): number {
    const leaves = this.#parts.graph.leaves();
    // The work of a held task is done, so that nobody would read it. It waits for another one, which is unfinished too.
    return (leaves.find((task) => !isFinal(task) && !isHeld(task)) ?? leaves.find(isToDo) ?? leaves[0]!).number;
  }

  /** Adds a message to a task, and sends it to the agent that holds the task. @returns its number */
  add(task: number, text: string, delivery: MessageAccepted['delivery'], by: string): number {
    const { kit, records, log, commands } = this.#parts;
    const number = records.lastMessage() + 1;
    insertOrReplace(kit.store, 'messages', { number, task, text, delivery, at: kit.store.platform.now() });
    log.append(task, { type: 'message.added', data: { number, text, delivery, by } });
    const lease = records.liveLease(task);
    if (lease) commands.enqueue(task, lease.epoch, { type: 'message', number });
    return number;
  }
}
