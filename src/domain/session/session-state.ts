import { IMPLICIT_TASK } from '../../protocol/common/task-number.ts';
import type { AgentEventBody } from '../../protocol/events/agent.ts';
import type { EventPosition, SessionEvent } from '../../protocol/events/envelope.ts';
import type { ApprovalView } from '../../protocol/session/approval.ts';
import type { SessionState, TaskState } from '../../protocol/session/session-state.ts';
import { conflictText } from './conflict-text.ts';
import { decompositionText } from './decomposition-text.ts';
import { deliveryRequestText, deliveryText } from './delivery-text.ts';
import { jsonSize, TranscriptDraft } from './transcript.ts';
import { addUsage, NO_USAGE } from './usage.ts';

/**
 * The fold of a session's log. Events of different tasks do not affect each other: each task folds as if it were alone,
 * until a limit drops items.
 */
export type { SessionState, TaskState };

/** The number of the newest approvals, and of the newest checkpoints, that the state lists. */
export const MAX_LISTED = 100;
/** The limit for the JSON of all approvals together, in UTF-16 code units. */
const MAX_APPROVAL_CHARS = 2_000_000;
/** The limit for the to-do lists of all tasks together, in UTF-16 code units. */
const MAX_TODO_CHARS = 500_000;

export function emptyState(): SessionState {
  return {
    seq: 0,
    title: '',
    status: 'pending',
    requested_action: null,
    result: null,
    error: null,
    transcript: [],
    dropped_items: 0,
    approvals: [],
    checkpoints: [],
    usage: NO_USAGE,
    tasks: {},
  };
}

/**
 * Applies events in the order of the log. An event whose range was applied already changes nothing. A joined event that
 * was applied in part adds exactly the rest. The given state is not changed.
 */
export function applyEvents(state: SessionState, events: readonly SessionEvent[]): SessionState {
  const fresh = events.filter((event) => event.seq > state.seq);
  if (fresh.length === 0) return state;
  const draft: Draft = { ...state, tasks: { ...state.tasks } };
  const transcript = new TranscriptDraft(state.transcript, state.dropped_items);
  for (const event of fresh) {
    apply(draft, transcript, event);
    draft.seq = event.seq;
    // Done after each event, so that the dropped items do not depend on how events were batched.
    transcript.bound();
  }
  const { items, dropped } = transcript.finish();
  return { ...draft, transcript: items, dropped_items: dropped };
}

type Draft = Omit<SessionState, 'transcript' | 'dropped_items'>;

function apply(state: Draft, transcript: TranscriptDraft, event: SessionEvent): void {
  const { seq, task, at } = event;
  switch (event.type) {
    case 'session.created':
      state.title = event.data.title;
      return;
    case 'session.updated':
      state.title = event.data.title ?? state.title;
      return;
    case 'session.status': {
      const { from, to, reason, result, error } = event.data;
      Object.assign(state, { status: to, result: result ?? null, error: error ?? null });
      return transcript.add({ kind: 'status', id: `status-${seq}`, task, seq, at, from, to, reason });
    }
    case 'session.action_requested':
      state.requested_action = event.data.action;
      return;
    case 'message.added': {
      const { number, text, delivery, by } = event.data;
      const prompt = taskOf(state, task).prompt ?? (task === IMPLICIT_TASK ? 1 : number);
      updateTask(state, task, { prompt });
      return transcript.add({ kind: 'prompt', id: `prompt-${number}`, task, seq, at, number, text, delivery, by });
    }
    case 'task.status':
      return updateTask(state, task, { status: event.data.to });
    case 'lease.granted': {
      const { agent_id, agent_name, epoch } = event.data;
      return updateTask(state, task, { agent: { id: agent_id, name: agent_name, epoch } });
    }
    case 'lease.ended': {
      updateTask(state, task, { agent: null });
      const { message: text } = event.data;
      if (text) transcript.add({ kind: 'note', id: `note-${seq}`, task, seq, at, level: 'warning', text });
      return transcript.cutOff(task, at);
    }
    case 'task.rated': {
      const { agent_name, quality, comment, by } = event.data;
      const said = { agent_name, quality, ...(comment !== undefined && { comment }), by };
      return transcript.add({ kind: 'rating', id: `rating-${seq}`, task, seq, at, ...said });
    }
    case 'task.strayed':
    case 'task.conflict_risk':
      return transcript.add({
        kind: 'note',
        id: `note-${seq}`,
        task,
        seq,
        at,
        level: 'warning',
        text: editRemark(event),
      });
    case 'checkpoint.created':
      state.checkpoints = [...state.checkpoints, event.data.checkpoint].slice(-MAX_LISTED);
      return;
    case 'approval.asked':
      state.approvals = boundApprovals([...state.approvals, event.data.approval]);
      return;
    case 'approval.answered': {
      const { approval_id, decision, message, answers, by, expired } = event.data;
      const answer = { decision, by, at: event.at, ...(message && { message }), ...(answers && { answers }) };
      return updateApproval(state, approval_id, { status: expired ? 'expired' : 'answered', answer });
    }
    case 'approval.extended':
      return updateApproval(state, event.data.approval_id, { expires_at: event.data.expires_at });
    case 'approval.withdrawn':
      return updateApproval(state, event.data.approval_id, { status: 'withdrawn' });
    case 'task.conflict': {
      const text = conflictText(event.data);
      return transcript.add({ kind: 'note', id: `note-${seq}`, task, seq, at, level: 'warning', text });
    }
    case 'task.decomposition': {
      updateTask(state, task, { decomposition: event.data });
      const level = event.data.reason === null ? 'info' : 'warning';
      const text = decompositionText(event.data);
      return transcript.add({ kind: 'note', id: `note-${seq}`, task, seq, at, level, text });
    }
    case 'graph.changed':
      for (const number of event.data.removed ?? []) delete state.tasks[number];
      for (const { number, title, parent, depends_on } of event.data.tasks) {
        updateTask(state, number, { title, parent, depends_on: depends_on.map((dependency) => dependency.task) });
      }
      return;
    case 'delivery.requested': {
      const text = deliveryRequestText(event.data);
      return transcript.add({ kind: 'note', id: `note-${seq}`, task, seq, at, level: 'info', text });
    }
    case 'lease.extended':
    case 'frame.rejected':
      return;
    default:
      return applyAgentEvent(state, transcript, event);
  }
}

/** Why an edit of a file may be a mistake, in words. */
export function editRemark({
  type,
  data,
}: Extract<SessionEvent, { type: 'task.strayed' | 'task.conflict_risk' }>): string {
  if (type === 'task.strayed') return `${data.path} is not among the files that the task is expected to change.`;
  return `${data.path} was also changed by “${data.title}”, at the same time.`;
}

function applyAgentEvent(state: Draft, transcript: TranscriptDraft, event: EventPosition & AgentEventBody): void {
  const { seq, task, at } = event;
  switch (event.type) {
    case 'turn.started':
      transcript.cutOff(task, at);
      return noteModel(state, task, event.data.model);
    case 'text.delta':
    case 'reasoning.delta':
      return transcript.addText(event);
    case 'part.completed':
      return transcript.closePart(task, event.data.part_id);
    case 'tool':
      return transcript.addTool(event);
    case 'tool.output':
      return transcript.addToolOutput(event);
    case 'file.edited':
      return transcript.add({ kind: 'file', id: `file-${seq}`, task, seq, at, path: event.data.path });
    case 'todo':
      updateTask(state, task, { todo: event.data.items });
      return boundTodos(state, task);
    case 'usage':
      state.usage = addUsage(state.usage, event.data);
      updateTask(state, task, { usage: addUsage(taskOf(state, task).usage, event.data) });
      // A turn that names no model uses the agent's default model, which only the usage event names.
      if (!event.data.sub_agent) noteModel(state, task, event.data.model);
      return;
    case 'model.retry': {
      const { attempt, message } = event.data;
      const next = retryTime(event);
      const when = next && { next_at: next };
      return transcript.add({ kind: 'retry', id: `retry-${seq}`, task, seq, at, attempt, message, ...when });
    }
    case 'agent.note': {
      const { level, text } = event.data;
      return transcript.add({ kind: 'note', id: `note-${seq}`, task, seq, at, level, text });
    }
    case 'check.started':
      return transcript.addCheck(event);
    case 'check.ended':
      return transcript.endCheck(event);
    case 'delivery': {
      const level = event.data.state === 'delivered' ? 'info' : 'error';
      return transcript.add({ kind: 'note', id: `note-${seq}`, task, seq, at, level, text: deliveryText(event.data) });
    }
    case 'turn.completed':
      return;
  }
}

/** When the agent will repeat a failed model call (ISO 8601); null if that is unknown. */
export function retryTime({ at, data }: Extract<SessionEvent, { type: 'model.retry' }>): string | null {
  return data.next_in_ms === null ? null : new Date(Date.parse(at) + data.next_in_ms).toISOString();
}

const NEW_TASK: TaskState = { status: 'pending', agent: null, model: null, todo: [], usage: NO_USAGE };

function taskOf(state: Draft, number: number): TaskState {
  return state.tasks[number] ?? NEW_TASK;
}

function updateTask(state: Draft, number: number, change: Partial<TaskState>): void {
  state.tasks[number] = { ...taskOf(state, number), ...change };
}

function noteModel(state: Draft, task: number, model: string | null): void {
  if (model !== null) updateTask(state, task, { model });
}

function updateApproval(state: Draft, id: string, change: Partial<ApprovalView>): void {
  state.approvals = state.approvals.map((approval) => (approval.id === id ? { ...approval, ...change } : approval));
}

/** Drops approvals beyond the limits, the oldest first, but those that wait for an answer last. */
function boundApprovals(approvals: ApprovalView[]): ApprovalView[] {
  let chars = approvals.reduce((sum, approval) => sum + jsonSize(approval), 0);
  const kept = [...approvals];
  while (kept.length > 1 && (kept.length > MAX_LISTED || chars > MAX_APPROVAL_CHARS)) {
    const settled = kept.findIndex(({ status }) => status !== 'open');
    const [dropped] = kept.splice(Math.max(0, settled), 1);
    chars -= jsonSize(dropped!);
  }
  return kept;
}

/** Empties the to-do lists of other tasks, lowest number first, until all lists together are within the limit. */
function boundTodos(state: Draft, current: number): void {
  const sizes = Object.entries(state.tasks).map(([number, { todo }]) => ({
    number: Number(number),
    size: sizeOf(todo),
  }));
  let total = sizes.reduce((sum, { size }) => sum + size, 0);
  for (const { number, size } of sizes) {
    if (total <= MAX_TODO_CHARS) return;
    if (number === current) continue;
    updateTask(state, number, { todo: [] });
    total -= size;
  }
}

function sizeOf(todo: TaskState['todo']): number {
  return todo.reduce((sum, { content, status }) => sum + content.length + status.length, 0);
}
