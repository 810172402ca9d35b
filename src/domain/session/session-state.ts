import type { Delivery, SessionStatus } from '../../protocol/common/enums.ts';
import type { AgentEventBody, ToolState } from '../../protocol/events/agent.ts';
import type { SessionEvent } from '../../protocol/events/envelope.ts';
import type { ApprovalView } from '../../protocol/session/approval.ts';
import type { CheckpointView } from '../../protocol/session/checkpoint.ts';
import type { SessionError, Usage } from '../../protocol/session/session.ts';
import { addUsage, NO_USAGE } from './usage.ts';

/**
 * The fold that turns a session's log into what there is to see. The server keeps it as the base under a trimmed log,
 * and every client computes the same one, so a client that resumed, one that was sent a snapshot, and the server agree.
 */
export type TranscriptItem =
  | { kind: 'prompt'; id: string; seq: number; number: number; text: string; delivery: Delivery; by: string }
  | { kind: 'text' | 'reasoning'; id: string; seq: number; text: string; done: boolean }
  | {
      kind: 'tool';
      id: string;
      seq: number;
      tool: string;
      state: ToolState;
      title: string;
      input: Record<string, unknown>;
      output: string;
      error: string | null;
      truncated: boolean;
    }
  | { kind: 'file'; id: string; seq: number; path: string }
  | { kind: 'retry'; id: string; seq: number; attempt: number; message: string }
  | { kind: 'note'; id: string; seq: number; level: 'info' | 'warning' | 'error'; text: string }
  | { kind: 'status'; id: string; seq: number; from: SessionStatus; to: SessionStatus; reason: string };

export interface SessionState {
  /** The log up to here is in this state. */
  seq: number;
  title: string;
  status: SessionStatus;
  requested_action: 'pause' | 'stop' | null;
  agent: { id: string; name: string; epoch: number } | null;
  model: string | null;
  transcript: TranscriptItem[];
  /** Items that the bounds have dropped from the transcript's beginning. */
  dropped_items: number;
  todo: { content: string; status: string }[];
  approvals: ApprovalView[];
  checkpoints: CheckpointView[];
  usage: Usage;
  result: Record<string, unknown> | null;
  error: SessionError | null;
}

export const MAX_TRANSCRIPT_ITEMS = 5_000;
/** Of all transcript text, in UTF-16 units. */
const MAX_TRANSCRIPT_CHARS = 4_000_000;
const MAX_LISTED = 100;

export function emptyState(): SessionState {
  return {
    seq: 0,
    title: '',
    status: 'pending',
    requested_action: null,
    agent: null,
    model: null,
    transcript: [],
    dropped_items: 0,
    todo: [],
    approvals: [],
    checkpoints: [],
    usage: NO_USAGE,
    result: null,
    error: null,
  };
}

/**
 * Applies events in the order of the log. An event whose range has been applied already changes nothing; a compacted
 * run that reaches beyond what was applied brings exactly the rest. The given state is not changed.
 */
export function applyEvents(state: SessionState, events: readonly SessionEvent[]): SessionState {
  const fresh = events.filter((event) => event.seq > state.seq);
  if (fresh.length === 0) return state;
  const transcript = [...state.transcript];
  const draft: Draft = { ...state, transcript, chars: transcript.reduce((sum, item) => sum + sizeOf(item), 0) };
  for (const event of fresh) {
    apply(draft, event);
    draft.seq = event.seq;
    // After each event: what is dropped must not depend on how events were batched.
    bound(draft);
  }
  const { chars: _, ...next } = draft;
  return next;
}

/** A state that is being changed. */
interface Draft extends SessionState {
  /** Of all transcript text. */
  chars: number;
}

function apply(state: Draft, event: SessionEvent): void {
  switch (event.type) {
    case 'session.created':
      state.title = event.data.title;
      return;
    case 'session.updated':
      if (event.data.title !== undefined) state.title = event.data.title;
      return;
    case 'session.status':
      applyStatus(state, event);
      return;
    case 'session.action_requested':
      state.requested_action = event.data.action;
      return;
    case 'lease.granted':
      state.agent = { id: event.data.agent_id, name: event.data.agent_name, epoch: event.data.epoch };
      return;
    case 'lease.ended':
      state.agent = null;
      if (event.data.message) {
        add(state, {
          kind: 'note',
          id: `note-${event.seq}`,
          seq: event.seq,
          level: 'warning',
          text: event.data.message,
        });
      }
      for (const item of openParts(state)) item.done = true;
      return;
    case 'message.added': {
      const { number, text, delivery, by } = event.data;
      add(state, { kind: 'prompt', id: `prompt-${number}`, seq: event.seq, number, text, delivery, by });
      return;
    }
    case 'approval.asked':
      state.approvals = [...state.approvals, event.data.approval].slice(-MAX_LISTED);
      return;
    case 'approval.answered': {
      const { approval_id, decision, message, answers, by, expired } = event.data;
      const answer = { decision, by, at: event.at, ...(message && { message }), ...(answers && { answers }) };
      replaceApproval(state, approval_id, { status: expired ? 'expired' : 'answered', answer });
      return;
    }
    case 'approval.withdrawn':
      replaceApproval(state, event.data.approval_id, { status: 'withdrawn' });
      return;
    case 'checkpoint.created':
      state.checkpoints = [...state.checkpoints, event.data.checkpoint].slice(-MAX_LISTED);
      return;
    case 'task.status':
    case 'lease.extended':
    case 'frame.rejected':
      return;
    default:
      applyAgentEvent(state, event);
  }
}

type At<E> = E & { from_seq: number; seq: number };

function applyStatus(state: Draft, event: Extract<SessionEvent, { type: 'session.status' }>): void {
  const { from, to, reason, result, error } = event.data;
  state.status = to;
  state.result = result ?? null;
  state.error = error ?? null;
  add(state, { kind: 'status', id: `status-${event.seq}`, seq: event.seq, from, to, reason });
}

function applyAgentEvent(state: Draft, event: At<AgentEventBody>): void {
  const { seq } = event;
  switch (event.type) {
    case 'turn.started':
      state.model = event.data.model ?? state.model;
      return;
    case 'text.delta':
    case 'reasoning.delta':
      applyText(state, event);
      return;
    case 'part.completed':
      for (const item of openParts(state)) if (item.id === event.data.part_id) item.done = true;
      return;
    case 'tool':
      applyTool(state, event);
      return;
    case 'file.edited':
      add(state, { kind: 'file', id: `file-${seq}`, seq, path: event.data.path });
      return;
    case 'todo':
      state.todo = event.data.items;
      return;
    case 'usage':
      state.usage = addUsage(state.usage, event.data);
      // A turn that names no model takes the agent's own, and only then is it known which that is.
      if (!event.data.sub_agent) state.model = event.data.model ?? state.model;
      return;
    case 'model.retry':
      add(state, { kind: 'retry', id: `retry-${seq}`, seq, attempt: event.data.attempt, message: event.data.message });
      return;
    case 'agent.note':
      add(state, { kind: 'note', id: `note-${seq}`, seq, level: event.data.level, text: event.data.text });
      return;
    case 'turn.completed':
      return;
  }
}

/** An increment says how much came before it: what is there beyond that is the same text again. */
function applyText(state: Draft, event: At<Extract<AgentEventBody, { type: 'text.delta' | 'reasoning.delta' }>>): void {
  const { part_id, offset, text } = event.data;
  const kind = event.type === 'text.delta' ? 'text' : 'reasoning';
  const index = indexOf(state, part_id);
  const known = state.transcript[index];
  if (known && (known.kind === 'text' || known.kind === 'reasoning')) {
    replace(state, index, { ...known, text: upTo(known.text, offset) + text });
  } else add(state, { kind, id: part_id, seq: event.from_seq, text: upTo('', offset) + text, done: false });
}

function applyTool(state: Draft, event: At<Extract<AgentEventBody, { type: 'tool' }>>): void {
  const { message_id, call_id, tool, state: toolState, title, input, output, error, truncated } = event.data;
  // Some models number their calls anew in each answer.
  const id = `${message_id}/${call_id}`;
  const index = indexOf(state, id);
  const known = state.transcript[index];
  const before = known?.kind === 'tool' ? known : null;
  const item: TranscriptItem = {
    kind: 'tool',
    id,
    seq: before?.seq ?? event.seq,
    tool,
    state: toolState,
    title: title ?? before?.title ?? '',
    input: input ?? before?.input ?? {},
    output: output ?? before?.output ?? '',
    error: error ?? before?.error ?? null,
    truncated: truncated ?? before?.truncated ?? false,
  };
  if (before) replace(state, index, item);
  else add(state, item);
}

/** What came before an increment. What of it was lost on the way shows as lost, so that every place stays its own. */
function upTo(text: string, offset: number): string {
  return text.slice(0, offset).padEnd(offset, '\u{fffd}');
}

function add(state: Draft, item: TranscriptItem): void {
  state.transcript.push(item);
  state.chars += sizeOf(item);
}

function replace(state: Draft, index: number, item: TranscriptItem): void {
  state.chars += sizeOf(item) - sizeOf(state.transcript[index]!);
  state.transcript[index] = item;
}

/** What changes is nearly always near the end. */
function indexOf(state: Draft, id: string): number {
  return state.transcript.findLastIndex((item) => item.id === id);
}

function* openParts(state: Draft): Generator<Extract<TranscriptItem, { kind: 'text' | 'reasoning' }>> {
  for (const [index, item] of state.transcript.entries()) {
    if ((item.kind === 'text' || item.kind === 'reasoning') && !item.done) {
      const copy = { ...item };
      state.transcript[index] = copy;
      yield copy;
    }
  }
}

function replaceApproval(state: Draft, id: string, change: Partial<ApprovalView>): void {
  state.approvals = state.approvals.map((approval) => (approval.id === id ? { ...approval, ...change } : approval));
}

/** Drops the oldest items beyond the bounds; the newest stays, whatever its size. */
function bound(state: Draft): void {
  let drop = 0;
  for (; drop < state.transcript.length - 1; drop++) {
    if (state.transcript.length - drop <= MAX_TRANSCRIPT_ITEMS && state.chars <= MAX_TRANSCRIPT_CHARS) break;
    state.chars -= sizeOf(state.transcript[drop]!);
  }
  if (drop > 0) state.transcript.splice(0, drop);
  state.dropped_items += drop;
}

function sizeOf(item: TranscriptItem): number {
  switch (item.kind) {
    case 'prompt':
    case 'text':
    case 'reasoning':
    case 'note':
      return item.text.length;
    case 'tool':
      return item.output.length + item.title.length + (item.error?.length ?? 0) + inputSize(item.input);
    default:
      return 100;
  }
}

/** Inputs are replaced, never changed, so each is measured once. */
const inputSizes = new WeakMap<object, number>();

function inputSize(input: Record<string, unknown>): number {
  const known = inputSizes.get(input);
  if (known !== undefined) return known;
  const size = JSON.stringify(input).length;
  inputSizes.set(input, size);
  return size;
}
