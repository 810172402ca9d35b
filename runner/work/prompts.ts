import type { Assignment } from '../../src/protocol/run/assignment.ts';
import { cutOffNotice } from './cut-off-calls.ts';
import { isPromptNamed, promptMessageId, promptName } from './message-ids.ts';
import type { Message } from './message-queue.ts';
import { hasText, type OpenCodePort, type Prompt } from './opencode-port.ts';
import type { WorkContext } from './work-context.ts';

export const CONTINUE_TEXT = 'Continue where you left off: the last run was interrupted before it was done.';

/** Creates the prompts of one assignment, under ids by which any later agent recognizes them. */
export class Prompts {
  /** The model that the prompts go to, as `provider/model`. */
  readonly model: string;
  readonly #assignment: Assignment;
  readonly #opencode: OpenCodePort;
  #continuations = 0;

  constructor(assignment: Assignment, opencode: OpenCodePort, defaultModel: string) {
    this.model = assignment.agent_config.model ?? defaultModel;
    this.#assignment = assignment;
    this.#opencode = opencode;
  }

  /**
   * The message's own prompt, or a prompt to continue if the conversation shows that the message was begun already. Waits a
   * moment for OpenCode's MCP servers.
   */
  async next(context: WorkContext, message: Message): Promise<Prompt> {
    await context.mcpServers?.ready();
    const [stored] = await this.stored(context, [message]);
    if (stored !== undefined) return this.#continuation(context, message);
    const before = [context.preface === null ? null : withTranscript(context.preface), context.notice];
    const text = [...before, message.text].filter((part) => part !== null).join('\n\n');
    return this.#create(context, text, this.#name(message));
  }

  /** The messages whose prompts are in the conversation, with their texts. */
  async stored({ conversationId }: WorkContext, messages: readonly Message[]): Promise<Message[]> {
    if (messages.length === 0) return [];
    const known = await this.#opencode.messages(conversationId);
    const complete = known.filter(hasText);
    return messages.filter((message) => complete.some(({ info }) => isPromptNamed(info.id, this.#name(message))));
  }

  /** The message's own prompt. */
  async original(context: WorkContext, message: Message): Promise<Prompt> {
    return this.#create(context, message.text, this.#name(message));
  }

  /** A prompt that asks for more in the same turn. Each call creates a new message. */
  async followUp(context: WorkContext, message: Message, text: string): Promise<Prompt> {
    this.#continuations += 1;
    const { task_id, epoch } = this.#assignment;
    return this.#create(context, text, promptName(task_id, epoch, message.number, 'more', this.#continuations));
  }

  /** A prompt to continue the interrupted run. Each call creates a new message. */
  async #continuation(context: WorkContext, message: Message): Promise<Prompt> {
    this.#continuations += 1;
    const { task_id, epoch } = this.#assignment;
    const cutOff = cutOffNotice(await this.#opencode.messages(context.conversationId));
    const text = [CONTINUE_TEXT, cutOff, context.notice].filter((part) => part !== null).join('\n\n');
    return this.#create(context, text, promptName(task_id, epoch, message.number, 'continue', this.#continuations));
  }

  async #create({ conversationId }: WorkContext, text: string, name: string): Promise<Prompt> {
    const messages = await this.#opencode.messages(conversationId);
    const known = messages.find(({ info }) => isPromptNamed(info.id, name));
    const { agent, system } = this.#assignment.agent_config;
    return {
      conversationId,
      messageId: known?.info.id ?? promptMessageId(name, Date.now(), messages.at(-1)?.info.id ?? null),
      text,
      model: this.model,
      agent: agent ?? null,
      system: system ?? null,
    };
  }

  /** The same in every epoch, so that an agent recognizes a prompt that another agent has begun. */
  #name(message: Message): string {
    return promptName(this.#assignment.task_id, message.number);
  }
}

function withTranscript(transcript: string): string {
  return `This is what was said and done before, on another machine:\n<transcript>\n${transcript}\n</transcript>`;
}
