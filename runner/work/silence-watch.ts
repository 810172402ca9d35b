import type { Event, Message, Part } from '@opencode-ai/sdk/v2/client';

/** While a model writes the input of a tool call, OpenCode reports nothing. A long file takes minutes. */
const WRITING_FACTOR = 3;
/** After a pause or stop, a step may go on for so long without a sign that it does. */
const LAST_STEP_MS = 2_000;

/** Notices that a model sends nothing, although no tool runs and no retry waits, and that a step does not end by itself. */
export class SilenceWatch {
  readonly #maxMs: number;
  readonly #now: () => number;
  #heardAt: number;
  /** Ids of the tool calls that run, and of those whose input is being written. */
  readonly #running = new Set<string>();
  readonly #writing = new Set<string>();
  /** Ids of the conversations whose next attempt waits, and of the summaries that are being written. */
  readonly #retrying = new Set<string>();
  readonly #summaries = new Set<string>();

  constructor(maxMs: number, now = () => performance.now()) {
    this.#maxMs = maxMs;
    this.#now = now;
    this.#heardAt = now();
  }

  /** Takes an event of the conversation or of one of its sub-agents. */
  heard(event: Event): void {
    this.#heardAt = this.#now();
    if (event.type === 'session.status') this.#status(event.properties);
    else if (event.type === 'message.updated') this.#message(event.properties.info);
    else if (event.type === 'message.part.updated') this.#part(event.properties.part);
  }

  #status({ sessionID, status }: Extract<Event, { type: 'session.status' }>['properties']): void {
    this.#retrying.delete(sessionID);
    if (status.type !== 'retry') return;
    this.#retrying.add(sessionID);
    this.#heardAt += Math.max(0, status.next - Date.now());
  }

  #message(info: Message): void {
    if (info.role !== 'assistant' || info.summary !== true) return;
    if (info.time.completed === undefined && info.error === undefined) this.#summaries.add(info.id);
    else this.#summaries.delete(info.id);
  }

  #part(part: Part): void {
    if (part.type !== 'tool') return;
    const { id, tool, state } = part;
    this.#running.delete(id);
    this.#writing.delete(id);
    // While `task` runs, the events of its sub-agent show whether the model is silent.
    if (state.status === 'running' && tool !== 'task') this.#running.add(id);
    else if (state.status === 'pending') this.#writing.add(id);
  }

  isTooLong(): boolean {
    const maxMs = this.#writing.size > 0 ? this.#maxMs * WRITING_FACTOR : this.#maxMs;
    return this.#running.size === 0 && this.#now() - this.#heardAt > maxMs;
  }

  /**
   * Whether the step may end by itself soon. A retry that waits and a summary end no step. A tool or a model that shows
   * nothing may take any time; the input of a tool call is written without a sign.
   *
   * @param since when the end was asked for: a step has a moment from then on
   */
  mayStepEnd(since: number): boolean {
    if (this.#retrying.size > 0 || this.#summaries.size > 0) return false;
    return this.#writing.size > 0 || this.#now() - Math.max(this.#heardAt, since) <= LAST_STEP_MS;
  }
}
