import type { Event } from '@opencode-ai/sdk/v2/client';

/** While a model writes the input of a tool call, OpenCode reports nothing. A long file takes minutes. */
const WRITING_FACTOR = 3;

/** Notices that a model sends nothing, although no tool runs and no retry waits. */
export class SilenceWatch {
  readonly #maxMs: number;
  readonly #now: () => number;
  #heardAt: number;
  /** Ids of the tool calls that run, and of those whose input is being written. */
  readonly #running = new Set<string>();
  readonly #writing = new Set<string>();

  constructor(maxMs: number, now = () => performance.now()) {
    this.#maxMs = maxMs;
    this.#now = now;
    this.#heardAt = now();
  }

  /** Takes an event of the conversation or of one of its sub-agents. */
  heard(event: Event): void {
    this.#heardAt = this.#now();
    if (event.type === 'session.status' && event.properties.status.type === 'retry') {
      this.#heardAt += Math.max(0, event.properties.status.next - Date.now());
    }
    if (event.type !== 'message.part.updated' || event.properties.part.type !== 'tool') return;
    const { id, tool, state } = event.properties.part;
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
}
