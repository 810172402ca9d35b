import type { Event, Message, Part, StepFinishPart } from '@opencode-ai/sdk/v2/client';
import {
  type CallCounts,
  countCall,
  countCutOff,
  countRetry,
  endStreaks,
  NO_CALLS,
} from '../../../src/domain/session/ceilings.ts';
import { CUT_OFF_TURN } from '../../../src/domain/session/usage.ts';
import { truncated } from '../../../src/protocol/common/text.ts';
import { MAX_RETRY_CHARS, MAX_RETRY_WAIT_MS } from '../../../src/protocol/events/agent.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import type { ConversationMessage } from '../../work/opencode-port.ts';
import { TextStream } from './text.ts';
import { ToolCalls } from './tools.ts';

/** A failure as OpenCode reported it. */
export interface ModelFailure {
  code: string;
  message: string;
  retryable: boolean;
}

/** A model's answer to one call. */
interface Answer {
  model: string;
  isOwn: boolean;
  isSummary: boolean;
  hasBegun: boolean;
  hasText: boolean;
  isCounted: boolean;
}

/**
 * Maps one conversation's events to frames. It is a monotone fold: an event that is seen twice, or found again in the
 * messages after a gap, adds nothing that was reported before. Therefore reconciling is always safe.
 */
export class Mapping {
  readonly #conversationId: string;
  readonly #text = new TextStream();
  readonly #tools: ToolCalls;
  /** The assistant messages, including those of sub-agents. */
  readonly #messages = new Map<string, Answer>();
  readonly #subConversations = new Set<string>();
  readonly #stepsCounted = new Set<string>();
  #calls: CallCounts = NO_CALLS;
  #failure: ModelFailure | null = null;
  #lastRetry = '';

  /** @param takes the newer kinds of frames that the session takes; an older session rejects them */
  constructor(conversationId: string, directory: string, takes: { takesToolOutput?: boolean } = {}) {
    this.#conversationId = conversationId;
    this.#tools = new ToolCalls(directory, takes.takesToolOutput ?? false);
  }

  /** The model's calls since this mapping was created, with those of sub-agents. */
  get calls(): CallCounts {
    return this.#calls;
  }

  /** The last error that OpenCode reported since {@link beginTurn}. */
  get failure(): ModelFailure | null {
    return this.#failure;
  }

  beginTurn(): void {
    this.#failure = null;
    this.#calls = endStreaks(this.#calls);
  }

  /** Whether a call of a model begins with the event. Ask before {@link event} takes it. */
  beginsCall(event: Event): boolean {
    if (event.type !== 'message.updated') return false;
    const { info } = event.properties;
    return info.role === 'assistant' && this.covers(info.sessionID) && !this.#messages.has(info.id);
  }

  /** Whether the conversation is this one or one of its sub-agents' conversations. */
  covers(conversationId: string): boolean {
    return conversationId === this.#conversationId || this.#subConversations.has(conversationId);
  }

  /** Marks the messages of an imported conversation as reported: an earlier lease reported them. */
  skip(messages: ConversationMessage[]): void {
    for (const { info, parts } of messages) {
      this.#message(info);
      for (const part of parts) {
        if (part.type === 'text' || part.type === 'reasoning') this.#text.skip(part.id);
        else if (part.type === 'tool') this.#tools.skip(part);
        else if (part.type === 'step-finish') this.#stepsCounted.add(part.id);
      }
      const answer = this.#messages.get(info.id);
      if (answer !== undefined) answer.isCounted = true;
    }
  }

  /**
   * Frames for an event, in order. Text waits for {@link flush}.
   * @param now milliseconds since the epoch; retry times are reported relative to it
   */
  event(event: Event, now: number): AgentFrameBody[] {
    const frames = this.#frames(event, now);
    return frames.length === 0 ? [] : [...this.#text.flush(), ...frames];
  }

  /** @param now in ms; output of commands is reported at most once a second */
  flush(now: number): AgentFrameBody[] {
    return [...this.#text.flush(), ...this.#tools.flush(now)];
  }

  /** Call when the event stream broke, because text increments may be missing. */
  markGap(): void {
    this.#text.markGap();
  }

  /** Takes in conversations of sub-agents, whose events may have been lost. */
  cover(conversations: readonly string[]): void {
    for (const id of conversations) this.#subConversations.add(id);
  }

  /** Frames for everything in the messages that no event reported. Sub-agents' conversations must be covered. */
  reconcile(messages: ConversationMessage[], subAgentMessages: ConversationMessage[] = []): AgentFrameBody[] {
    return [...messages, ...subAgentMessages].flatMap(({ info, parts }) => {
      this.#message(info);
      return parts.flatMap((part) => this.#part(part));
    });
  }

  /**
   * Call when the turn has ended. Frames for the buffered text, for the end of every open part, and for the answers that
   * were cut off.
   */
  finish(): AgentFrameBody[] {
    const cutOff = [...this.#messages.values()].filter(({ hasBegun, isCounted }) => hasBegun && !isCounted);
    return [...this.#text.finish(), ...cutOff.map((answer) => this.#cutOff(answer))];
  }

  #cutOff(answer: Answer): AgentFrameBody {
    answer.isCounted = true;
    this.#calls = countCutOff(this.#calls);
    const { model, isOwn } = answer;
    return { type: 'usage', data: { model, sub_agent: !isOwn, ...CUT_OFF_TURN } };
  }

  #frames(event: Event, now: number): AgentFrameBody[] {
    switch (event.type) {
      case 'session.created':
        if (this.covers(event.properties.info.parentID ?? '')) this.#subConversations.add(event.properties.sessionID);
        return [];
      case 'message.updated':
        if (this.covers(event.properties.info.sessionID)) this.#message(event.properties.info);
        return [];
      case 'message.part.updated':
        return this.#part(event.properties.part);
      case 'message.part.delta': {
        const { sessionID, messageID, partID, field, delta } = event.properties;
        const isOurs = sessionID === this.#conversationId && this.#messages.has(messageID) && field === 'text';
        if (isOurs) this.#text.delta(messageID, partID, delta);
        return [];
      }
      case 'session.status':
        return this.#status(event.properties, now);
      case 'session.error':
        if (event.properties.sessionID === this.#conversationId && event.properties.error !== undefined) {
          this.#failure = describeFailure(event.properties.error);
        }
        return [];
      case 'session.compacted':
        return event.properties.sessionID === this.#conversationId
          ? [{ type: 'agent.note', data: { level: 'info', text: 'The conversation was compacted.' } }]
          : [];
      default:
        return [];
    }
  }

  #message(info: Message): void {
    if (info.role !== 'assistant') return;
    const known = this.#messages.get(info.id) ?? { hasBegun: false, hasText: false, isCounted: false };
    this.#messages.set(info.id, {
      ...known,
      model: `${info.providerID}/${info.modelID}`,
      isOwn: info.sessionID === this.#conversationId,
      isSummary: info.summary === true,
    });
    if (info.sessionID === this.#conversationId && info.error !== undefined) {
      this.#failure ??= describeFailure(info.error);
    }
  }

  #part(part: Part): AgentFrameBody[] {
    const answer = this.#messages.get(part.messageID);
    if (!this.covers(part.sessionID) || answer === undefined) return [];
    const { isOwn } = answer;
    if (part.type === 'text' && part.text.trim() !== '') answer.hasText = true;
    if (part.type === 'text' || part.type === 'reasoning' || part.type === 'tool') answer.hasBegun = true;
    switch (part.type) {
      case 'text':
      case 'reasoning':
        return isOwn ? this.#text.update(part) : [];
      case 'tool':
        return isOwn ? this.#tools.update(part) : this.#tools.updateOfSubAgent(part);
      case 'step-finish':
        return this.#stepFinish(part, answer);
      default:
        return [];
    }
  }

  #stepFinish(part: StepFinishPart, answer: Answer): AgentFrameBody[] {
    if (this.#stepsCounted.has(part.id)) return [];
    this.#stepsCounted.add(part.id);
    answer.isCounted = true;
    const { model, isOwn, isSummary, hasText } = answer;
    const { reason: finish, sessionID: conversation, cost: cost_usd, tokens } = part;
    this.#calls = countCall(this.#calls, { conversation, isSummary, finish, hasText, cost_usd });
    return [
      {
        type: 'usage',
        data: {
          model,
          sub_agent: !isOwn,
          input_tokens: countOf(tokens.input),
          output_tokens: countOf(tokens.output),
          reasoning_tokens: countOf(tokens.reasoning),
          cache_read_tokens: countOf(tokens.cache.read),
          cache_write_tokens: countOf(tokens.cache.write),
          cost_usd: Math.max(0, cost_usd),
          // OpenCode takes a model without a price for free.
          ...(cost_usd === 0 && { unpriced: true }),
        },
      },
    ];
  }

  #status(
    { sessionID, status }: Extract<Event, { type: 'session.status' }>['properties'],
    now: number,
  ): AgentFrameBody[] {
    if (!this.covers(sessionID) || status.type !== 'retry') return [];
    const retry = `${sessionID} ${status.attempt} ${status.next}`;
    if (retry === this.#lastRetry) return [];
    this.#lastRetry = retry;
    const next = Math.min(Math.max(0, Math.round(status.next - now)), MAX_RETRY_WAIT_MS);
    // A provider can answer with a page of HTML.
    const message = truncated(status.message, MAX_RETRY_CHARS);
    this.#calls = countRetry(this.#calls, message, next);
    return [{ type: 'model.retry', data: { attempt: status.attempt, message, next_in_ms: next } }];
  }
}

/** OpenCode subtracts what providers report, so its difference can be below zero. */
function countOf(tokens: number): number {
  return Math.max(0, Math.round(tokens));
}

type OpenCodeFailure = NonNullable<Extract<Event, { type: 'session.error' }>['properties']['error']>;

const PERMANENT = new Set(['ProviderAuthError', 'ContextOverflowError', 'ContentFilterError', 'StructuredOutputError']);

/** OpenCode's error as code and message, and whether another attempt may succeed. */
export function describeFailure(error: OpenCodeFailure): ModelFailure {
  const data = error.data as { message?: unknown; isRetryable?: unknown; statusCode?: unknown };
  const message = typeof data.message === 'string' && data.message !== '' ? data.message : error.name;
  const retryable = typeof data.isRetryable === 'boolean' ? data.isRetryable : !PERMANENT.has(error.name);
  const status = typeof data.statusCode === 'number' ? `${data.statusCode} ` : '';
  return { code: snakeCase(error.name), message: `${status}${message}`, retryable };
}

/** `APIError` → `api_error` */
function snakeCase(name: string): string {
  return name.replaceAll(/([a-z])([A-Z])|([A-Z])([A-Z][a-z])/g, '$1$3_$2$4').toLowerCase();
}
