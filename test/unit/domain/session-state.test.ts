import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applyEvents,
  emptyState,
  MAX_TRANSCRIPT_ITEMS,
  type SessionState,
} from '../../../src/domain/session/session-state.ts';
import type { EventBody, SessionEvent } from '../../../src/protocol/events/envelope.ts';

const AT = '2026-01-01T00:00:00.000Z';
const UUID = '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d';

const words = fc.string({ maxLength: 8 });
const part = fc.constantFrom('a', 'b', 'c');
const partText = fc.record({ message_id: fc.constant('m'), part_id: part, offset: fc.nat(20), text: words });

/** Any event that a log may hold, as far as the fold looks at it. */
const body: fc.Arbitrary<EventBody> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constantFrom('text.delta' as const, 'reasoning.delta' as const), data: partText }),
  },
  fc.record({
    type: fc.constant('part.completed' as const),
    data: fc.record({ message_id: fc.constant('m'), part_id: part, length: fc.nat() }),
  }),
  fc.record({
    type: fc.constant('tool' as const),
    data: fc.record(
      {
        message_id: fc.constant('m'),
        call_id: fc.constantFrom('call-1', 'call-2'),
        tool: fc.constant('bash'),
        state: fc.constantFrom('pending' as const, 'running' as const, 'completed' as const, 'error' as const),
        title: words,
        output: words,
        input: fc.record({ command: words }),
      },
      { requiredKeys: ['message_id', 'call_id', 'tool', 'state'] },
    ),
  }),
  fc.record({
    type: fc.constant('agent.note' as const),
    data: fc.record({ level: fc.constant('info' as const), text: words }),
  }),
  fc.record({ type: fc.constant('file.edited' as const), data: fc.record({ path: words }) }),
  fc.record({
    type: fc.constant('session.status' as const),
    data: fc.record({
      from: fc.constant('queued' as const),
      to: fc.constantFrom('running' as const, 'degraded' as const, 'completed' as const),
      reason: words,
    }),
  }),
  fc.record({
    type: fc.constant('lease.granted' as const),
    data: fc.record({
      epoch: fc.nat(5),
      agent_id: fc.constant(UUID),
      agent_name: fc.constant('AGENT-ONE'),
      checkpoint: fc.constant(null),
    }),
  }),
  fc.record({
    type: fc.constant('lease.ended' as const),
    data: fc.record({ epoch: fc.nat(5), reason: words }),
  }),
  fc.record({
    type: fc.constant('usage' as const),
    data: fc.record({
      model: fc.constant(null),
      sub_agent: fc.boolean(),
      input_tokens: fc.nat(100),
      output_tokens: fc.nat(100),
      reasoning_tokens: fc.nat(100),
      cache_read_tokens: fc.nat(100),
      cache_write_tokens: fc.nat(100),
      cost_usd: fc.nat(100),
    }),
  }),
);

function logOf(bodies: readonly EventBody[]): SessionEvent[] {
  return bodies.map((one, index) => ({ from_seq: index + 1, seq: index + 1, at: AT, task: 1, ...one }) as SessionEvent);
}

const log = fc.array(body, { maxLength: 60 }).map(logOf);

/** Folds a log in batches that end after each of these places. */
function inBatches(events: readonly SessionEvent[], cuts: readonly number[]): SessionState {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (events.length + 1)), events.length])].sort(
    (a, b) => a - b,
  );
  return places.reduce(
    (state, place, index) => applyEvents(state, events.slice(places[index - 1] ?? 0, place)),
    emptyState(),
  );
}

/** Joins neighbouring increments that go on from one another, as the session does with a finished part. */
function compacted(events: readonly SessionEvent[]): SessionEvent[] {
  const joined: SessionEvent[] = [];
  for (const event of events) {
    const last = joined.at(-1);
    const goesOn =
      (event.type === 'text.delta' || event.type === 'reasoning.delta') &&
      last?.type === event.type &&
      last.data.part_id === event.data.part_id &&
      last.data.offset + last.data.text.length === event.data.offset;
    if (!goesOn) joined.push(event);
    else {
      const data = { ...last.data, text: last.data.text + event.data.text };
      joined[joined.length - 1] = { ...last, seq: event.seq, data };
    }
  }
  return joined;
}

/** Increments of one part that mostly go on from one another. */
const streaming = fc
  .array(fc.record({ text: words, skip: fc.constantFrom(0, 0, 0, 0, 2, -1), after: fc.option(body) }), {
    maxLength: 40,
  })
  .map((steps) => {
    let offset = 0;
    return logOf(
      steps.flatMap(({ text, skip, after }) => {
        const at = Math.max(0, offset + skip);
        offset = at + text.length;
        const data = { message_id: 'm', part_id: 'a', offset: at, text };
        return [{ type: 'text.delta' as const, data }, ...(after ? [after] : [])];
      }),
    );
  });

describe('the fold of a log', () => {
  it('is the same however its events are batched', () => {
    fc.assert(
      fc.property(log, fc.array(fc.nat(60)), (events, cuts) => {
        expect(inBatches(events, cuts)).toEqual(applyEvents(emptyState(), events));
      }),
    );
  });

  it('is the same however its events are batched, also where the oldest items are dropped', () => {
    const notes = Array.from({ length: MAX_TRANSCRIPT_ITEMS + 50 }, (_, index) => ({
      type: 'agent.note' as const,
      data: { level: 'info' as const, text: `${index}` },
    }));
    const early = { type: 'text.delta' as const, data: { message_id: 'm', part_id: 'a', offset: 0, text: 'early' } };
    const late = { ...early, data: { ...early.data, offset: 5, text: ' and late' } };
    const events = logOf([early, ...notes, late]);
    const whole = applyEvents(emptyState(), events);
    expect(whole.transcript).toHaveLength(MAX_TRANSCRIPT_ITEMS);
    expect(whole.dropped_items).toBe(52);
    expect(inBatches(events, [1, 10, 5_010, 5_049])).toEqual(whole);
  });

  it('does not change when events that are in it are applied again', () => {
    fc.assert(
      fc.property(log, fc.nat(60), (events, from) => {
        const state = applyEvents(emptyState(), events);
        expect(applyEvents(state, events.slice(from))).toEqual(state);
      }),
    );
  });

  it('leaves the state that it started from as it was', () => {
    fc.assert(
      fc.property(log, fc.nat(60), (events, cut) => {
        const state = applyEvents(emptyState(), events.slice(0, cut));
        const before = structuredClone(state);
        applyEvents(state, events.slice(cut));
        expect(state).toEqual(before);
      }),
    );
  });

  it('of a compacted log is that of the log, also for who had a part of a run', () => {
    let shorter = 0;
    fc.assert(
      fc.property(fc.oneof(log, streaming), fc.nat(60), (events, cut) => {
        const whole = applyEvents(emptyState(), events);
        const short = compacted(events);
        if (short.length < events.length) shorter++;
        expect(applyEvents(emptyState(), short)).toEqual(whole);
        expect(applyEvents(applyEvents(emptyState(), events.slice(0, cut)), short)).toEqual(whole);
      }),
      { numRuns: 500 },
    );
    expect(shorter).toBeGreaterThan(50);
  });

  it('goes on from a stored base as if it had never been stored', () => {
    fc.assert(
      fc.property(log, fc.nat(60), (events, cut) => {
        const base = JSON.parse(JSON.stringify(applyEvents(emptyState(), events.slice(0, cut)))) as SessionState;
        expect(applyEvents(base, events.slice(cut))).toEqual(applyEvents(emptyState(), events));
      }),
    );
  });

  it('tells the calls of two answers apart, whose model numbers them anew in each', () => {
    const call = (message_id: string, seq: number) => ({
      type: 'tool' as const,
      data: { message_id, call_id: 'call_0', tool: 'bash', state: 'completed' as const, output: message_id },
      seq,
      from_seq: seq,
      at: AT,
      task: 1,
    });
    const { transcript } = applyEvents(emptyState(), [call('one', 1), call('two', 2), call('one', 3)]);
    expect(transcript).toMatchObject([{ output: 'one' }, { output: 'two' }]);
  });

  it('shows what was lost of a text as lost, and everything else in its place', () => {
    const delta = (offset: number, text: string): EventBody => ({
      type: 'text.delta',
      data: { message_id: 'm', part_id: 'a', offset, text },
    });
    const state = applyEvents(emptyState(), logOf([delta(2, 'cd'), delta(6, 'gh'), delta(7, 'H!')]));
    expect(state.transcript).toMatchObject([{ text: '\u{fffd}\u{fffd}cd\u{fffd}\u{fffd}gH!' }]);
  });
});
