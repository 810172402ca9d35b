import { setTimeout as delay } from 'node:timers/promises';
import {
  createOpencodeClient,
  type McpStatus,
  type OpencodeClient,
  type PermissionRequest,
  type QuestionRequest,
  type Session,
} from '@opencode-ai/sdk/v2/client';
import { truncated } from '../../src/protocol/common/text.ts';
import {
  type ConversationMessage,
  type ConversationState,
  type ExportedConversation,
  type ExportedPart,
  hasText,
  type NewConversation,
  type OpenCodePort,
  type OpenCodeSignal,
  type Prompt,
  type RemoteMcpServer,
} from '../work/opencode-port.ts';
import { replayEvents } from './conversation.ts';
import { packPart, unpackConversation } from './conversation-parts.ts';
import { EventStream } from './events.ts';
import type { OpenCodeServer, ServerAddress } from './server.ts';

/** Until the tools of a dead server have ended, which takes seconds, its address is still current and calls fail. */
const MAX_ATTEMPTS = 20;
const RETRY_PAUSE_MS = 300;
const RESTART_LIMIT_MS = 60_000;
/** The time limit of a call. A call that hangs on a healthy server is not repeated. */
const CALL_LIMIT_MS = 120_000;
const MAX_PROBLEM_CHARS = 300;

/** An error response of OpenCode: its HTTP status (0 for no response) and message. */
export class OpenCodeError extends Error {
  override name = 'OpenCodeError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** {@link OpenCodePort} over OpenCode's HTTP API. */
export class OpenCodeClient implements OpenCodePort {
  readonly #server: OpenCodeServer;
  readonly #events: EventStream;
  #client: { generation: number; api: OpencodeClient } | null = null;

  constructor(server: OpenCodeServer) {
    this.#server = server;
    this.#events = new EventStream(server);
  }

  /** Closes the event stream. The server itself keeps running. */
  close(): void {
    this.#events.close();
  }

  subscribe(listener: (signal: OpenCodeSignal) => void): () => void {
    return this.#events.subscribe(listener);
  }

  async listModels(): Promise<string[]> {
    const { providers } = await this.#call((api) => api.config.providers());
    return providers.flatMap((provider) => Object.keys(provider.models).map((model) => `${provider.id}/${model}`));
  }

  async listAgents(directory: string): Promise<string[]> {
    const agents = await this.#call((api) => api.app.agents({ directory }));
    return agents.map(({ name }) => name);
  }

  async defaultModel(): Promise<string | null> {
    const [config, { providers, default: defaults }] = await Promise.all([
      this.#call((api) => api.config.get()),
      this.#call((api) => api.config.providers()),
    ]);
    const available = new Set(providers.flatMap((p) => Object.keys(p.models).map((model) => `${p.id}/${model}`)));
    if (config.model !== undefined) return available.has(config.model) ? config.model : null;
    // Without a key, OpenCode offers its own hosted models. Code goes to one of them only if the user names it.
    const first = providers.find((provider) => provider.id !== 'opencode' || provider.key !== undefined);
    const model = first && (defaults[first.id] ?? Object.keys(first.models)[0]);
    return first && model ? `${first.id}/${model}` : null;
  }

  async waitingMcpServers(directory: string): Promise<string[]> {
    const statuses = await this.#call((api) => api.mcp.status({ directory }));
    return Object.keys(statuses).filter((name) => statuses[name]?.status === 'disabled');
  }

  async connectMcpServer(directory: string, name: string, signal: AbortSignal): Promise<string | null> {
    await this.#call((api) => api.mcp.connect({ directory, name }, { signal }));
    return problemOf((await this.#call((api) => api.mcp.status({ directory }, { signal })))[name]);
  }

  async addMcpServer(directory: string, { name, url, timeoutMs }: RemoteMcpServer): Promise<string | null> {
    const config = { type: 'remote' as const, url, enabled: true, oauth: false as const, timeout: timeoutMs };
    return problemOf((await this.#call((api) => api.mcp.add({ directory, name, config })))[name]);
  }

  async hasMcpServer(directory: string, name: string): Promise<boolean> {
    const statuses = await this.#call((api) => api.mcp.status({ directory }));
    return statuses[name]?.status === 'connected';
  }

  async createConversation({ directory, title, permissions }: NewConversation): Promise<string> {
    const session = await this.#call((api) => api.session.create({ directory, title, permission: permissions }));
    return session.id;
  }

  async importConversation(exported: ExportedConversation, options: NewConversation): Promise<string> {
    const record = unpackConversation(exported);
    const { directory, permissions } = options;
    const project = await this.#call((api) => api.project.current({ directory }));
    // A conversation's directory cannot change, so an earlier import of the same conversation is deleted first.
    await this.forgetConversation(record.session.id);
    const events = replayEvents(record, { directory, now: Date.now(), projectId: project.id, permissions });
    await this.#call((api) => api.sync.replay({ query_directory: directory, body_directory: directory, events }));
    return record.session.id;
  }

  async exportConversation(
    conversationId: string,
    before: ConversationState | null = null,
    maxParts = 1,
  ): Promise<ExportedPart> {
    const session = await this.#session(conversationId);
    return packPart(session, await this.messages(conversationId), before, maxParts);
  }

  async messages(conversationId: string): Promise<ConversationMessage[]> {
    return this.#call((api) => api.session.messages({ sessionID: conversationId }));
  }

  async subConversations(conversationId: string): Promise<string[]> {
    const children = await this.#call((api) => api.session.children({ sessionID: conversationId }));
    const deeper = await Promise.all(children.map((child) => this.subConversations(child.id)));
    return [...children.map((child) => child.id), ...deeper.flat()];
  }

  async isBusy(conversationId: string): Promise<boolean> {
    const { directory } = await this.#session(conversationId);
    const statuses = await this.#call((api) => api.session.status({ directory }));
    const status = statuses[conversationId];
    return status !== undefined && status.type !== 'idle';
  }

  async prompt(prompt: Prompt): Promise<void> {
    const { conversationId: sessionID, messageId: messageID } = prompt;
    const known = await this.messages(sessionID);
    if (known.some((message) => message.info.id === messageID && hasText(message))) return;
    const model = prompt.model === null ? {} : { model: splitModel(prompt.model) };
    await this.#call((api) =>
      api.session.promptAsync({
        sessionID,
        messageID,
        parts: [{ type: 'text', text: prompt.text }],
        ...model,
        ...(prompt.agent === null ? {} : { agent: prompt.agent }),
        ...(prompt.system === null ? {} : { system: prompt.system }),
      }),
    );
  }

  async abort(conversationId: string): Promise<void> {
    await this.#call((api) => api.session.abort({ sessionID: conversationId }));
  }

  async openPermissions(directory: string): Promise<PermissionRequest[]> {
    return this.#call((api) => api.permission.list({ directory }));
  }

  async openQuestions(directory: string): Promise<QuestionRequest[]> {
    return this.#call((api) => api.question.list({ directory }));
  }

  async replyPermission(
    requestID: string,
    directory: string,
    reply: 'once' | 'reject',
    message?: string,
  ): Promise<void> {
    await this.#call((api) =>
      api.permission.reply({ requestID, directory, reply, ...(message === undefined ? {} : { message }) }),
    );
  }

  async replyQuestion(requestID: string, directory: string, answers: string[][]): Promise<void> {
    await this.#call((api) => api.question.reply({ requestID, directory, answers }));
  }

  async listConversations(limit: number): Promise<{ id: string; directory: string }[]> {
    // The other list has only the conversations of one directory.
    return this.#call((api) => api.experimental.session.list({ roots: true, limit }));
  }

  async forgetConversation(sessionID: string): Promise<void> {
    try {
      await this.#session(sessionID);
    } catch (error) {
      if (error instanceof OpenCodeError && error.status === 404) return;
      throw error;
    }
    await this.abort(sessionID);
    await this.#call((api) => api.session.delete({ sessionID }));
  }

  async releaseDirectory(directory: string): Promise<void> {
    await this.#call((api) => api.instance.dispose({ directory }));
  }

  async #session(sessionID: string): Promise<Session> {
    return this.#call((api) => api.session.get({ sessionID }));
  }

  /**
   * Repeats the call if the connection breaks, because the server is then being restarted. All calls are idempotent.
   */
  async #call<T>(call: (api: OpencodeClient) => Promise<ApiResult<T>>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const { data, error, response } = await call(this.#api(await this.#ready()));
      if (error === undefined && response?.ok) return data as T;
      const isEnded = error instanceof Error && ['TimeoutError', 'AbortError'].includes(error.name);
      if (response !== undefined || isEnded || attempt === MAX_ATTEMPTS) {
        throw new OpenCodeError(response?.status ?? 0, errorText(error));
      }
      await delay(RETRY_PAUSE_MS);
    }
  }

  async #ready(): Promise<ServerAddress> {
    return this.#server.ready(AbortSignal.timeout(RESTART_LIMIT_MS)).catch(() => {
      throw new OpenCodeError(0, `OpenCode did not restart within ${RESTART_LIMIT_MS / 1_000} s`);
    });
  }

  #api(address: ServerAddress): OpencodeClient {
    if (this.#client?.generation !== address.generation) {
      const { url: baseUrl, authorization } = address;
      const api = createOpencodeClient({ baseUrl, headers: { authorization }, fetch: fetchInTime });
      this.#client = { generation: address.generation, api };
    }
    return this.#client.api;
  }
}

async function fetchInTime(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const given = init.signal ?? (input instanceof Request ? input.signal : null);
  const limit = AbortSignal.timeout(CALL_LIMIT_MS);
  return fetch(input, { ...init, signal: given ? AbortSignal.any([given, limit]) : limit });
}

type ApiResult<T> = { data: T | undefined; error: unknown; response?: Response };

/** Why an MCP server cannot be used; null if it can. */
function problemOf(status: McpStatus | undefined): string | null {
  if (status?.status === 'needs_auth') return 'it needs a sign-in (opencode mcp auth)';
  return status && 'error' in status ? truncated(status.error, MAX_PROBLEM_CHARS) : null;
}

function splitModel(model: string): { providerID: string; modelID: string } {
  const slash = model.indexOf('/');
  return { providerID: model.slice(0, slash), modelID: model.slice(slash + 1) };
}

function errorText(error: unknown): string {
  const { data, message, name, _tag } = (error ?? {}) as Record<string, unknown>;
  const text = (data as { message?: unknown } | undefined)?.message ?? message ?? name ?? _tag;
  return typeof text === 'string' ? text : `OpenCode returned an error: ${JSON.stringify(error)}`;
}
