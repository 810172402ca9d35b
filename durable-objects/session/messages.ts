import { hasEnded, isWorking, legalActions, nextStatus } from '../../src/domain/session/session-machine.ts';
import { isHeld, isToDo } from '../../src/domain/session/session-status.ts';
import { isFinal } from '../../src/domain/task-status.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import { MAX_WAITING_MESSAGES } from '../../src/protocol/common/limits.ts';
import type { MessageAccepted, SendMessageRequest } from '../../src/protocol/session/requests.ts';
import { insertOrReplace } from '../kit/storage/insert-or-replace.ts';
import type { SessionParts } from './parts.ts';
import type { TaskRow } from './rows.ts';

type Needs = Pick<SessionParts, 'kit' | 'records' | 'graph' | 'log' | 'commands' | 'checkpoints'>;

/** The prompts of the tasks. The session numbers them, and each message belongs to one task. */
export class Messages {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Adds a message to the task at work, or else to the first unfinished one. It goes into the running turn or waits for the next one. */
  send(request: SendMessageRequest, by: string): Outcome<MessageAccepted> {
    const { records, checkpoints } = this.#parts;
    const { status } = records.session();
    if (hasEnded(status)) {
      return refuse('illegal_transition', `The session is ${status} and accepts no messages.`, {
        legal_actions: nextStatus(status, 'retry') ? ['retry'] : [],
      });
    }
    const task = this.#nextTask();
    if (task === null) {
      return refuse('illegal_transition', NOBODY_HEARS, { legal_actions: legalActions(status) });
    }
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

  /** Whether a task has its prompt, so that its agent hears a message. */
  isHeard(): boolean {
    return this.#nextTask() !== null;
  }

  /** Adds a message to the task that a new run does first, after all other messages. Call this if it is heard. */
  followUp(text: string, by: string): void {
    this.add(this.#nextTask()!, text, 'follow_up', by);
  }

  /**
   * The task whose agent hears a message: one that is worked on, or else the first whose work is unfinished, or that a new
   * run does first. A task that has no prompt yet is none of them, because the prompt comes first.
   */
  #nextTask(): number | null {
    const { graph, records } = this.#parts;
    const hearing = graph.leaves().filter(({ number }) => records.lastMessageOf(number) > 0);
    const isWorkedOn = ({ number }: TaskRow) => records.liveLease(number) !== undefined;
    const isUnfinished = (task: TaskRow) => !isFinal(task) && !isHeld(task);
    const next = hearing.find(isWorkedOn) ?? hearing.find(isUnfinished) ?? hearing.find(isToDo);
    return (next ?? hearing[0])?.number ?? null;
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

export const NOBODY_HEARS =
  'No agent has begun with a task of the session, so none can hear the message. Change the description of a task, or send it later.';
