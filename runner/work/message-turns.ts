import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { note } from '../note.ts';
import type { CeilingWatch } from './ceiling-watch.ts';
import { opencodeUnavailable } from './failures.ts';
import type { Interruptions } from './interruptions.ts';
import type { Message, MessageQueue } from './message-queue.ts';
import type { OpenCodePort, Prompt } from './opencode-port.ts';
import type { Prompts } from './prompts.ts';
import { MAX_MARKER_ROUNDS, markersLeft, unresolved } from './resolving.ts';
import { type Interruption, Turn, type TurnOutcome } from './turn.ts';
import type { WorkContext } from './work-context.ts';

/** How often the OpenCode server may exit during a turn before the turn fails. */
const MAX_RESTARTS = 3;

interface Dependencies {
  opencode: OpenCodePort;
  messages: MessageQueue;
  prompts: Prompts;
  ceilings: CeilingWatch;
  interruptions: Interruptions;
  report: (frame: AgentFrameBody) => void;
  /** Called when a step that called tools has ended and the turn continues. */
  onStep: () => void;
}

/** Runs messages, each as a turn. If a turn is cut off or interrupted by silence, it is continued with another prompt. */
export class MessageTurns {
  readonly #dependencies: Dependencies;
  #turn: Turn | null = null;
  #number = 0;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  /** The number of turns that have begun. */
  get number(): number {
    return this.#number;
  }

  /** Whether the model is working. */
  get isRunning(): boolean {
    return this.#turn !== null;
  }

  interrupt(by: Interruption): void {
    this.#turn?.interrupt(by);
  }

  interruptAfterStep(by: Interruption): void {
    this.#turn?.interruptAfterStep(by);
  }

  /** Adds a message to the turn that is running. @returns false if there is none, or it has ended */
  async steer(context: WorkContext, message: Message): Promise<boolean> {
    const { prompts, messages } = this.#dependencies;
    const isTaken = (await this.#turn?.steer(() => prompts.original(context, message))) ?? false;
    if (isTaken) messages.addToTurn([message]);
    return isTaken;
  }

  /** Runs a message. Never rejects. */
  async run(context: WorkContext, message: Message, agent: string | null): Promise<TurnOutcome> {
    const { prompts, report } = this.#dependencies;
    this.#number += 1;
    const data = { turn: this.#number, message: message.number, model: prompts.model, agent };
    report({ type: 'turn.started', data });
    return this.#continued(context, message).catch((error: Error) => ({
      type: 'failed',
      failure: opencodeUnavailable(error),
    }));
  }

  async #continued(context: WorkContext, message: Message): Promise<TurnOutcome> {
    const { prompts, ceilings, interruptions, report } = this.#dependencies;
    let prompt = await prompts.next(context, message);
    for (let [restarts, rounds] = [0, 0]; ; ) {
      while (interruptions.isQuiet && interruptions.pending === null) await interruptions.wait();
      const outcome = interruptions.pending ?? (await this.#once(context, prompt));
      if (interruptions.isCancelled) return outcome;
      const left = outcome.type === 'completed' ? await markersLeft(context.worktree.path, context.conflict) : null;
      if (left !== null) {
        if (rounds === MAX_MARKER_ROUNDS) return { type: 'failed', failure: unresolved(left) };
        rounds += 1;
        prompt = await prompts.followUp(context, message, left);
        continue;
      }
      const isSilent = outcome.type === 'interrupted' && outcome.by === 'silence' && interruptions.release === null;
      const silence = isSilent ? ceilings.silent(context.mapping.calls) : null;
      if (outcome.type === 'cut_off') {
        restarts += 1;
        if (restarts > MAX_RESTARTS) return EXITS_TOO_OFTEN;
        report(note('warning', `OpenCode was restarted; the conversation continues (${restarts} of ${MAX_RESTARTS}).`));
      } else if (silence?.type === 'failed') {
        return silence;
      } else if (silence !== null) {
        report(note('warning', silence.text));
      } else if (outcome.type !== 'interrupted' || outcome.by !== 'quiet' || interruptions.release !== null) {
        return outcome;
      }
      prompt = await this.#continuation(context, message);
    }
  }

  async #once(context: WorkContext, prompt: Prompt): Promise<TurnOutcome> {
    const { opencode, ceilings, report, onStep } = this.#dependencies;
    const { mapping, approvals, conversationId, directory } = context;
    if (ceilings.isReached(mapping.calls)) return { type: 'interrupted', by: 'limit' };
    this.#turn = new Turn({ opencode, mapping, approvals, conversationId, directory, report, onStep, ceilings });
    try {
      return await this.#turn.run(prompt);
    } finally {
      this.#turn = null;
    }
  }

  /** OpenCode accepts a prompt before it stores it, so a restart may have lost messages of this turn. */
  async #continuation(context: WorkContext, message: Message): Promise<Prompt> {
    const { messages, prompts } = this.#dependencies;
    const { inTurn } = messages;
    const stored = await prompts.stored(context, inTurn);
    messages.removeFromTurn(inTurn.filter((steered) => steered !== message && !stored.includes(steered)));
    return prompts.next(context, message);
  }
}

const EXITS_TOO_OFTEN: TurnOutcome = {
  type: 'failed',
  failure: opencodeUnavailable(new Error(`OpenCode exited more than ${MAX_RESTARTS} times during the turn.`)),
};
