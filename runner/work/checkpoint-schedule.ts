import { setTimeout as delay } from 'node:timers/promises';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { note } from '../note.ts';
import type { Checkpoints } from './checkpoints.ts';

const STEP_CHECKPOINT_MS = 30_000;
/** A pause waits for nothing longer. A session that can be reached answers at once. */
const LAST_ANSWER_MS = 3_000;

interface CheckpointScheduleDependencies {
  /** Null before the work context is open. */
  checkpoints(): Checkpoints | null;
  position(): { turn: number; messages_done: number };
  isInTurn(): boolean;
  /** Resolves when the lease is to be released, or is over. */
  ending: Promise<void>;
  report(frame: AgentFrameBody): void;
  /** Minimum time between two checkpoints inside a turn; 30,000 if undefined. */
  everyMs: number | undefined;
}

/** Takes the checkpoints of one lease: on request, at the end of a step, and after a turn. */
export class CheckpointSchedule {
  readonly #dependencies: CheckpointScheduleDependencies;
  /** A checkpoint was requested before the work context was open. */
  #isAsked = false;
  #takenAt = performance.now();
  #isTaking = false;
  /** A step has ended while a checkpoint was taken. */
  #isStepUnsaved = false;

  constructor(dependencies: CheckpointScheduleDependencies) {
    this.#dependencies = dependencies;
  }

  /** The session asks for a checkpoint. Before the work context is open, the request waits for {@link opened}. */
  async asked(): Promise<void> {
    if (this.#dependencies.checkpoints() === null) this.#isAsked = true;
    else await this.take({ requested: true });
  }

  /** The work context is open. */
  async opened(): Promise<void> {
    if (this.#isAsked) await this.take({ requested: true });
  }

  /** Takes a checkpoint inside a long turn, so that losing this machine does not lose the whole turn. */
  stepEnded(): void {
    if (performance.now() - this.#takenAt < (this.#dependencies.everyMs ?? STEP_CHECKPOINT_MS)) return;
    if (this.#isTaking) this.#isStepUnsaved = true;
    else void this.take();
  }

  /**
   * Takes the checkpoint before the lease is released, and waits for the session's answer for a short time. The next
   * lease starts from an older one if it fails.
   */
  async takeLast(): Promise<Error | null> {
    return this.take({ isAwaited: true, until: delay(LAST_ANSWER_MS, undefined, { ref: false }) });
  }

  /**
   * @param options `isAwaited`: whether to wait until the session has stored the checkpoint; `until`: ends the waiting
   * @returns the error, or null if the checkpoint was taken
   */
  async take({
    requested = false,
    isAwaited = false,
    until = this.#dependencies.ending,
  }: {
    requested?: boolean;
    isAwaited?: boolean;
    until?: Promise<void>;
  } = {}): Promise<Error | null> {
    const { checkpoints, position, report, isInTurn } = this.#dependencies;
    this.#isTaking = true;
    this.#isStepUnsaved = false;
    const data = { ...position(), requested };
    try {
      if (isAwaited) await checkpoints()?.save(data, until);
      else await checkpoints()?.take(data);
      return null;
    } catch (error) {
      report(note('warning', `The checkpoint failed: ${(error as Error).message}`));
      return error as Error;
    } finally {
      this.#isTaking = false;
      this.#takenAt = performance.now();
      // Steps that ended meanwhile need one more, however many they are.
      if (this.#isStepUnsaved && isInTurn()) void this.take();
    }
  }
}
