import type { Command } from '../../src/protocol/run/assignment.ts';

export type Message = Extract<Command, { type: 'message' }>['data'];

/**
 * The messages of one assignment: those that wait, those of the running turn, and those that are done. They arrive in the
 * order of their numbers, which have gaps, because other tasks of the session have messages too.
 */
export class MessageQueue {
  readonly #waiting: Message[] = [];
  /** The prompt of the running turn, and the messages that were steered into it. */
  #inTurn: Message[] = [];
  #done: number;
  /** Done messages above `#done`: a message that was steered into a turn overtakes the waiting ones. */
  readonly #doneEarly = new Set<number>();

  /** @param done all messages up to this number are done */
  constructor(done: number) {
    this.#done = done;
  }

  /** All messages up to this number are done. */
  get done(): number {
    return this.#done;
  }

  get waiting(): readonly Message[] {
    return this.#waiting;
  }

  get inTurn(): readonly Message[] {
    return this.#inTurn;
  }

  /** Counts all messages up to a number as done, because the work needs no model. */
  skipTo(number: number): void {
    this.#done = Math.max(this.#done, number);
  }

  push(message: Message): void {
    this.#waiting.push(message);
  }

  /** Removes and returns the first waiting message that is not done. */
  next(): Message | undefined {
    let message = this.#waiting.shift();
    while (message !== undefined && this.#isDone(message)) message = this.#waiting.shift();
    return message;
  }

  beginTurn(message: Message): void {
    this.#inTurn = [message];
  }

  /** Counts messages to the running turn, because the conversation holds them. */
  addToTurn(messages: readonly Message[]): void {
    for (const message of messages) {
      const index = this.#waiting.indexOf(message);
      if (index !== -1) this.#waiting.splice(index, 1);
    }
    this.#inTurn.push(...messages);
  }

  /** Makes messages of the running turn wait again, before all others, because the conversation lost them. */
  removeFromTurn(messages: readonly Message[]): void {
    this.#inTurn = this.#inTurn.filter((message) => !messages.includes(message));
    this.#waiting.unshift(...messages);
  }

  /** Marks all messages of the running turn as done. */
  endTurn(): void {
    for (const { number } of this.#inTurn) this.#doneEarly.add(number);
    const undone = this.#waiting.filter((message) => !this.#isDone(message)).map(({ number }) => number);
    const first = Math.min(...undone);
    for (const number of this.#doneEarly) {
      if (number > first) continue;
      this.#done = Math.max(this.#done, number);
      this.#doneEarly.delete(number);
    }
  }

  #isDone({ number }: Message): boolean {
    return number <= this.#done || this.#doneEarly.has(number);
  }
}
