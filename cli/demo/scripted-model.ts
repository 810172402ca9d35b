import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type ChatMessage, isTitleRequest, nextReply, type Reply, textOf, titleFor } from './conversation.ts';
import type { Directive } from './grammar.ts';

/** A running scripted model: `url` is the base of its OpenAI-compatible API. */
export interface ScriptedModel {
  url: string;
  close(): Promise<void>;
}

/** The members that are read here of a request to OpenAI's chat completions API. */
interface ChatRequest {
  model?: string;
  stream?: boolean;
  messages?: ChatMessage[];
  tools?: unknown[];
}

/** Answers a request in place of the scripted model. Returns false to leave the request to the scripted model. */
export type Takeover = (request: ChatRequest, response: ServerResponse) => boolean;

const CHARACTERS_PER_TOKEN = 4;
const STREAM_CHUNK_CHARS = 24;

/**
 * Starts a local, OpenAI-compatible model server that follows the directives in a prompt (see `GRAMMAR`). It keeps no
 * state: each reply depends only on the request's messages.
 *
 * @param takeOver gets each request first
 */
export async function startScriptedModel(port = 0, takeOver: Takeover = () => false): Promise<ScriptedModel> {
  const server = createServer((request, response) => {
    respond(request, response, takeOver).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An OpenCode configuration whose only model is the scripted one, and which fetches nothing from the network. */
export function scriptedModelConfig(url: string): Record<string, unknown> {
  return {
    model: 'demo/scripted',
    small_model: 'demo/scripted',
    enabled_providers: ['demo'],
    provider: {
      demo: {
        npm: '@ai-sdk/openai-compatible',
        name: 'Local demo',
        options: { baseURL: url, apiKey: 'none' },
        models: {
          scripted: {
            name: 'Scripted demo model (no AI)',
            tool_call: true,
            reasoning: true,
            cost: { input: 3, output: 15 },
            limit: { context: 200_000, output: 8_192 },
          },
        },
      },
    },
    permission: { edit: 'allow', bash: 'allow', webfetch: 'deny', external_directory: 'deny' },
  };
}

async function respond(request: IncomingMessage, response: ServerResponse, takeOver: Takeover): Promise<void> {
  if (request.method === 'GET' && request.url === '/v1/models') {
    return sendJson(response, 200, { object: 'list', data: [{ id: 'scripted', object: 'model' }] });
  }
  if (request.method !== 'POST' || request.url !== '/v1/chat/completions') {
    return sendJson(response, 404, { error: { message: 'The scripted model serves /v1/chat/completions.' } });
  }
  const body = JSON.parse(await readBody(request)) as ChatRequest;
  if (takeOver(body, response)) return;
  const messages = body.messages ?? [];
  const reply: Reply = isTitleRequest(messages) ? { lead: [], answer: titleFor(messages) } : nextReply(messages);
  if ('act' in reply && reply.act.kind === 'hang') return;
  if ('act' in reply && reply.act.kind === 'fail') return sendFailure(response, reply.act);
  await new Completion(response, body).send(reply);
}

/** Sends one reply, streamed or whole, and counts its tokens from the texts that were sent. */
class Completion {
  readonly #response: ServerResponse;
  readonly #request: ChatRequest;
  readonly #base: Record<string, unknown>;
  #content = '';
  #reasoning = '';

  constructor(response: ServerResponse, request: ChatRequest) {
    this.#response = response;
    this.#request = request;
    this.#base = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1_000), model: request.model };
  }

  async send(reply: Reply): Promise<void> {
    if (this.#request.stream === true) {
      this.#response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
      this.#chunk({ role: 'assistant', content: '' });
    }
    for (const directive of reply.lead) await this.#lead(directive);
    if ('answer' in reply) {
      this.#say(reply.answer);
      return this.#finish('stop', []);
    }
    if (reply.act.kind === 'drop') {
      this.#say('This answer breaks off');
      this.#response.destroy();
      return;
    }
    this.#finish('tool_calls', [toolCall(reply.act)]);
  }

  async #lead(directive: Directive): Promise<void> {
    if (directive.kind === 'say') this.#say(`${directive.text}\n`);
    else if (directive.kind === 'think') this.#think(directive.text);
    else if (directive.kind === 'slow') {
      for (let i = 1; i <= directive.chunks && !this.#response.destroyed; i++) {
        this.#say(`word${i} `);
        await delay(directive.pauseMs);
      }
    }
  }

  #say(text: string): void {
    this.#content += text;
    for (let at = 0; at < text.length; at += STREAM_CHUNK_CHARS) {
      this.#chunk({ content: text.slice(at, at + STREAM_CHUNK_CHARS) });
    }
  }

  #think(text: string): void {
    this.#reasoning += text;
    this.#chunk({ reasoning_content: text });
  }

  #finish(reason: 'stop' | 'tool_calls', calls: unknown[]): void {
    const usage = this.#usage(calls);
    if (this.#request.stream === true) {
      if (calls.length > 0) this.#chunk({ tool_calls: calls });
      this.#chunk({}, reason);
      this.#write({ ...this.#base, object: 'chat.completion.chunk', choices: [], usage });
      this.#response.end('data: [DONE]\n\n');
      return;
    }
    const message = {
      role: 'assistant',
      content: this.#content || null,
      ...(this.#reasoning ? { reasoning_content: this.#reasoning } : {}),
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
    };
    const choices = [{ index: 0, finish_reason: reason, message }];
    sendJson(this.#response, 200, { ...this.#base, object: 'chat.completion', usage, choices });
  }

  #usage(calls: unknown[]): Record<string, unknown> {
    const prompt = (this.#request.messages ?? []).map((m) => textOf(m) + JSON.stringify(m.tool_calls ?? ''));
    const promptTokens = countTokens(prompt.join('\n'));
    const reasoningTokens = countTokens(this.#reasoning);
    const said = this.#content + (calls.length > 0 ? JSON.stringify(calls) : '');
    const completionTokens = countTokens(said) + reasoningTokens;
    return {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
      completion_tokens_details: { reasoning_tokens: reasoningTokens },
    };
  }

  #chunk(delta: Record<string, unknown>, finishReason: string | null = null): void {
    if (this.#request.stream !== true) return;
    const choices = [{ index: 0, delta, finish_reason: finishReason }];
    this.#write({ ...this.#base, object: 'chat.completion.chunk', choices });
  }

  #write(data: unknown): void {
    if (!this.#response.destroyed) this.#response.write(`data: ${JSON.stringify(data)}\n\n`);
  }
}

function toolCall(act: Directive): unknown {
  if (act.kind !== 'tool') throw new TypeError(`${act.kind} is not a tool call`);
  const definition = { name: act.tool, arguments: JSON.stringify(act.input) };
  return { index: 0, id: `call_${randomUUID()}`, type: 'function', function: definition };
}

function countTokens(text: string): number {
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
}

function sendFailure(response: ServerResponse, act: Extract<Directive, { kind: 'fail' }>): void {
  if (act.retryAfterSeconds !== null) response.setHeader('retry-after', String(act.retryAfterSeconds));
  sendJson(response, act.status, { error: { message: `scripted failure ${act.status}`, type: 'scripted_failure' } });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
