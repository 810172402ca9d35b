import { setTimeout as delay } from 'node:timers/promises';
import type { Event, Part } from '@opencode-ai/sdk/v2/client';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { note } from '../note.ts';
import type { Mapping, ModelFailure } from '../opencode/mapping/mapping.ts';
import type { Approvals } from './approvals.ts';
import type { CeilingWatch } from './ceiling-watch.ts';
import {
  type ConversationMessage,
  hasText,
  type OpenCodePort,
  type OpenCodeSignal,
  type Prompt,
} from './opencode-port.ts';
import { SilenceWatch } from './silence-watch.ts';
import { Wakeup } from './wakeup.ts';

/** Why a turn ends before the model is done. */
export type Interruption = 'pause' | 'stop' | 'limit' | 'silence' | 'quiet' | 'tampering' | 'cancelled';

/** How a turn ended. `cut_off`: the OpenCode server exited during the turn, and the conversation can be continued. */
export type TurnOutcome =
  | { type: 'completed'; finish: string }
  | { type: 'interrupted'; by: Interruption }
  | { type: 'failed'; failure: ModelFailure }
  | { type: 'cut_off' };

export interface TurnContext {
  opencode: OpenCodePort;
  mapping: Mapping;
  approvals: Approvals;
  conversationId: string;
  directory: string;
  report: (frame: AgentFrameBody) => void;
  /** Called when a step that called tools has ended and the turn continues. */
  onStep: () => void;
  /** What ends the turn with the interruptions `limit` and `silence`. */
  ceilings: CeilingWatch;
}

const FLUSH_MS = 250;
/** Events can be lost, so the conversation is polled at this interval while no event arrives. */
const POLL_MS = 5_000;
/** An abort has no effect before the run has begun, so it is repeated. */
const ABORT_AGAIN_MS = 500;
/** OpenCode reports idle before the last message is final, and before a posted prompt has begun: so poll again. */
const SETTLE_POLLS = 25;
const SETTLE_POLL_MS = 100;

/** One run of the model, from the posted prompt until the conversation is idle. */
export class Turn {
  readonly #context: TurnContext;
  readonly #wakeup = new Wakeup();
  readonly #silence: SilenceWatch;
  #interruption: Interruption | null = null;
  /** Ends the turn with the current step. */
  #last: { by: Interruption; since: number } | null = null;
  #hasConnected = false;
  #isCutOff = false;
  #isOver = false;
  /** Ids of the prompts of this turn. */
  readonly #posted = new Set<string>();
  /** The number of messages that are being steered into the conversation. */
  #steering = 0;

  constructor(context: TurnContext) {
    this.#context = context;
    this.#silence = new SilenceWatch(context.ceilings.maxSilenceMs);
  }

  /** Posts the prompt and follows the run to its end. */
  async run(prompt: Prompt): Promise<TurnOutcome> {
    const { opencode, mapping, approvals } = this.#context;
    mapping.beginTurn();
    const unsubscribe = opencode.subscribe((signal) => this.#signal(signal));
    const flush = setInterval(() => this.#tick(), FLUSH_MS);
    try {
      await this.#post(prompt);
      // A server that exited before this one accepted the prompt has cut off nothing.
      this.#isCutOff = false;
      return await this.#follow();
    } finally {
      clearInterval(flush);
      unsubscribe();
      this.#isOver = true;
      approvals.withdrawAll('the run that asked has ended');
      this.#reportAll(mapping.finish());
    }
  }

  /**
   * Adds a message to the running turn. The model reads it at its next step, and the turn does not end before that.
   *
   * @returns false when the turn has ended already, or the message could not be posted
   */
  async steer(makePrompt: () => Promise<Prompt>): Promise<boolean> {
    if (this.#isOver) return false;
    this.#steering += 1;
    try {
      await this.#post(await makePrompt());
      return true;
    } catch {
      return false;
    } finally {
      this.#steering -= 1;
      this.#wakeup.signal();
    }
  }

  /** Ends the run when the model finishes its current step, and at once if the step will not end by itself. */
  interruptAfterStep(by: Interruption): void {
    this.#last ??= { by, since: performance.now() };
    this.#tick();
  }

  /** Aborts the run now, including any tool that is running. If called several times, the first reason counts. */
  interrupt(by: Interruption): void {
    this.#interruption ??= by;
    void this.#abort().catch(() => undefined);
    this.#wakeup.signal();
  }

  async #post(prompt: Prompt): Promise<void> {
    this.#posted.add(prompt.messageId);
    try {
      await this.#context.opencode.prompt(prompt);
    } catch (error) {
      // The turn must not wait for a message that was never posted.
      this.#posted.delete(prompt.messageId);
      throw error;
    }
  }

  #tick(): void {
    this.#reportAll(this.#context.mapping.flush(performance.now()));
    if (this.#last !== null && this.#interruption === null && !this.#silence.mayStepEnd(this.#last.since)) {
      this.interrupt(this.#last.by);
    }
  }

  #signal(signal: OpenCodeSignal): void {
    if (signal.type === 'event') {
      this.#event(signal.event);
      return;
    }
    if (signal.type === 'down') {
      this.#isCutOff = true;
      this.#context.approvals.withdrawAll('OpenCode was restarted');
    }
    // The first `connected` only says that events flow. Every later signal means that events were missed.
    if (this.#hasConnected) this.#context.mapping.markGap();
    this.#hasConnected = true;
    this.#wakeup.signal();
  }

  #event(event: Event): void {
    const { mapping, approvals, ceilings, conversationId } = this.#context;
    const isNewCall = mapping.beginsCall(event);
    this.#reportAll(mapping.event(event, Date.now()));
    const conversation = (event.properties as { sessionID?: string }).sessionID;
    if (conversation === undefined || !mapping.covers(conversation)) return;
    this.#silence.heard(event);
    if (ceilings.endsRun(event, isNewCall, mapping.calls)) this.interrupt('limit');
    else if (isNewCall && this.#last !== null) this.interrupt(this.#last.by);
    else if (event.type === 'permission.asked') approvals.permissionAsked(event.properties);
    else if (event.type === 'question.asked') approvals.questionAsked(event.properties);
    else if (this.#interruption === null && approvals.isForeignReply(event)) this.interrupt('tampering');
    else if (event.type === 'session.idle' && conversation === conversationId) this.#wakeup.signal();
    else if (event.type === 'message.part.updated') this.#partUpdated(event.properties.part);
  }

  /** Only at the end of a step that called tools can a run end cleanly: all its tool calls have their results. */
  #partUpdated(part: Part): void {
    const { conversationId, onStep } = this.#context;
    if (part.type !== 'step-finish' || part.reason !== 'tool-calls' || part.sessionID !== conversationId) return;
    if (this.#last !== null) this.interrupt(this.#last.by);
    else onStep();
  }

  /** Waits until the conversation is idle, and reports from its messages what no event reported. */
  async #follow(): Promise<TurnOutcome> {
    for (;;) {
      await this.#wakeup.wait(this.#interruption === null ? POLL_MS : ABORT_AGAIN_MS);
      if (this.#silence.isTooLong()) this.interrupt('silence');
      if (this.#interruption !== null) await this.#abort();
      if (await this.#isBusy()) {
        await this.#pollRequests();
        continue;
      }
      const outcome = await this.#settle();
      if (outcome === null || this.#steering > 0) continue;
      this.#isOver = true;
      return outcome;
    }
  }

  /** Polls until the last message is final; null when the conversation is running again. */
  async #settle(): Promise<TurnOutcome | null> {
    for (let poll = 1; poll <= SETTLE_POLLS; poll++) {
      const messages = await this.#reconcile();
      const outcome = this.#hasAllPrompts(messages)
        ? outcomeOf(messages, this.#interruption, this.#context.mapping.failure)
        : null;
      const isIncomplete = this.#isCutOff && outcome?.type === 'completed' && outcome.finish === 'tool-calls';
      if (outcome !== null && !isIncomplete) return outcome;
      // The server that ran this turn has exited, so its messages no longer change.
      if (this.#isCutOff) break;
      await delay(SETTLE_POLL_MS);
      if (await this.#isBusy()) return null;
    }
    return this.#unfinished();
  }

  /** OpenCode accepts a prompt before it stores it. Until then, the last message answers an earlier prompt. */
  #hasAllPrompts(messages: ConversationMessage[]): boolean {
    const stored = new Set(messages.filter(hasText).map(({ info }) => info.id));
    return [...this.#posted].every((id) => stored.has(id));
  }

  async #abort(): Promise<void> {
    await this.#context.opencode.abort(this.#context.conversationId);
  }

  async #isBusy(): Promise<boolean> {
    return this.#context.opencode.isBusy(this.#context.conversationId);
  }

  /** The conversation is idle, but its last message is not final: aborted before a retry, or the server died. */
  #unfinished(): TurnOutcome {
    const { failure } = this.#context.mapping;
    if (this.#interruption !== null) return { type: 'interrupted', by: this.#interruption };
    if (failure !== null && !this.#isCutOff) return { type: 'failed', failure };
    return { type: 'cut_off' };
  }

  async #reconcile(): Promise<ConversationMessage[]> {
    const { opencode, mapping, conversationId } = this.#context;
    const messages = await opencode.messages(conversationId);
    const subConversations = await opencode.subConversations(conversationId);
    mapping.cover(subConversations);
    const subAgentMessages = await Promise.all(subConversations.map((id) => opencode.messages(id)));
    this.#reportAll(mapping.reconcile(messages, subAgentMessages.flat()));
    return messages;
  }

  /** Finds open requests whose event was lost, because otherwise they would never be answered. */
  async #pollRequests(): Promise<void> {
    const { opencode, mapping, approvals, directory, conversationId } = this.#context;
    const [permissions, questions, subConversations] = await Promise.all([
      // OpenCode's list fails while it holds a request without an optional member, such as the timeout of `webfetch`.
      opencode.openPermissions(directory).catch(() => []),
      opencode.openQuestions(directory).catch(() => []),
      opencode.subConversations(conversationId),
    ]);
    mapping.cover(subConversations);
    for (const request of permissions) if (mapping.covers(request.sessionID)) approvals.permissionAsked(request);
    for (const request of questions) if (mapping.covers(request.sessionID)) approvals.questionAsked(request);
  }

  #reportAll(frames: AgentFrameBody[]): void {
    const { report, ceilings } = this.#context;
    for (const frame of frames) {
      report(frame);
      const text = ceilings.warning(frame);
      if (text !== null) report(note('warning', text));
    }
  }
}

/** The outcome of a turn whose conversation is idle; null while its last message is not final. */
export function outcomeOf(
  messages: ConversationMessage[],
  interruption: Interruption | null,
  failure: ModelFailure | null,
): TurnOutcome | null {
  const last = messages.at(-1)?.info;
  if (last?.role !== 'assistant') return null;
  const isFinal = last.time.completed !== undefined || last.error !== undefined;
  if (!isFinal) return null;
  // The model would have been asked again, so an answer that is not an end was not the last one.
  if (interruption === 'limit' && last.finish !== 'stop') return { type: 'interrupted', by: interruption };
  const isDone = last.error === undefined && last.finish !== undefined && last.finish !== 'tool-calls';
  if (isDone) return { type: 'completed', finish: last.finish as string };
  if (interruption !== null) return { type: 'interrupted', by: interruption };
  if (last.error !== undefined && failure !== null) return { type: 'failed', failure };
  return { type: 'completed', finish: last.finish ?? 'stopped' };
}
