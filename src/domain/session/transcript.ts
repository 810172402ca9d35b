import type { AgentEventBody } from '../../protocol/events/agent.ts';
import type { EventPosition } from '../../protocol/events/envelope.ts';
import type { TranscriptItem } from '../../protocol/session/session-state.ts';

export type { TranscriptItem };

/** The id of a call, as the agent knows it. */
export function callIdOf({ id }: Pick<TranscriptItem, 'id'>): string {
  return id.slice(id.indexOf('/') + 1);
}

/** The error of a call whose end nobody reports any more. */
const CUT_OFF = 'The call was cut off: its agent or OpenCode ended first.';

export const MAX_TRANSCRIPT_ITEMS = 5_000;
/** The limit for all text of the transcript, in UTF-16 code units. */
export const MAX_TRANSCRIPT_CHARS = 4_000_000;

type EventOf<T extends AgentEventBody['type']> = EventPosition & Extract<AgentEventBody, { type: T }>;

/** An item that is searched is nearly always among the newest. */
const NEWEST = 32;

/** The sizes of finished transcripts, which never change, so that a fold need not add up all items again. */
const totals = new WeakMap<readonly TranscriptItem[], number>();

/** A mutable copy of a transcript. The original is not changed. Every step costs as little in a long transcript. */
export class TranscriptDraft {
  /** The items, of which those between `#kept` and `#from` have been dropped. */
  readonly #items: TranscriptItem[];
  /** The number of items at the beginning that are never dropped: the first prompt. */
  #kept: number;
  #from: number;
  #chars: number;
  /** The positions of all items by task and id, once they are needed. */
  #positions: Map<string, number> | null = null;
  readonly #droppedBefore: number;

  constructor(items: readonly TranscriptItem[], dropped: number) {
    this.#items = [...items];
    this.#kept = isFirstPrompt(items[0]) ? 1 : 0;
    this.#from = this.#kept;
    this.#chars = totals.get(items) ?? items.reduce((sum, item) => sum + sizeOf(item), 0);
    this.#droppedBefore = dropped;
  }

  /** The transcript, and the number of items that were dropped from it in all. */
  finish(): { items: TranscriptItem[]; dropped: number } {
    const newlyDropped = this.#from - this.#kept;
    const items = newlyDropped === 0 ? this.#items : this.#items.toSpliced(this.#kept, newlyDropped);
    totals.set(items, this.#chars);
    return { items, dropped: this.#droppedBefore + newlyDropped };
  }

  add(item: TranscriptItem): void {
    this.#positions?.set(keyOf(item), this.#items.length);
    this.#items.push(item);
    this.#chars += sizeOf(item);
    if (this.#items.length === 1 && isFirstPrompt(item)) this.#kept = this.#from = 1;
  }

  /** Applies an increment at its offset. Existing text after the offset is the same text and is replaced. */
  addText(event: EventOf<'text.delta' | 'reasoning.delta'>): void {
    const { part_id, offset, text } = event.data;
    const kind = event.type === 'text.delta' ? 'text' : 'reasoning';
    const index = this.#indexOf(event.task, part_id);
    const known = this.#items[index];
    if (known && (known.kind === 'text' || known.kind === 'reasoning')) {
      this.#replace(index, { ...known, at: event.at, text: upTo(known.text, offset) + text });
    } else {
      const { task, from_seq, at } = event;
      this.add({ kind, id: part_id, task, seq: from_seq, at, text: upTo('', offset) + text, done: false });
    }
  }

  addTool({ seq, task, at, data }: EventOf<'tool'>): void {
    // Some models number their calls from the start in each message, so a call id alone is not unique.
    const id = `${data.message_id}/${data.call_id}`; // `callIdOf` reads it.
    const index = this.#indexOf(task, id);
    const known = this.#items[index];
    const before = known?.kind === 'tool' ? known : null;
    const item: TranscriptItem = {
      kind: 'tool',
      id,
      task,
      seq: before?.seq ?? seq,
      at: before?.at ?? at,
      tool: data.tool,
      state: data.state,
      title: data.title ?? before?.title ?? '',
      input: data.input ?? before?.input ?? {},
      output: data.output ?? before?.output ?? '',
      error: data.error ?? before?.error ?? null,
      truncated: data.truncated ?? before?.truncated ?? false,
      ...(data.exit_code === undefined ? {} : { exit_code: data.exit_code }),
      ...(data.state === 'completed' || data.state === 'error' ? { ended_at: at } : {}),
    };
    if (before) this.#replace(index, item);
    else this.add(item);
  }

  /** Applies new output of a call that has not ended. */
  addToolOutput({ task, data }: EventOf<'tool.output'>): void {
    const index = this.#indexOf(task, `${data.message_id}/${data.call_id}`);
    const known = this.#items[index];
    if (!known || !isOpenCall(known)) return;
    this.#replace(index, { ...known, output: upTo(known.output, data.offset) + data.text });
  }

  addCheck({ seq, task, at, data }: EventOf<'check.started'>): void {
    const { round, index, command, timeout_seconds } = data;
    const id = checkId(round, index);
    const facts = { task, seq, at, round, command, timeout_seconds };
    const item = { kind: 'check', id, ...facts, outcome: null, exit_code: null, ms: 0, output: '' } as const;
    // Another lease can run those at the start again.
    const place = this.#indexOf(task, id);
    if (place === -1) this.add(item);
    else this.#replace(place, item);
  }

  /** Ends a check. An agent need not report that one has started. */
  endCheck({ seq, task, at, data }: EventOf<'check.ended'>): void {
    const { index, ...end } = data;
    const id = checkId(end.round, index);
    const place = this.#indexOf(task, id);
    const known = this.#items[place];
    if (known?.kind === 'check') this.#replace(place, { ...known, ...end });
    else this.add({ kind: 'check', id, task, seq, at, ...end });
  }

  /** Marks a part of the task as done. */
  closePart(task: number, partId: string): void {
    this.#close(this.#indexOf(task, partId));
  }

  /** Ends all open parts and calls of the task, because nobody works on them any more. */
  cutOff(task: number, at: string): void {
    for (let index = this.#from; index < this.#items.length; index++) {
      const item = this.#items[index]!;
      if (item.task !== task) continue;
      if (item.kind === 'check' && item.outcome === null) this.#replace(index, { ...item, outcome: 'interrupted' });
      else if (isOpenCall(item)) this.#replace(index, { ...item, state: 'error', error: CUT_OFF, ended_at: at });
      else this.#close(index);
    }
  }

  /**
   * Drops the oldest items beyond the limits, but neither the first prompt, which says what the session is about, nor
   * the newest item.
   */
  bound(): void {
    while (this.#from < this.#items.length - 1) {
      const count = this.#items.length - this.#from + this.#kept;
      if (count <= MAX_TRANSCRIPT_ITEMS && this.#chars <= MAX_TRANSCRIPT_CHARS) return;
      this.#chars -= sizeOf(this.#items[this.#from++]!);
    }
  }

  #close(index: number): void {
    const item = this.#items[index];
    if ((item?.kind === 'text' || item?.kind === 'reasoning') && !item.done)
      this.#items[index] = { ...item, done: true };
  }

  #replace(index: number, item: TranscriptItem): void {
    this.#chars += sizeOf(item) - sizeOf(this.#items[index]!);
    this.#items[index] = item;
  }

  /** The position of an item that has not been dropped, or -1. */
  #indexOf(task: number, id: string): number {
    const end = this.#items.length;
    for (let index = end - 1; index >= Math.max(this.#from, end - NEWEST); index--) {
      const item = this.#items[index]!;
      if (item.id === id && item.task === task) return index;
    }
    this.#positions ??= new Map(this.#items.map((item, index) => [keyOf(item), index]));
    const position = this.#positions.get(keyOf({ task, id })) ?? -1;
    return position < this.#from ? -1 : position;
  }
}

type ToolItem = TranscriptItem & { kind: 'tool' };

function isOpenCall(item: TranscriptItem): item is ToolItem {
  return item.kind === 'tool' && (item.state === 'pending' || item.state === 'running');
}

/** The rounds of a task are numbered on when it starts again. */
function checkId(round: number, index: number): string {
  return `check-${round}-${index}`;
}

function isFirstPrompt(item: TranscriptItem | undefined): boolean {
  return item?.kind === 'prompt' && item.number === 1;
}

function keyOf({ task, id }: Pick<TranscriptItem, 'task' | 'id'>): string {
  return `${task}/${id}`;
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
    else if (typeof value === 'object' && value !== null) size += jsonSize(value);
  }
  return size;
}

/** A folded object is replaced and never mutated, so the size of each is computed once. */
const jsonSizes = new WeakMap<object, number>();

/** The length of an object's JSON. */
export function jsonSize(object: object): number {
  const known = jsonSizes.get(object);
  if (known !== undefined) return known;
  const size = JSON.stringify(object).length;
  jsonSizes.set(object, size);
  return size;
}
