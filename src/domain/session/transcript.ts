import type { AgentEventBody } from '../../protocol/events/agent.ts';
import type { EventPosition } from '../../protocol/events/envelope.ts';
import type { TranscriptItem } from '../../protocol/session/session-state.ts';

export type { TranscriptItem };

export const MAX_TRANSCRIPT_ITEMS = 5_000;
/** The limit for all text of the transcript, in UTF-16 code units. */
const MAX_TRANSCRIPT_CHARS = 4_000_000;

type EventOf<T extends AgentEventBody['type']> = EventPosition & Extract<AgentEventBody, { type: T }>;

/** A mutable copy of a transcript. The original is not changed. */
export class TranscriptDraft {
  readonly items: TranscriptItem[];
  /** The number of items that were dropped from the beginning. */
  dropped: number;
  #chars: number;

  constructor(items: readonly TranscriptItem[], dropped: number) {
    this.items = [...items];
    this.dropped = dropped;
    this.#chars = items.reduce((sum, item) => sum + sizeOf(item), 0);
  }

  add(item: TranscriptItem): void {
    this.items.push(item);
    this.#chars += sizeOf(item);
  }

  /** Applies an increment at its offset. Existing text after the offset is the same text and is replaced. */
  addText(event: EventOf<'text.delta' | 'reasoning.delta'>): void {
    const { part_id, offset, text } = event.data;
    const kind = event.type === 'text.delta' ? 'text' : 'reasoning';
    const index = this.#indexOf(event.task, part_id);
    const known = this.items[index];
    if (known && (known.kind === 'text' || known.kind === 'reasoning')) {
      this.#replace(index, { ...known, text: upTo(known.text, offset) + text });
    } else {
      const { task, from_seq } = event;
      this.add({ kind, id: part_id, task, seq: from_seq, text: upTo('', offset) + text, done: false });
    }
  }

  addTool({ seq, task, data }: EventOf<'tool'>): void {
    // Some models number their calls from the start in each message, so a call id alone is not unique.
    const id = `${data.message_id}/${data.call_id}`;
    const index = this.#indexOf(task, id);
    const known = this.items[index];
    const before = known?.kind === 'tool' ? known : null;
    const item: TranscriptItem = {
      kind: 'tool',
      id,
      task,
      seq: before?.seq ?? seq,
      tool: data.tool,
      state: data.state,
      title: data.title ?? before?.title ?? '',
      input: data.input ?? before?.input ?? {},
      output: data.output ?? before?.output ?? '',
      error: data.error ?? before?.error ?? null,
      truncated: data.truncated ?? before?.truncated ?? false,
      ...(data.exit_code === undefined ? {} : { exit_code: data.exit_code }),
    };
    if (before) this.#replace(index, item);
    else this.add(item);
  }

  /** Applies new output of a call that has not ended. */
  addToolOutput({ task, data }: EventOf<'tool.output'>): void {
    const index = this.#indexOf(task, `${data.message_id}/${data.call_id}`);
    const known = this.items[index];
    if (known?.kind !== 'tool' || known.state === 'completed' || known.state === 'error') return;
    this.#replace(index, { ...known, output: upTo(known.output, data.offset) + data.text });
  }

  /** Marks a part of the task as done, or all of its parts if `partId` is absent. */
  closeParts(task: number, partId?: string): void {
    for (const [index, item] of this.items.entries()) {
      if (item.task !== task || (item.kind !== 'text' && item.kind !== 'reasoning') || item.done) continue;
      if (partId === undefined || item.id === partId) this.items[index] = { ...item, done: true };
    }
  }

  /** Drops the oldest items beyond the limits. The newest item stays, however large it is. */
  bound(): void {
    let drop = 0;
    for (; drop < this.items.length - 1; drop++) {
      if (this.items.length - drop <= MAX_TRANSCRIPT_ITEMS && this.#chars <= MAX_TRANSCRIPT_CHARS) break;
      this.#chars -= sizeOf(this.items[drop]!);
    }
    if (drop > 0) this.items.splice(0, drop);
    this.dropped += drop;
  }

  #replace(index: number, item: TranscriptItem): void {
    this.#chars += sizeOf(item) - sizeOf(this.items[index]!);
    this.items[index] = item;
  }

  /** Searches from the end, because a changing item is nearly always near the end. */
  #indexOf(task: number, id: string): number {
    return this.items.findLastIndex((item) => item.id === id && item.task === task);
  }
}

/**
 * The first `offset` code units of a text. Missing ones are filled with U+FFFD, so that later text keeps its offset.
 */
function upTo(text: string, offset: number): string {
  return text.slice(0, offset).padEnd(offset, '\u{fffd}');
}

/** The length of all texts of an item, whatever its kind, so that no member of a kind is forgotten. */
function sizeOf(item: TranscriptItem): number {
  let size = 0;
  for (const value of Object.values(item)) {
    if (typeof value === 'string') size += value.length;
    else if (typeof value === 'object' && value !== null) size += inputSize(value);
  }
  return size;
}

/** Inputs are replaced and never mutated, so the size of each is computed once. */
const inputSizes = new WeakMap<object, number>();

function inputSize(input: object): number {
  const known = inputSizes.get(input);
  if (known !== undefined) return known;
  const size = JSON.stringify(input).length;
  inputSizes.set(input, size);
  return size;
}
