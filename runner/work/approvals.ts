import type { Event, PermissionRequest, QuestionRequest } from '@opencode-ai/sdk/v2/client';
import { truncated } from '../../src/protocol/common/text.ts';
import { MAX_TITLE_CHARS } from '../../src/protocol/events/agent.ts';
import type { Command } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { OpenCodePort } from './opencode-port.ts';

type Reply = Extract<Command, { type: 'approval_reply' }>['data'];
type AskData = Extract<AgentFrameBody, { type: 'approval.asked' }>['data'];

/** OpenCode ends the run at a rejection without a message. With one, the model continues and can try something else. */
const REJECTED = 'This was not allowed. Continue without it, or finish and say what is missing.';
const UNANSWERED = 'Nobody answered. Decide yourself what is best, and say what you assumed.';
const MAX_DETAIL_CHARS = 16_384;
const MAX_QUESTION_CHARS = 4_000;
const MAX_PATTERNS = 100;
const MAX_PATTERN_CHARS = 65_536;

/**
 * Permission requests and questions of one conversation. Reports each one when OpenCode asks, passes replies on, and
 * withdraws open ones when the run that asked has ended. Remembers which replies the orchestrator sent, so that a reply
 * from anyone else is detected.
 */
export class Approvals {
  readonly #opencode: OpenCodePort;
  readonly #directory: string;
  readonly #report: (frame: AgentFrameBody) => void;
  /** How to pass a reply to OpenCode, by the id of the open request. */
  readonly #open = new Map<string, (reply: Reply) => Promise<void>>();
  readonly #settled = new Set<string>();
  /**
   * Conversations with a rejected request: OpenCode then rejects all other open requests of the conversation.
   */
  readonly #rejectedIn = new Set<string>();

  constructor(opencode: OpenCodePort, directory: string, report: (frame: AgentFrameBody) => void) {
    this.#opencode = opencode;
    this.#directory = directory;
    this.#report = report;
  }

  permissionAsked(request: PermissionRequest): void {
    if (this.#isKnown(request.id)) return;
    this.#open.set(request.id, (reply) => this.#replyToPermission(request, reply));
    this.#report({ type: 'approval.asked', data: permissionAsk(request, this.#directory) });
  }

  questionAsked(request: QuestionRequest): void {
    if (this.#isKnown(request.id)) return;
    this.#open.set(request.id, (reply) =>
      this.#opencode.replyQuestion(request.id, this.#directory, answersFor(request, reply)),
    );
    this.#report({
      type: 'approval.asked',
      data: {
        ask_id: request.id,
        kind: 'question',
        title: truncated(request.questions[0]?.question ?? 'A question', MAX_TITLE_CHARS),
        permission: null,
        patterns: [],
        always: [],
        questions: request.questions.map(({ question, header, options, multiple }) => ({
          question: truncated(question, MAX_QUESTION_CHARS),
          header: truncated(header, MAX_TITLE_CHARS),
          options: options.map(({ label, description }) => ({
            label,
            description: truncated(description, MAX_TITLE_CHARS),
          })),
          multiple: multiple ?? false,
        })),
        detail: {},
      },
    });
  }

  /** Passes a reply to OpenCode. A reply to a request that is not open is ignored: its withdrawal was reported. */
  async reply(reply: Reply): Promise<void> {
    const passOn = this.#open.get(reply.ask_id);
    if (passOn === undefined) return;
    this.#settled.add(reply.ask_id);
    this.#open.delete(reply.ask_id);
    await passOn(reply);
  }

  async #replyToPermission({ id, sessionID }: PermissionRequest, { decision, message }: Reply): Promise<void> {
    if (decision !== 'reject') return this.#opencode.replyPermission(id, this.#directory, 'once');
    this.#rejectedIn.add(sessionID);
    await this.#opencode.replyPermission(id, this.#directory, 'reject', message ?? REJECTED);
  }

  /** Whether the event is a reply that the orchestrator did not send. */
  isForeignReply(event: Event): boolean {
    if (event.type === 'permission.replied') {
      const { requestID, sessionID, reply } = event.properties;
      if (this.#settled.has(requestID)) return false;
      if (reply !== 'reject' || !this.#rejectedIn.has(sessionID)) return true;
      this.#withdraw(requestID, 'rejected together with another request');
      return false;
    }
    const isAnswer = event.type === 'question.replied' || event.type === 'question.rejected';
    return isAnswer && !this.#settled.has(event.properties.requestID);
  }

  /** Withdraws every open request, after the run that asked has ended: OpenCode itself would keep them. */
  withdrawAll(reason: string): void {
    for (const id of [...this.#open.keys()]) this.#withdraw(id, reason);
  }

  #withdraw(askId: string, reason: string): void {
    if (!this.#open.delete(askId)) return;
    this.#settled.add(askId);
    this.#report({ type: 'approval.withdrawn', data: { ask_id: askId, reason } });
  }

  #isKnown(askId: string): boolean {
    return this.#open.has(askId) || this.#settled.has(askId);
  }
}

/** A rejected question gets an answer too, because OpenCode ends the run when a question is dismissed. */
function answersFor({ questions }: QuestionRequest, reply: Reply): string[][] {
  if (reply.decision === 'reject') return questions.map(() => [reply.message ?? UNANSWERED]);
  return questions.map(({ options }, index) => {
    const chosen = reply.answers?.[index] ?? [];
    if (chosen.length > 0) return chosen;
    return [reply.message ?? options[0]?.label ?? UNANSWERED];
  });
}

/**
 * A permission request as people see it. An `always` answer allows exactly the patterns in the request, so the request
 * holds either all patterns or none. If they are too large, one placeholder replaces them. Only a rule for everything
 * matches the placeholder, and its wildcard keeps it from becoming a rule itself.
 *
 * @param directory paths inside this directory are shown relative to it
 */
export function permissionAsk(request: PermissionRequest, directory: string): AskData {
  const { permission } = request;
  const detail = truncatedDetail(withPathsInside(directory, request.metadata));
  const [patterns, always] = [request.patterns, request.always];
  const fits =
    Math.max(patterns.length, always.length) <= MAX_PATTERNS &&
    [...patterns, ...always].join('').length <= MAX_PATTERN_CHARS;
  const base = { ask_id: request.id, kind: 'permission' as const, permission, questions: [] };
  if (fits) {
    const title = truncated(`${permission}: ${patterns.join(', ')}`, MAX_TITLE_CHARS);
    return { ...base, title, patterns, always, detail };
  }
  const placeholder = `* ${patterns.length} patterns, too large to be shown`;
  return {
    ...base,
    title: truncated(
      `${permission}: ${patterns.length} patterns, too large to be shown; "always" covers only this request`,
      MAX_TITLE_CHARS,
    ),
    patterns: [placeholder],
    always: [],
    detail: { ...detail, patterns_omitted: patterns.length },
  };
}

/** OpenCode names a file by its absolute path in `filepath`, and in the head of a diff. */
function withPathsInside(directory: string, metadata: Record<string, unknown>): Record<string, unknown> {
  const { filepath, diff } = metadata;
  const inside = { ...metadata };
  const headInside = (file: string) => {
    const end = file.search(/^@@/m);
    const head = end < 0 ? file : file.slice(0, end);
    return head.replaceAll(` ${directory}/`, ' ') + file.slice(head.length);
  };
  if (typeof filepath === 'string' && filepath.startsWith(`${directory}/`))
    inside.filepath = filepath.slice(directory.length + 1);
  if (typeof diff === 'string')
    inside.diff = diff
      .split(/^(?=Index: )/m)
      .map(headInside)
      .join('');
  return inside;
}

function truncatedDetail(metadata: Record<string, unknown>): Record<string, unknown> {
  const text = JSON.stringify(metadata);
  return text.length <= MAX_DETAIL_CHARS ? metadata : { beginning: truncated(text, MAX_DETAIL_CHARS) };
}
