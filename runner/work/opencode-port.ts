import type {
  Event,
  Message,
  Part,
  PermissionRequest,
  PermissionRule,
  QuestionRequest,
} from '@opencode-ai/sdk/v2/client';

/** A message of a conversation with its parts, as OpenCode keeps them. */
export interface ConversationMessage {
  info: Message;
  parts: Part[];
}

/** A signal from the OpenCode server. */
export type OpenCodeSignal =
  | { type: 'event'; event: Event }
  /** Events arrive from now on. Earlier changes are visible only in the conversation, so reconcile with it. */
  | { type: 'connected'; generation: number }
  /** The server has exited and is being restarted. */
  | { type: 'down' };

/** OpenCode stores a message before its parts, so a kill in between leaves a prompt that has lost its text. */
export function hasText({ parts }: ConversationMessage): boolean {
  return parts.length > 0;
}

/** A prompt under an id that the runner chose, so that posting it twice has no effect. */
export interface Prompt {
  conversationId: string;
  messageId: string;
  text: string;
  model: string | null;
  agent: string | null;
  system: string | null;
}

/** An MCP server that OpenCode reaches by streamable HTTP. */
export interface RemoteMcpServer {
  name: string;
  url: string;
  /** The time limit of a call of a tool, in ms. */
  timeoutMs: number;
}

export interface NewConversation {
  directory: string;
  title: string;
  permissions: PermissionRule[];
}

/** An exported conversation, which the OpenCode server of another machine can import and continue. */
export interface ExportedConversation {
  format: string;
  bytes: Uint8Array;
  /** The parts before `bytes`, in order, if the conversation was exported in parts. */
  earlier?: readonly Uint8Array[];
}

/** What the exported parts of a conversation hold. */
export interface ConversationState {
  /** A digest of each message. */
  digests: readonly string[];
  /** The length of all parts. */
  bytes: number;
  /** The length of all parts' content. An import of the conversation unpacks all of them. */
  unpackedBytes: number;
  parts: number;
}

/** A conversation as of now. `same`: nothing has changed. `continuation`: it needs the parts before. */
export type ExportedPart =
  | { kind: 'same' }
  | { kind: 'continuation'; format: string; bytes: Uint8Array; state: ConversationState }
  /** `state` is null if no part can continue it. */
  | { kind: 'whole'; format: string; bytes: Uint8Array; state: ConversationState | null };

/**
 * The OpenCode API as the runner needs it. Every call waits while the server is being restarted.
 */
export interface OpenCodePort {
  /** @returns a function that ends the subscription */
  subscribe(listener: (signal: OpenCodeSignal) => void): () => void;
  /** The models that can be used now, as `provider/model`. */
  listModels(): Promise<string[]>;
  /** The agents that can be used in a directory, by name. */
  listAgents(directory: string): Promise<string[]>;
  /** The model for sessions that name none; null when no model can be used. */
  defaultModel(): Promise<string | null>;
  /** The names of the MCP servers of a directory to which OpenCode has not tried to connect since its last start. */
  waitingMcpServers(directory: string): Promise<string[]>;
  /** Connects to an MCP server, which can take minutes. @returns why it cannot be used, or null */
  connectMcpServer(directory: string, name: string, signal: AbortSignal): Promise<string | null>;
  /**
   * Adds a remote MCP server to those of a directory, until OpenCode's next start, and connects to it.
   * @returns why it cannot be used, or null
   */
  addMcpServer(directory: string, server: RemoteMcpServer): Promise<string | null>;
  /** Whether a directory is connected with an MCP server of this name. */
  hasMcpServer(directory: string, name: string): Promise<boolean>;
  createConversation(options: NewConversation): Promise<string>;
  /**
   * Imports a conversation that another server exported, into the directory of `options`.
   * @throws when this server cannot read the format
   */
  importConversation(exported: ExportedConversation, options: NewConversation): Promise<string>;
  /**
   * What is new in the conversation since the parts that were exported before. All of it if there are none, or a
   * transcript of its end when it is too large for a checkpoint.
   * @param maxParts the most parts of a conversation
   */
  exportConversation(conversationId: string, before: ConversationState | null, maxParts: number): Promise<ExportedPart>;
  messages(conversationId: string): Promise<ConversationMessage[]>;
  /** Conversations of sub-agents that this one started, at any depth. */
  subConversations(conversationId: string): Promise<string[]>;
  isBusy(conversationId: string): Promise<boolean>;
  /** Posts the prompt unless a message with its id exists and has its text; resolves before the turn begins. */
  prompt(prompt: Prompt): Promise<void>;
  abort(conversationId: string): Promise<void>;
  openPermissions(directory: string): Promise<PermissionRequest[]>;
  openQuestions(directory: string): Promise<QuestionRequest[]>;
  /** Never `always`: OpenCode would apply it to every conversation of the directory. */
  replyPermission(requestId: string, directory: string, reply: 'once' | 'reject', message?: string): Promise<void>;
  replyQuestion(requestId: string, directory: string, answers: string[][]): Promise<void>;
  /** The conversations of all directories, without those of sub-agents; the newest first. */
  listConversations(limit: number): Promise<{ id: string; directory: string }[]>;
  /** Deletes a conversation and those of its sub-agents, if it exists. */
  forgetConversation(conversationId: string): Promise<void>;
  /** Frees the server's memory for a directory that is about to be removed. */
  releaseDirectory(directory: string): Promise<void>;
}
