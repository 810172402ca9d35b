import { spellDuration } from '../src/domain/duration.ts';
import { howItEnded } from '../src/domain/session/checks.ts';
import { conflictText } from '../src/domain/session/conflict-text.ts';
import { decompositionText } from '../src/domain/session/decomposition-text.ts';
import { deliveryRequestText, deliveryText } from '../src/domain/session/delivery-text.ts';
import { resultRemark } from '../src/domain/session/result-remark.ts';
import { editRemark, retryTime } from '../src/domain/session/session-state.ts';
import type { SessionStatus } from '../src/protocol/common/enums.ts';
import { WHOLE_SESSION } from '../src/protocol/common/ids.ts';
import type { SessionEvent } from '../src/protocol/events/envelope.ts';
import { answerText, approvalLines, waitsUntil } from './approval-text.ts';
import { RenderedTasks } from './rendered-tasks.ts';
import { paint, printable } from './terminal.ts';

type EventOf<T extends SessionEvent['type']> = Extract<SessionEvent, { type: T }>;
type StreamedEvent = EventOf<'text.delta' | 'reasoning.delta' | 'part.completed' | 'tool.output'>;
type Format = Parameters<typeof paint>[0];

const statusFormat: Readonly<Record<SessionStatus, Format>> = {
  pending: 'dim',
  queued: 'dim',
  running: 'cyan',
  paused: 'yellow',
  degraded: 'yellow',
  orphaned: 'yellow',
  completed: 'green',
  partially_completed: 'yellow',
  failed: 'red',
  timeout: 'red',
  stopped: 'yellow',
  cancelled: 'yellow',
};

/** A status in its color. */
export function renderStatus(status: SessionStatus): string {
  return paint(statusFormat[status], status);
}

const outputLinesMax = 6;
/** Tools that can run for a long time. Their start is shown too. */
const slowTools = new Set(['bash', 'task']);

/**
 * Renders a session's events as lines for a terminal. Streamed text is buffered until its line is complete. Repeated
 * text is shown once. If there are several tasks, a line marks each change of the task.
 */
export class SessionRenderer {
  readonly #session: string;
  readonly #parts = new Map<string, StreamedPart>();
  readonly #tasks = new RenderedTasks();
  #openPart: StreamedPart | undefined;
  /** The task of the newest line. */
  #task: number | undefined;

  /** @param session the session's id, for commands in the output */
  constructor(session: string) {
    this.#session = session;
  }

  /** The lines for an event. Some events have none. */
  render(event: SessionEvent): string[] {
    if (event.type === 'graph.changed') return [...this.#flush(), ...this.#tasks.change(event)];
    // It names its task, so it needs no heading.
    if (event.type === 'task.status') return this.#after(this.#tasks.status(event));
    const lines = this.#lines(event);
    if (lines.length === 0 || event.task === WHOLE_SESSION || event.task === this.#task) return lines;
    const isSaid = this.#task !== undefined || this.#tasks.has(event.task);
    this.#task = event.task;
    return isSaid ? [note(this.#tasks.name(event.task)), ...lines] : lines;
  }

  #lines(event: SessionEvent): string[] {
    switch (event.type) {
      case 'text.delta':
        return this.#stream(event.data.part_id, event, '  ');
      case 'reasoning.delta':
        return this.#stream(event.data.part_id, event, `  ${paint('dim', '∴')} `);
      case 'tool.output':
        return this.#stream(event.data.call_id, event, '    ');
      case 'tool':
        return [...this.#flush(), ...renderTool(event, this.#parts.has(keyOf(event.data.call_id, event)))];
      case 'part.completed':
        return this.#flush();
      default:
        return this.#after(renderEvent(event, this.#session));
    }
  }

  /** Lines of which an open line is none. */
  #after(lines: string[]): string[] {
    return lines.length === 0 ? lines : [...this.#flush(), ...lines];
  }

  #stream(id: string, event: EventOf<'text.delta' | 'reasoning.delta' | 'tool.output'>, prefix: string): string[] {
    const { offset, text } = event.data;
    const key = keyOf(id, event);
    const part = this.#parts.get(key) ?? { length: 0, line: '', prefix };
    this.#parts.set(key, part);
    const flushed = this.#openPart === part ? [] : this.#flush();
    this.#openPart = part;
    const fresh = text.slice(Math.max(0, part.length - offset));
    part.length = Math.max(part.length, offset + text.length);
    const lines = (part.line + fresh).split('\n');
    part.line = lines.pop() ?? '';
    return [...flushed, ...lines.map((line) => `${prefix}${printable(line)}`)];
  }

  /** Completes the open line. */
  #flush(): string[] {
    const part = this.#openPart;
    this.#openPart = undefined;
    if (!part || part.line === '') return [];
    const line = `${part.prefix}${printable(part.line)}`;
    part.line = '';
    return [line];
  }
}

function keyOf(id: string, { task, data }: { task: number; data: { message_id: string } }): string {
  return `${task}/${data.message_id}/${id}`;
}

interface StreamedPart {
  /** The number of UTF-16 code units seen so far. */
  length: number;
  /** The incomplete line. */
  line: string;
  prefix: string;
}

function renderEvent(event: Exclude<SessionEvent, StreamedEvent | EventOf<'tool'>>, session: string): string[] {
  switch (event.type) {
    case 'session.created':
      return [mark('●', 'bold', event.data.title)];
    case 'session.status':
      return renderStatusChange(event);
    case 'session.action_requested':
      return event.data.action
        ? [note(`${event.data.action} requested; waiting for the agent to finish its step`)]
        : [];
    case 'lease.granted':
      return [note(leaseText(event))];
    case 'lease.ended': {
      const { reason, message } = event.data;
      if (reason === 'completed') return [];
      return [note(`the lease ended: ${reason.replaceAll('_', ' ')}${message ? `: ${message}` : ''}`)];
    }
    case 'message.added':
      if (event.data.number === 1) return [];
      // Its text is what the checks have printed, which was shown.
      if (event.data.by === 'checks')
        return [mark('›', 'bold', 'the agent gets the failed checks back, to mend its work')];
      return promptLines(event.data.text);
    case 'turn.started':
      return event.data.model ? [note(`turn ${event.data.turn}, model ${event.data.model}`)] : [];
    case 'todo':
      return event.data.items.map(({ content, status }) => mark(status === 'completed' ? '☑' : '☐', 'dim', content));
    case 'model.retry':
      return [mark('!', 'yellow', retryText(event))];
    case 'agent.note':
      if (event.data.level === 'info') return [note(event.data.text)];
      return [mark('!', event.data.level === 'error' ? 'red' : 'yellow', event.data.text)];
    case 'approval.asked':
      return approvalLines(session, event.data.approval).map((line, index) =>
        index === 0 ? `${paint('magenta', '?')} ${line} (${waitsUntil(event.data.approval)})` : line,
      );
    case 'approval.answered':
      return [
        mark('?', 'magenta', answerText(event.data) + (event.data.expired ? ', because nobody answered in time' : '')),
      ];
    case 'checkpoint.created':
      return [note(`checkpoint ${event.data.checkpoint.number}`)];
    case 'delivery.requested':
      return [note(deliveryRequestText(event.data))];
    case 'delivery':
      return [
        event.data.state === 'delivered'
          ? mark('✓', 'green', deliveryText(event.data))
          : mark('✗', 'red', deliveryText(event.data)),
      ];
    case 'task.rated':
      return [mark('★', 'magenta', ratingText(event))];
    case 'task.strayed':
    case 'task.conflict_risk':
      return [mark('!', 'yellow', editRemark(event))];
    case 'frame.rejected':
      return [mark('!', 'yellow', `the session rejected a frame of the agent: ${event.data.reason}`)];
    case 'task.conflict':
      return [mark('!', 'yellow', conflictText(event.data))];
    case 'task.decomposition':
      return [note(decompositionText(event.data))];
    case 'check.started':
      return [`${paint('dim', '▸')} ${checkText(event)}`];
    case 'check.ended':
      return renderCheck(event);
    case 'session.updated':
    case 'graph.changed':
    case 'task.status':
    case 'lease.extended':
    case 'approval.extended':
    case 'approval.withdrawn':
    case 'file.edited':
    case 'usage':
    case 'turn.completed':
      return [];
    default:
      return [note(`an event of a newer version: ${(event satisfies never as SessionEvent).type}`)];
  }
}

/** Statuses that are shown without a reason. */
const plainStatuses = new Set<SessionStatus>(['pending', 'queued', 'running', 'completed']);

function renderStatusChange({ data }: EventOf<'session.status'>): string[] {
  const line = `${paint(statusFormat[data.to], '●')} ${renderStatus(data.to)}`;
  const remark = data.result ? resultRemark(data.result) : '';
  const reason = data.error?.message ?? (plainStatuses.has(data.to) ? remark : data.reason.replaceAll('_', ' '));
  return [reason ? `${line} ${paint('dim', printable(reason))}` : line];
}

/** The beginning of a prompt: those of a graph have what the tasks before have reported. */
function promptLines(text: string): string[] {
  const lines = printable(text)
    .split('\n')
    .filter((line) => line.trim() !== '');
  const [first = '', ...more] = lines.slice(0, outputLinesMax);
  const rest = lines.length - outputLinesMax;
  const shown = [...more, ...(rest > 0 ? [`… ${rest} more lines`] : [])];
  return [`${paint('bold', '›')} ${first}`, ...shown.map((line) => `  ${line}`)];
}

function retryText(event: EventOf<'model.retry'>): string {
  const { attempt, message, next_in_ms } = event.data;
  const when = next_in_ms === null ? '' : ` in ${spellDuration(next_in_ms)}, at ${retryTime(event)}`;
  return `the model failed and will be called again${when} (attempt ${attempt}): ${message}`;
}

function ratingText({ data }: EventOf<'task.rated'>): string {
  const { agent_name, quality, comment } = data;
  return `the work of ${agent_name} was rated ${quality}${comment === undefined ? '' : `: ${comment}`}`;
}

function leaseText({ data }: EventOf<'lease.granted'>): string {
  const from = data.checkpoint === null ? '' : `, from checkpoint ${data.checkpoint}`;
  return `agent ${data.agent_name}, epoch ${data.epoch}${from}`;
}

/** @param isShown whether the output was shown while the tool ran */
function renderTool({ data }: EventOf<'tool'>, isShown: boolean): string[] {
  const text = `${paint('bold', printable(data.tool))} ${printable(toolSubject(data))}`.trimEnd();
  switch (data.state) {
    case 'pending':
      return [];
    case 'running':
      return slowTools.has(data.tool) ? [`${paint('dim', '▸')} ${text}`] : [];
    case 'completed':
      return [`${completedMark(data)} ${text}`, ...(isShown ? [] : excerpt(data.output))];
    case 'error':
      return [`${paint('red', '✗')} ${text}`, ...excerpt(data.error)];
  }
}

function checkText({ data }: EventOf<'check.started' | 'check.ended'>): string {
  const round = data.round === 0 ? ' (on the merged work)' : data.round === 1 ? '' : ` (round ${data.round})`;
  return `${paint('bold', 'check')} ${printable(data.command)}${round}`;
}

function renderCheck(event: EventOf<'check.ended'>): string[] {
  const { outcome, output } = event.data;
  if (outcome === 'passed') return [`${paint('green', '✓')} ${checkText(event)}`];
  const isFailure = outcome !== 'interrupted';
  const end = paint('dim', howItEnded(event.data));
  const lines = isFailure ? lastLines(output) : [];
  return [`${paint(isFailure ? 'red' : 'yellow', '✗')} ${checkText(event)} ${end}`, ...lines];
}

function completedMark({ exit_code: code }: EventOf<'tool'>['data']): string {
  if (code === undefined || code === 0) return paint('green', '✓');
  return paint('red', code === null ? '✗ ended:' : `✗ exit code ${code}:`);
}

/** The subject of a tool call: the most informative member of its input, otherwise OpenCode's title. */
function toolSubject({ input = {}, title = '' }: EventOf<'tool'>['data']): string {
  for (const name of ['command', 'filePath', 'pattern', 'url', 'description']) {
    const value = input[name];
    if (typeof value === 'string' && value !== '') return inWorktree(value.split('\n')[0] ?? '');
  }
  return title;
}

/** Shortens paths in a session's worktree to relative ones. */
function inWorktree(text: string): string {
  return text.replaceAll(/\S*\/worktrees\/[^/\s]+\//g, '');
}

/** The end of an output, which says most about a failure. */
function lastLines(text: string): string[] {
  const lines = printable(text).trimEnd().split('\n');
  return excerpt(lines.slice(-outputLinesMax).join('\n'));
}

function excerpt(text = ''): string[] {
  const lines = printable(text).trimEnd().split('\n');
  if (lines.length === 1 && lines[0] === '') return [];
  const shown = lines.slice(0, outputLinesMax);
  const rest = lines.length - shown.length;
  return [...shown, ...(rest > 0 ? [`… ${rest} more lines`] : [])].map((line) => `    ${paint('dim', line)}`);
}

function mark(sign: string, format: Format, text: string): string {
  return `${paint(format, sign)} ${printable(text)}`;
}

function note(text: string): string {
  return paint('dim', `· ${printable(text)}`);
}
