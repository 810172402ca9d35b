import type { Event, PermissionRequest, QuestionRequest } from '@opencode-ai/sdk/v2/client';
import type { Command } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { OpenCodePort } from './opencode-port.ts';

type Reply = Extract<Command, { type: 'approval_reply' }>['data'];
type AskData = Extract<AgentFrameBody, { type: 'approval.asked' }>['data'];

/** A rejection without words would end OpenCode's run; with words the model goes on and can do something else. */
const REJECTED = 'This was not allowed. Go on without it, or end with what is done and say what is missing.';
const UNANSWERED = 'Nobody answers. Decide by yourself what is best, and say what you assumed.';
const MAX_DETAIL_CHARS = 16_384;
const MAX_TITLE_CHARS = 500;
const MAX_QUESTION_CHARS = 4_000;
const MAX_PATTERNS = 100;
const MAX_PATTERN_CHARS = 65_536;

/**
 * What the agent waits for: reported when it asks, answered when a reply comes, withdrawn when the run that asked is
 * gone. Knows which answers were ours, so that an answer by anyone else shows.
 */
export class Approvals {
  readonly #coding: OpenCodePort;
  readonly #directory: string;
  readonly #report: (frame: AgentFrameBody) => void;
  readonly #open = new Map<string, { kind: 'permission' | 'question'; conversationId: string; request: unknown }>();
  readonly #answered = new Set<string>();
  /** Conversations in which we rejected: OpenCode then rejects whatever else is open there. */
  readonly #rejectedIn = new Set<string>();

  constructor(coding: OpenCodePort, directory: string, report: (frame: AgentFrameBody) => void) {
    this.#coding = coding;
    this.#directory = directory;
    this.#report = report;
  }

  permissionAsked(request: PermissionRequest): void {
    if (this.#isKnown(request.id)) return;
    this.#open.set(request.id, { kind: 'permission', conversationId: request.sessionID, request });
    this.#report({ type: 'approval.asked', data: permissionAsk(request) });
  }

  questionAsked(request: QuestionRequest): void {
    if (this.#isKnown(request.id)) return;
    this.#open.set(request.id, { kind: 'question', conversationId: request.sessionID, request });
    this.#report({
      type: 'approval.asked',
      data: {
        request_id: request.id,
        kind: 'question',
        title: cut(request.questions[0]?.question ?? 'A question', MAX_TITLE_CHARS),
        permission: null,
        patterns: [],
        always: [],
        questions: request.questions.map(({ question, header, options, multiple }) => ({
          question: cut(question, MAX_QUESTION_CHARS),
          header: cut(header, MAX_TITLE_CHARS),
          options: options.map(({ label, description }) => ({ label, description: cut(description, MAX_TITLE_CHARS) })),
          multiple: multiple ?? false,
        })),
        detail: {},
      },
    });
  }

  /** Answers; a request that no longer waits is passed over, since its withdrawal was reported. */
  async reply(reply: Reply): Promise<void> {
    const open = this.#open.get(reply.request_id);
    if (open === undefined) return;
    this.#answered.add(reply.request_id);
    this.#open.delete(reply.request_id);
    if (open.kind === 'question') {
      return this.#coding.replyQuestion(reply.request_id, this.#directory, answersFor(open.request, reply));
    }
    if (reply.decision !== 'reject') return this.#coding.replyPermission(reply.request_id, this.#directory, 'once');
    this.#rejectedIn.add(open.conversationId);
    await this.#coding.replyPermission(reply.request_id, this.#directory, 'reject', reply.message ?? REJECTED);
  }

  /** Looks at an answer that OpenCode tells of; true when it was not ours. */
  isForeignAnswer(event: Event): boolean {
    if (event.type === 'permission.replied') {
      const { requestID, sessionID, reply } = event.properties;
      if (this.#answered.has(requestID)) return false;
      if (reply !== 'reject' || !this.#rejectedIn.has(sessionID)) return true;
      this.#withdraw(requestID, 'rejected together with another request');
      return false;
    }
    const isAnswer = event.type === 'question.replied' || event.type === 'question.rejected';
    return isAnswer && !this.#answered.has(event.properties.requestID);
  }

  /** The run that asked is gone, and OpenCode would keep its requests for ever. */
  withdrawAll(reason: string): void {
    for (const id of [...this.#open.keys()]) this.#withdraw(id, reason);
  }

  #withdraw(requestId: string, reason: string): void {
    if (!this.#open.delete(requestId)) return;
    this.#answered.add(requestId);
    this.#report({ type: 'approval.withdrawn', data: { request_id: requestId, reason } });
  }

  #isKnown(requestId: string): boolean {
    return this.#open.has(requestId) || this.#answered.has(requestId);
  }
}

/** A question is always answered: dismissing it would end OpenCode's run. */
function answersFor(request: unknown, reply: Reply): string[][] {
  const { questions } = request as QuestionRequest;
  if (reply.decision === 'reject') return questions.map(() => [reply.message ?? UNANSWERED]);
  return questions.map(({ options }, index) => {
    const chosen = reply.answers?.[index] ?? [];
    if (chosen.length > 0) return chosen;
    return [reply.message ?? options[0]?.label ?? UNANSWERED];
  });
}

/**
 * A permission's request as it is shown. Whoever answers `always` allows the patterns that stand here, and is asked
 * again for what is not covered by them: so they are all here, or none of them. What stands in their place is covered
 * by no rule but one for everything, and holds a wildcard, so that no rule is made of it.
 */
export function permissionAsk(request: PermissionRequest): AskData {
  const { permission } = request;
  const detail = boundedDetail(request.metadata);
  const [patterns, always] = [request.patterns, request.always];
  const isShown =
    Math.max(patterns.length, always.length) <= MAX_PATTERNS &&
    [...patterns, ...always].join('').length <= MAX_PATTERN_CHARS;
  const base = { request_id: request.id, kind: 'permission' as const, permission, questions: [] };
  if (isShown) {
    const title = cut(`${permission}: ${patterns.join(', ')}`, MAX_TITLE_CHARS);
    return { ...base, title, patterns, always, detail };
  }
  const instead = `* ${patterns.length} patterns, too large to be shown`;
  return {
    ...base,
    title: cut(
      `${permission}: ${patterns.length} patterns, too large to be shown; each time it is asked again`,
      MAX_TITLE_CHARS,
    ),
    patterns: [instead],
    always: [],
    detail: { ...detail, patterns_omitted: patterns.length },
  };
}

function cut(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars - 1)}…`;
}

function boundedDetail(metadata: Record<string, unknown>): Record<string, unknown> {
  const text = JSON.stringify(metadata);
  return text.length <= MAX_DETAIL_CHARS ? metadata : { beginning: text.slice(0, MAX_DETAIL_CHARS) };
}
