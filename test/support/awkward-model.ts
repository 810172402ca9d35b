import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { type ChatMessage, textOf } from '../../cli/demo/conversation.ts';
import { type ScriptedModel, startScriptedModel } from '../../cli/demo/scripted-model.ts';

/** More tokens than the context of the scripted model's configuration holds. */
const TOO_MANY_TOKENS = 250_000;
const TWO_HOURS_S = 7_200;

/**
 * One awkward answer. `nth` counts the requests of one task with this prompt, from 1. A request for the summary
 * of a conversation has no tools.
 */
type Answer = (stream: Stream, nth: number, hasTools: boolean) => void;

/**
 * How providers misbehave. A prompt with the words `awkward <name>` gets the answer of that name, at every request;
 * everything else is answered by the scripted model.
 */
export const AWKWARD = {
  empty: (stream) => stream.end('stop'),
  reasoning_only: (stream) => stream.think('I wonder.').end('stop'),
  cut: (stream) => stream.say('The answer is that we sho').end('length'),
  cut_without_text: (stream) => stream.end('length'),
  filtered: (stream) => stream.end('content_filter'),
  no_finish: (stream) => stream.say('This goes on.').done(),
  no_finish_without_text: (stream) => stream.done(),
  broken_once: (stream, nth) => (nth === 1 ? stream.say('This breaks').break() : stream.say('recovered').end('stop')),
  slow: (stream) => stream.slowly(['slow ', 'but ', 'whole']),
  // The last word of a text that grows is held back, so that a secret is masked whole.
  stalled: (stream) => stream.say('One word more'),
  stalled_once: (stream, nth) => (nth === 1 ? stream.say('One word') : stream.say('recovered').end('stop')),
  silent_worker: (stream, nth) =>
    nth === 1
      ? stream.call('bash', { command: 'echo done > done.txt', description: 'work' }).end('tool_calls')
      : stream.end('stop'),
  endless_tools: (stream) => stream.call('bash', { command: 'true', description: 'nothing' }).end('tool_calls'),
  overflow: (stream) => stream.fail(400, { error: overflow }),
  overflow_text: (stream) => stream.say('awkward overflow_text').end('stop', TOO_MANY_TOKENS),
  overflow_tools: (stream, _, hasTools) =>
    hasTools
      ? stream.call('bash', { command: 'true', description: 'nothing' }).end('tool_calls', TOO_MANY_TOKENS)
      : stream.say('awkward overflow_tools').end('stop', TOO_MANY_TOKENS),
  slow_summary: (stream, nth, hasTools) => {
    if (!hasTools) stream.slowly(Array(50).fill('summary '));
    else if (nth > 1) stream.say('recovered').end('stop');
    else stream.call('bash', { command: 'true', description: 'nothing' }).end('tool_calls', TOO_MANY_TOKENS);
  },
  wrong_key: (stream) =>
    stream.fail(401, { error: { message: 'Incorrect API key provided', code: 'invalid_api_key' } }),
  huge_error: (stream) => stream.fail(400, { error: { message: `Invalid request: ${'x'.repeat(2_000_000)}` } }),
  rate_limit_seconds: (stream) => stream.fail(429, rateLimit, { 'retry-after': String(TWO_HOURS_S) }),
  rate_limit_date: (stream) => stream.fail(429, rateLimit, { 'retry-after': inTwoHours().toUTCString() }),
  rate_limit_ms: (stream) => stream.fail(429, rateLimit, { 'retry-after-ms': String(TWO_HOURS_S * 1_000) }),
  rate_limit_bare: (stream) => stream.fail(429, '', { 'retry-after': String(TWO_HOURS_S) }),
  rate_limit_minutes: (stream, nth) =>
    nth === 1 ? stream.fail(429, rateLimit, { 'retry-after': '300' }) : stream.say('recovered').end('stop'),
  rate_limit_soon: (stream, nth) =>
    nth === 1 ? stream.fail(429, rateLimit, { 'retry-after-ms': '10' }) : stream.say('recovered').end('stop'),
  unavailable: (stream) => stream.fail(503, { error: { message: 'Overloaded' } }, { 'retry-after-ms': '10' }),
} as const satisfies Record<string, Answer>;

export type AwkwardName = keyof typeof AWKWARD;

/** Starts the scripted model with awkward answers. */
export function startAwkwardModel(): Promise<ScriptedModel> {
  const requests = new Map<string, number>();
  return startScriptedModel(0, ({ messages = [], tools = [] }, response) => {
    const name = nameIn(messages);
    if (name === null) return false;
    const conversation = `${name} ${taskOf(messages)}`;
    const nth = (requests.get(conversation) ?? 0) + 1;
    requests.set(conversation, nth);
    (AWKWARD[name] as Answer)(new Stream(response), nth, tools.length > 0);
    return true;
  });
}

const overflow = { message: 'maximum context length exceeded', code: 'context_length_exceeded' };
const rateLimit = { error: { message: 'You have used up your tokens for today', type: 'rate_limit_error' } };
const inTwoHours = () => new Date(Date.now() + TWO_HOURS_S * 1_000);

/** The newest name in the conversation. A compaction quotes the prompts, and then replaces them by the model's text. */
function nameIn(messages: readonly ChatMessage[]): AwkwardName | null {
  const text = messages.map(textOf).join('\n');
  const name = [...text.matchAll(/\bawkward (\w+)/g)].at(-1)?.[1];
  return name !== undefined && Object.hasOwn(AWKWARD, name) ? (name as AwkwardName) : null;
}

/** Each task of a test has its own directory, which OpenCode states in the system prompt; each lease appends its epoch. */
function taskOf(messages: readonly ChatMessage[]): string {
  return /Working directory: (.+)-\d+$/m.exec(messages.map(textOf).join('\n'))?.[1] ?? '';
}

/** A streamed answer that is written piece by piece. It can end in every way in which a provider's answer does. */
class Stream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  say(content: string): this {
    return this.#chunk({ content });
  }

  think(text: string): this {
    return this.#chunk({ reasoning_content: text });
  }

  call(name: string, input: Record<string, unknown>): this {
    const definition = { name, arguments: JSON.stringify(input) };
    return this.#chunk({
      tool_calls: [{ index: 0, id: `call_${randomUUID()}`, type: 'function', function: definition }],
    });
  }

  /** Says one word at a time, and ends. */
  slowly([word, ...rest]: readonly string[]): void {
    if (word === undefined) return this.end('stop');
    this.say(word);
    setTimeout(() => this.slowly(rest), 100);
  }

  end(reason: string, promptTokens = 1_000): void {
    this.#chunk({}, reason);
    this.#write({
      choices: [],
      usage: { prompt_tokens: promptTokens, completion_tokens: 50, total_tokens: promptTokens + 50 },
    });
    this.done();
  }

  /** Ends the stream without a reason. */
  done(): void {
    this.#response.end('data: [DONE]\n\n');
  }

  /** Breaks the connection after what was said has left. */
  break(): void {
    this.#response.write('\n', () => this.#response.destroy());
  }

  fail(status: number, body: unknown, headers: Record<string, string> = {}): void {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    this.#response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
  }

  #chunk(delta: Record<string, unknown>, finishReason: string | null = null): this {
    return this.#write({ choices: [{ index: 0, delta, finish_reason: finishReason }] });
  }

  #write(data: Record<string, unknown>): this {
    if (!this.#response.headersSent) this.#response.writeHead(200, { 'content-type': 'text/event-stream' });
    const frame = { id: 'chatcmpl-awkward', object: 'chat.completion.chunk', created: 1, model: 'scripted', ...data };
    this.#response.write(`data: ${JSON.stringify(frame)}\n\n`);
    return this;
  }
}
