import { type Directive, GRAMMAR, parsePrompt, type Turn } from './grammar.ts';

/** A message of OpenAI's chat completions API. */
export interface ChatMessage {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content?: string | { type: string; text?: string }[] | null;
  tool_calls?: { id: string; function: { name: string; arguments: string } }[];
  tool_call_id?: string;
}

/** The model's next reply: a turn that ends in a tool call or a failure, or the final answer. */
export type Reply = Turn | { lead: Directive[]; answer: string };

/** A prompt with this prefix adds no turns. The model continues with the turns of earlier prompts. */
export const CONTINUE_PREFIX = 'Continue where you left off';
const SIGNATURE = 'Scripted demo model:';
const RESULT_EXCERPT_CHARS = 200;

/**
 * Decides from the messages alone, so that the reply is the same after a restart or a retry, and on another machine.
 * Each tool call with a complete result in the conversation completes one turn of the prompts before it.
 */
export function nextReply(messages: ChatMessage[]): Reply {
  const directory = workingDirectory(messages);
  const results = new Map(
    messages.flatMap((m) => (m.role === 'tool' ? [[m.tool_call_id ?? '', textOf(m)] as const] : [])),
  );
  let waiting: Turn[] = [];
  let tail: Directive[] = [];
  let done: string[] = [];
  for (const message of messages) {
    if (message.role === 'user') {
      if (textOf(message).startsWith(CONTINUE_PREFIX)) continue;
      const asked = parsePrompt(textOf(message), directory);
      waiting = [...withoutFailedHead(waiting), ...asked.turns];
      tail = [...tail, ...asked.tail];
    } else if (message.role === 'assistant') {
      const call = message.tool_calls?.[0];
      const result = call && results.get(call.id);
      if (result !== undefined && !wasCutOff(result)) done.push(describe(waiting.shift(), result));
      else if (call === undefined && textOf(message).includes(SIGNATURE)) [waiting, tail, done] = [[], [], []];
    }
  }
  return waiting[0] ?? { lead: tail, answer: finalAnswer(done, tail) };
}

/** The reply to OpenCode's title generator: the beginning of the user's messages. */
export function titleFor(messages: ChatMessage[]): string {
  const asked = messages.filter((message) => message.role === 'user').map(textOf);
  return (asked.join(' ').replaceAll(/\s+/g, ' ').trim() || 'Empty prompt').slice(0, 50);
}

export function isTitleRequest(messages: ChatMessage[]): boolean {
  return messages.some((message) => message.role === 'system' && /title generator/i.test(textOf(message)));
}

export function textOf(message: ChatMessage): string {
  const { content } = message;
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => part.text ?? '').join('\n');
}

/** OpenCode states the directory in the system prompt. Relative paths in directives start there. */
function workingDirectory(messages: ChatMessage[]): string {
  const system = messages.filter((message) => message.role === 'system').map(textOf);
  return /Working directory: (.+)/.exec(system.join('\n'))?.[1]?.trim() ?? '.';
}

/** A failed turn leaves no trace in the conversation, so a new prompt counts it as done. */
function withoutFailedHead(waiting: Turn[]): Turn[] {
  return waiting[0] && waiting[0].act.kind !== 'tool' ? waiting.slice(1) : waiting;
}

function wasCutOff(result: string): boolean {
  return /^\[Tool execution was interrupted\]|^Tool execution aborted/.test(result);
}

function describe(turn: Turn | undefined, result: string): string {
  const what = turn?.act.kind === 'tool' ? turn.act.done : 'called a tool';
  const excerpt = result.replaceAll(/\s+/g, ' ').trim().slice(0, RESULT_EXCERPT_CHARS);
  return `- ${what}${excerpt ? ` → ${excerpt}` : ''}`;
}

function finalAnswer(done: string[], tail: Directive[]): string {
  if (done.length > 0) {
    const steps = done.length === 1 ? '1 step' : `${done.length} steps`;
    return `${SIGNATURE} I did ${steps}.\n${done.join('\n')}`;
  }
  if (tail.length > 0) return `${SIGNATURE} that is all.`;
  return [
    `${SIGNATURE} I am not a language model. I follow the lines of a prompt that are written in this grammar:`,
    '',
    ...GRAMMAR.map((line) => `    ${line}`),
  ].join('\n');
}
