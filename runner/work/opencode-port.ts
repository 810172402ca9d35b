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

/** What the coding server tells as it happens. */
export type OpenCodeSignal =
  | { type: 'event'; event: Event }
  /** Events flow (again). Whatever happened before is only in the conversation: reconcile. */
  | { type: 'connected'; generation: number }
  /** The server is gone; it is being started again. */
  | { type: 'down' };

/** A prompt to be posted under an id of our own, so that posting it twice does nothing. */
export interface Prompt {
  conversationId: string;
  messageId: string;
  text: string;
  model: string | null;
  agent: string | null;
  system: string | null;
}

export interface NewConversation {
  directory: string;
  title: string;
  permissions: PermissionRule[];
}

/** A conversation in a form that another machine's server can go on from. */
export interface CarriedConversation {
  format: string;
  bytes: Uint8Array;
}

/**
 * The coding agent as the runner needs it. Every call waits while the server is being restarted and rejects when
 * `signal`, where one is taken, aborts.
 */
export interface OpenCodePort {
  /** Calls back for every signal until the returned function is called. */
  subscribe(listener: (signal: OpenCodeSignal) => void): () => void;
  /** `provider/model` ids that can be used now. */
  listModels(): Promise<string[]>;
  /** The model used when a session names none; null when there is none to use. */
  defaultModel(): Promise<string | null>;
  createConversation(options: NewConversation): Promise<string>;
  /**
   * Takes over a conversation that another server exported, in this directory.
   * @throws when its format is not this server's
   */
  importConversation(carried: CarriedConversation, options: NewConversation): Promise<string>;
  /** The whole conversation, or a transcript of its end when it is too large to be carried. */
  exportConversation(conversationId: string): Promise<CarriedConversation>;
  messages(conversationId: string): Promise<ConversationMessage[]>;
  /** Conversations of sub-agents that this one started, at any depth. */
  subConversations(conversationId: string): Promise<string[]>;
  isBusy(conversationId: string): Promise<boolean>;
  /** Posts the prompt unless a message with its id is there; returns before the turn begins. */
  prompt(prompt: Prompt): Promise<void>;
  abort(conversationId: string): Promise<void>;
  openPermissions(directory: string): Promise<PermissionRequest[]>;
  openQuestions(directory: string): Promise<QuestionRequest[]>;
  /** Never `always`: OpenCode would apply it to every conversation of the directory. */
  replyPermission(requestId: string, directory: string, reply: 'once' | 'reject', message?: string): Promise<void>;
  replyQuestion(requestId: string, directory: string, answers: string[][]): Promise<void>;
  /** Deletes a conversation and those of its sub-agents; one that is not there is fine. */
  forgetConversation(conversationId: string): Promise<void>;
  /** Forgets what the server holds in memory for a directory that is about to be removed. */
  releaseDirectory(directory: string): Promise<void>;
}
