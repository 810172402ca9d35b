import { WHOLE_SESSION } from '../../../src/protocol/common/ids.ts';
import { BATCH_BYTES } from '../../../src/protocol/common/limits.ts';
import type { EventBody, SessionEvent } from '../../../src/protocol/events/envelope.ts';
import { instant } from '../../kit/text.ts';

/**
 * A row of the log: consecutive events of one task that were committed together, at the positions `from_seq` to `seq`.
 * Events of the session as a whole that stand between them share the row.
 */
export interface EventRow {
  seq: number;
  from_seq: number;
  /** The time of the commit, in ms. */
  at: number;
  task: number;
  /** The length of `events`, so that a reader can check it without reading them. */
  chars: number;
  /** JSON: a list of `StoredEvent`. */
  events: string;
}

/**
 * An event in a row. `places`: the number of its positions, if more than one. `task`: present if the event is about the
 * session as a whole; otherwise the row's task applies.
 */
type StoredEvent = EventBody & { places?: number; task?: typeof WHOLE_SESSION };

/**
 * The most UTF-16 code units in a row of several events. Even with the escapes of JSON, the row fits into a frame.
 */
export const MAX_ROW_CHARS = BATCH_BYTES / 2;
/**
 * The longest text to which increments of one commit are joined, since JSON can encode one unit with six characters.
 */
export const MAX_JOINED_CHARS = MAX_ROW_CHARS / 8;

/**
 * Packs the events of one commit into rows.
 * @param events in the order of the log, without a gap
 * @param at when they were committed, in ms
 */
export function rowsOf(events: readonly SessionEvent[], at: number): EventRow[] {
  const groups: { from_seq: number; seq: number; task: number; chars: number; texts: string[] }[] = [];
  for (const { from_seq, seq, task, type, data } of events) {
    const text = JSON.stringify({
      type,
      data,
      ...(seq > from_seq && { places: seq - from_seq + 1 }),
      ...(task === WHOLE_SESSION && { task }),
    });
    const group = groups.at(-1);
    if (group && mayShare(group.task, task) && group.chars + text.length + 1 <= MAX_ROW_CHARS) {
      group.seq = seq;
      group.task ||= task;
      group.chars += text.length + 1;
      group.texts.push(text);
    } else groups.push({ from_seq, seq, task, chars: text.length + 2, texts: [text] });
  }
  return groups.map(({ texts, ...row }) => ({ ...row, at, events: `[${texts.join(',')}]` }));
}

function mayShare(task: number, other: number): boolean {
  return task === other || task === WHOLE_SESSION || other === WHOLE_SESSION;
}

/** Parses the events of a row. */
export function eventsOf(row: EventRow): SessionEvent[] {
  const at = instant(row.at);
  let last = row.from_seq - 1;
  return (JSON.parse(row.events) as StoredEvent[]).map(({ places = 1, task = row.task, type, data }) => {
    const from_seq = last + 1;
    last += places;
    return { from_seq, seq: last, at, task, type, data } as SessionEvent;
  });
}

/**
 * Joins an increment with the one that continues it; null when they do not belong together.
 * @param charsMax the longest joined text
 */
export function joined(first: SessionEvent, second: SessionEvent, charsMax: number): SessionEvent | null {
  if (first.type !== 'text.delta' && first.type !== 'reasoning.delta') return null;
  if (second.type !== first.type || second.task !== first.task || second.from_seq !== first.seq + 1) return null;
  const { part_id, message_id, offset, text } = first.data;
  const next = second.data;
  if (next.part_id !== part_id || next.message_id !== message_id) return null;
  if (next.offset !== offset + text.length || text.length + next.text.length > charsMax) return null;
  return { ...second, from_seq: first.from_seq, data: { ...first.data, text: text + next.text } };
}

/** Joins each run of increments to one event. The result folds to the same state. */
export function joinRuns(events: readonly SessionEvent[]): SessionEvent[] {
  const short: SessionEvent[] = [];
  for (const event of events) {
    const last = short.at(-1);
    const whole = last && joined(last, event, Number.POSITIVE_INFINITY);
    if (whole) short[short.length - 1] = whole;
    else short.push(event);
  }
  return short;
}
