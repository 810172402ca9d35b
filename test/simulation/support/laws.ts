import { isDeepStrictEqual } from 'node:util';
import { hasEnded } from '../../../src/domain/session/session-machine.ts';
import type { SessionEvent } from '../../../src/protocol/events/envelope.ts';
import { TTL_MS } from '../../unit/session/harness.ts';
import type { LeaseRecord, Ledger } from './ledger.ts';
import { NOTE, resultText } from './simulated-work.ts';

/** The laws that hold at any time between the agents' reports and the session's log. */
export const LAWS = {
  no_gap: 'the log has each of its places once',
  in_order: 'what an agent reported is in the log exactly once and in order, up to some point',
  whole: 'a text in the log is what the agent reported up to that point',
  acknowledged: 'what the session has acknowledged is in its log',
  complete: 'a lease that ends as it should leaves nothing out, even when a later process delivers the rest',
  patient: 'a session that was away takes no lease away as it comes back, but extends it first',
  fenced: 'nothing is written under a lease that has ended',
  one_holder: 'an epoch is granted once, and after the one before it has ended',
  exclusive: 'no agent acts under a lease that expired when another agent begins',
  one_result: 'a session ends once, with a result that an agent reported when every message was done',
  no_rejection: 'no frame of a real agent is rejected',
  an_end: 'when all is well again the session comes to its end, and no agent keeps anything of it',
  commands: 'each message reaches the work of a lease once and in order',
} as const;
export type Law = keyof typeof LAWS;

type Violation = (law: Law, details: string) => never;

/** An overdue alarm fires within this time after the object is back. */
const MOMENT_MS = 1_000;
/** A deadline that is later than this shows the session that it was down. */
const LATE_MS = 2_000;

/** The facts that the laws compare with the log. */
export interface Truth {
  ledger: Ledger;
  /** The messages that the session has accepted. */
  messages: number;
  /** The times at which the session's host was down, on its own clock (ms). */
  absences: readonly { from: number; to: number }[];
  /** By epoch: the times at which the session saw its agent (ms). */
  heardAt: ReadonlyMap<number, readonly number[]>;
}

/** Checks all laws on the stored log. */
export function checkLaws(events: readonly SessionEvent[], truth: Truth, violated: Violation): void {
  const { ledger } = truth;
  checkPlaces(events, violated);
  checkLeases(events, truth, violated);
  checkEnd(events, truth, violated);
  for (const record of ledger.records) {
    const given = record.messages;
    const expected = given.map((_, index) => record.firstMessage + index);
    if (!isDeepStrictEqual(given, expected)) violated('commands', `epoch ${record.epoch} was given ${given.join(' ')}`);
    if (record.isGranted) checkReports(events, record, ledger.acknowledged.get(record.epoch) ?? 0, violated);
  }
}

function checkPlaces(events: readonly SessionEvent[], violated: Violation): void {
  let head = 0;
  for (const { from_seq, seq, type, data } of events) {
    if (from_seq !== head + 1 || seq < from_seq) violated('no_gap', `${from_seq}–${seq} comes after ${head}`);
    if (type === 'frame.rejected') violated('no_rejection', JSON.stringify(data));
    head = seq;
  }
}

function checkLeases(events: readonly SessionEvent[], { ledger, absences, heardAt }: Truth, violated: Violation): void {
  const extended = new Set<number>();
  const ended = new Map<number, string>();
  let granted = 0;
  for (const event of events) {
    if (event.type === 'lease.granted') {
      const { epoch } = event.data;
      if (epoch <= granted) violated('one_holder', `epoch ${epoch} is granted after epoch ${granted}`);
      if (granted > 0 && !ended.has(granted))
        violated('one_holder', `epoch ${epoch} is granted while ${granted} stands`);
      granted = epoch;
    } else if (event.type === 'lease.extended') extended.add(event.data.epoch);
    else if (event.type === 'lease.ended') {
      const { epoch, reason } = event.data;
      ended.set(epoch, reason);
      const at = Date.parse(event.at);
      const due = (heardAt.get(epoch)?.findLast((time) => time < at) ?? 0) + TTL_MS;
      const wasAway = absences.some(
        ({ from, to }) => from < due && due < to - LATE_MS && to - 1 < at && at < to + MOMENT_MS,
      );
      if (reason === 'agent_silent' && wasAway && !extended.has(epoch)) {
        violated('patient', `epoch ${epoch} was lost as the session came back, at ${event.at}`);
      }
    } else {
      const epoch = epochOf(event);
      if (epoch !== null && (epoch !== granted || ended.has(epoch))) {
        violated('fenced', `epoch ${epoch} wrote at ${event.seq}, when ${granted} was granted`);
      }
    }
  }
  for (const { older, newer } of ledger.overlaps) {
    if (ended.get(older.epoch) !== 'agent_silent') continue;
    violated('exclusive', `${older.host} acted on epoch ${older.epoch} when ${newer.host} began ${newer.epoch}`);
  }
}

function checkEnd(events: readonly SessionEvent[], { ledger, messages }: Truth, violated: Violation): void {
  const ends = events.flatMap((event) => (event.type === 'session.status' && hasEnded(event.data.to) ? [event] : []));
  if (ends.length > 1) violated('one_result', `the session ended ${ends.length} times`);
  const [end] = ends;
  if (end?.data.to !== 'completed') return;
  const text = String(end.data.result?.text);
  const isReported = ledger.records.some(({ epoch, reported }) =>
    reported.some((body) => body.type === 'result' && text === resultText(epoch, messages) && body.data.text === text),
  );
  if (!isReported) violated('one_result', `the result is "${text}", and ${messages} messages were sent`);
}

/** An epoch's notes in the log are the first ones that its agent reported, and its texts end at the same place. */
function checkReports(
  events: readonly SessionEvent[],
  { epoch, reported, end }: LeaseRecord,
  acknowledged: number,
  violated: Violation,
): void {
  const stored = events.flatMap((event) => {
    const match = event.type === 'agent.note' ? NOTE.exec(event.data.text) : null;
    return Number(match?.[1]) === epoch ? [Number(match?.[2])] : [];
  });
  const notes = reported.flatMap(({ type }, index) => (type === 'agent.note' ? [index + 1] : []));
  if (!isDeepStrictEqual(stored, notes.slice(0, stored.length))) {
    violated(
      'in_order',
      `of epoch ${epoch}, whose notes are frames ${notes.join(' ')}, the log has ${stored.join(' ')}`,
    );
  }
  if (end === 'ended' && stored.length < notes.length) {
    violated('complete', `of epoch ${epoch} frame ${notes[stored.length]} is not in the log`);
  }
  const missing = notes.find((n) => n <= acknowledged && !stored.includes(n));
  if (missing)
    violated('acknowledged', `frame ${missing} of epoch ${epoch} is not stored; ${acknowledged} is acknowledged`);

  // Everything up to the newest stored note is stored. Of later texts, only a beginning may be stored.
  const least = Math.max(stored.at(-1) ?? 0, acknowledged);
  const texts = textsOf(events);
  for (const [part, whole] of textsOf(reported)) {
    const text = texts.get(part) ?? '';
    const required = textsOf(reported.slice(0, least)).get(part) ?? '';
    if (!whole.startsWith(text) || !text.startsWith(required)) {
      violated('whole', `${part} is "${text}", at least "${required}" of "${whole}" was to be there`);
    }
  }
}

/** The texts of all increments, by part. Joined increments are one increment. */
function textsOf(bodies: readonly { type: string; data: unknown }[]): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { type, data } of bodies) {
    if (type !== 'text.delta') continue;
    const { part_id, offset, text } = data as { part_id: string; offset: number; text: string };
    texts.set(part_id, (texts.get(part_id) ?? '').slice(0, offset) + text);
  }
  return texts;
}

/** The epoch whose agent reported an event; null for an event of the session itself. */
function epochOf(event: SessionEvent): number | null {
  if (event.type === 'agent.note') return Number(NOTE.exec(event.data.text)?.[1] ?? 0) || null;
  if (event.type === 'text.delta') return Number(/^e(\d+)\./.exec(event.data.part_id)?.[1] ?? 0) || null;
  return null;
}
