import type { Assignment, Command } from '../../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import { checkpoint, note, partDone, released, result, text } from '../../unit/session/fake-agent.ts';
import type { LeaseRecord } from './ledger.ts';
import type { ProcessClock, World } from './world.ts';

const LONG_CHARS = 6_000;
/** The probability that work ignores a pause. */
const HANGS = 0.2;

/** The text of a note that is the k-th frame (from 1) of an epoch. */
export const NOTE = /^e(\d+)#(\d+) /;

/** The text of an epoch that has completed this many messages. */
export const resultText = (epoch: number, messages: number) => `Epoch ${epoch} is done with ${messages} messages.`;

/** Work under a lease. It reports frames of all kinds for each message, then a checkpoint, and at the end a result. */
export class SimulatedWork {
  readonly #world: World;
  readonly #clock: ProcessClock;
  readonly #record: LeaseRecord;
  readonly #append: (body: AgentFrameBody) => void;
  readonly #queue: number[] = [];
  #stepsLeft = 0;
  #offset = 0;
  #done = 0;
  #last = 0;
  #hasReported = 0;
  #hasReleased = false;

  constructor(world: World, clock: ProcessClock, record: LeaseRecord, append: (body: AgentFrameBody) => void) {
    this.#world = world;
    this.#clock = clock;
    this.#record = record;
    this.#append = append;
  }

  /** Starts after the messages that are done in an earlier lease's checkpoint. */
  begin({ messages_done, messages_last }: Assignment): void {
    this.#done = messages_done;
    this.#last = messages_last;
    this.#record.firstMessage = messages_done + 1;
    this.#later();
  }

  /** Handles a command. Resolves when it is done. */
  readonly command = async (command: Command): Promise<void> => {
    if (command.type === 'message') {
      this.#record.messages.push(command.data.number);
      this.#queue.push(command.data.number);
    } else if (command.type === 'pause' || command.type === 'stop') {
      if (this.#world.chance(HANGS)) return;
      const reason = command.type === 'pause' ? 'paused' : 'stopped';
      this.#clock.after(this.#world.between(0, command.data.within_ms), () => this.#release(reason));
    }
  };

  #later(): void {
    this.#clock.after(this.#world.between(50, 3_000), () => {
      if (this.#record.isOver || this.#hasReleased) return;
      if (!this.#record.isQuiet) this.#step();
      this.#later();
    });
  }

  #step(): void {
    const message = this.#queue[0];
    if (message === undefined) {
      if (this.#done < this.#last || this.#done === this.#hasReported) return;
      this.#hasReported = this.#done;
      return this.#report(result(this.#done, { text: resultText(this.#record.epoch, this.#done) }));
    }
    if (this.#stepsLeft === 0) {
      this.#stepsLeft = this.#world.integer(2, 12);
      this.#offset = 0;
    }
    this.#stepsLeft -= 1;
    const part = `e${this.#record.epoch}.m${message}`;
    if (this.#stepsLeft > 0) return this.#burst(part);
    if (this.#offset > 0) this.#report(partDone(part, this.#offset));
    this.#queue.shift();
    this.#done = message;
    if (this.#world.chance(0.5)) this.#report(...checkpoint(`${part}.checkpoint`, { messages_done: message }));
  }

  /** Reports several frames at once, as a streaming model does. */
  #burst(part: string): void {
    for (let count = this.#world.integer(1, 6); count > 0; count--) {
      if (this.#world.chance(0.5)) {
        const number = this.#record.reported.length + 1;
        const length = this.#world.chance(0.1) ? LONG_CHARS : 10;
        this.#report(note(`e${this.#record.epoch}#${number} ${'.'.repeat(length)}`));
      } else {
        const words = `${this.#offset} `;
        this.#report(text(part, this.#offset, words));
        this.#offset += words.length;
      }
    }
  }

  #release(reason: 'paused' | 'stopped'): void {
    if (this.#record.isOver || this.#hasReleased) return;
    this.#hasReleased = true;
    this.#report(released(reason));
  }

  #report(...bodies: AgentFrameBody[]): void {
    for (const body of bodies) {
      this.#record.reported.push(body);
      this.#append(body);
    }
  }
}
