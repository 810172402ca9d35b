import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyEvents, emptyState, type SessionState } from '../../../src/domain/session/session-state.ts';
import { MAX_TRANSCRIPT_ITEMS } from '../../../src/domain/session/transcript.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { EventBody, SessionEvent } from '../../../src/protocol/events/envelope.ts';
import { runs } from '../../support/seeds.ts';
import { AT, log, logOf, ofTask, type Said, SESSION, streaming, TASKS } from './session-log.arbitrary.ts';

/** Folds a log in batches that end after these positions. */
function inBatches(events: readonly SessionEvent[], cuts: readonly number[]): SessionState {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (events.length + 1)), events.length])].sort(
    (a, b) => a - b,
  );
  return places.reduce(
    (state, place, index) => applyEvents(state, events.slice(places[index - 1] ?? 0, place)),
    emptyState(),
  );
}

/** Joins neighbouring increments that continue each other, as the session's log does. */
function joined(events: readonly SessionEvent[]): SessionEvent[] {
  const short: SessionEvent[] = [];
  for (const event of events) {
    const last = short.at(-1);
    const goesOn =
      (event.type === 'text.delta' || event.type === 'reasoning.delta') &&
      last?.type === event.type &&
      last.task === event.task &&
      last.data.part_id === event.data.part_id &&
      last.data.offset + last.data.text.length === event.data.offset;
    if (!goesOn) short.push(event);
    else {
      const data = { ...last.data, text: last.data.text + event.data.text };
      short[short.length - 1] = { ...last, seq: event.seq, data };
    }
  }
  return short;
}

describe('the fold of a log', () => {
  it('is the same for every batching of its events', () => {
    fc.assert(
      fc.property(log, fc.array(fc.nat(60)), (events, cuts) => {
        expect(inBatches(events, cuts)).toEqual(applyEvents(emptyState(), events));
      }),
    );
  });

  it.each<{ by: string; event: EventBody }>([
    { by: 'the end of the lease', event: { type: 'lease.ended', data: { epoch: 1, reason: 'lost' } } },
    {
      by: 'the next turn',
      event: { type: 'turn.started', data: { turn: 2, message: 1, model: null, agent: null } },
    },
  ])('ends a call that was cut off ($by)', ({ event }) => {
    const call = (call_id: string, state: 'running' | 'completed'): EventBody => ({
      type: 'tool',
      data: { message_id: 'm', call_id, tool: 'bash', state, output: 'so far' },
    });
    const events = [
      ofTask(1)(call('1', 'completed')),
      ofTask(1)(call('2', 'running')),
      ofTask(2)(call('3', 'running')),
    ];
    const { transcript } = applyEvents(emptyState(), logOf([...events, ofTask(1)(event)]));
    expect(transcript).toMatchObject([
      { state: 'completed', error: null },
      { state: 'error', error: expect.stringContaining('cut off'), ended_at: AT, output: 'so far' },
      { state: 'running' },
    ]);
  });

  it('is the same for every batching of its events, even when limits drop the oldest items', () => {
    const notes = Array.from({ length: MAX_TRANSCRIPT_ITEMS + 50 }, (_, index) => ({
      type: 'agent.note' as const,
      data: { level: 'info' as const, text: `${index}` },
    }));
    const early = { type: 'text.delta' as const, data: { message_id: 'm', part_id: 'a', offset: 0, text: 'early' } };
    const late = { ...early, data: { ...early.data, offset: 5, text: ' and late' } };
    const events = logOf([early, ...notes, late].map(ofTask(1)));
    const whole = applyEvents(emptyState(), events);
    expect(whole.transcript).toHaveLength(MAX_TRANSCRIPT_ITEMS);
    expect(whole.dropped_items).toBe(52);
    expect(inBatches(events, [1, 10, 5_010, 5_049])).toEqual(whole);
  });

  it.each<[string, (words: string) => EventBody]>([
    ['model.retry', (message) => ({ type: 'model.retry', data: { attempt: 1, message, next_in_ms: null } })],
    ['file.edited', (path) => ({ type: 'file.edited', data: { path } })],
    [
      'session.status',
      (reason) => ({ type: 'session.status', data: { from: 'queued', to: 'running', trigger: 'leased', reason } }),
    ],
    ['agent.note', (words) => ({ type: 'agent.note', data: { level: 'info', text: words } })],
  ])('keeps at most four million characters, of whatever kind its items are (%s)', (_, bodyOf) => {
    const events = logOf(Array.from({ length: 500 }, (_, index) => ofTask(1)(bodyOf(`${index}`.padEnd(50_000, '.')))));
    const { transcript, dropped_items } = applyEvents(emptyState(), events);
    expect(JSON.stringify(transcript).length).toBeLessThan(4_100_000);
    expect(transcript.length + dropped_items).toBe(500);
  });

  it('knows which message of each task is its prompt, also of a task that an earlier release has begun', () => {
    const message = (number: number, task: number) =>
      ofTask(task)({
        type: 'message.added',
        data: { number, text: 'do it', delivery: 'follow_up', by: 'tester' },
      });
    const state = applyEvents(emptyState(), logOf([message(4, 1), message(5, 2), message(6, 2)]));
    expect([state.tasks[1]?.prompt, state.tasks[2]?.prompt]).toEqual([1, 5]);
  });

  it('keeps the first prompt when limits drop the oldest items', () => {
    const prompt = {
      type: 'message.added' as const,
      data: { number: 1, text: 'the task', delivery: 'follow_up' as const, by: 'tester' },
    };
    const notes = Array.from({ length: MAX_TRANSCRIPT_ITEMS + 50 }, (_, index) => ({
      type: 'agent.note' as const,
      data: { level: 'info' as const, text: `${index}` },
    }));
    const events = logOf([prompt, ...notes].map(ofTask(1)));
    const whole = applyEvents(emptyState(), events);
    expect(whole.transcript).toHaveLength(MAX_TRANSCRIPT_ITEMS);
    expect(whole.dropped_items).toBe(51);
    expect(whole.transcript.slice(0, 2)).toMatchObject([{ text: 'the task' }, { text: '51' }]);
    expect(inBatches(events, [1, 10, 5_010, 5_049])).toEqual(whole);
  });

  it('gives each entry the time of its events: of a call the first and the last, of a text the newest', () => {
    const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString();
    const call = { message_id: 'm', call_id: 'c', tool: 'bash' };
    const delta = (offset: number) => ({ message_id: 'm', part_id: 'p', offset, text: 'x' });
    const timed = (
      [
        ['tool', { ...call, state: 'running' }],
        ['tool', { ...call, state: 'completed', output: 'done' }],
        ['text.delta', delta(0)],
        ['text.delta', delta(1)],
        ['agent.note', { level: 'info', text: 'noted' }],
      ] as const
    ).map(([type, data], index) => ({ from_seq: index + 1, seq: index + 1, at: at(index), task: 1, type, data }));
    expect(applyEvents(emptyState(), timed as unknown as SessionEvent[]).transcript).toMatchObject([
      { kind: 'tool', at: at(0), ended_at: at(1) },
      { kind: 'text', at: at(3) },
      { kind: 'note', at: at(4) },
    ]);
  });

  it('does not change when events are applied again', () => {
    fc.assert(
      fc.property(log, fc.nat(60), (events, from) => {
        const state = applyEvents(emptyState(), events);
        expect(applyEvents(state, events.slice(from))).toEqual(state);
      }),
    );
  });

  it('does not mutate the state that it starts from', () => {
    fc.assert(
      fc.property(log, fc.nat(60), (events, cut) => {
        const state = applyEvents(emptyState(), events.slice(0, cut));
        const before = structuredClone(state);
        applyEvents(state, events.slice(cut));
        expect(state).toEqual(before);
      }),
    );
  });

  it('is the same after increments are joined, even for a reader that had part of a joined event', () => {
    let shorter = 0;
    fc.assert(
      fc.property(fc.oneof(log, streaming), fc.nat(60), (events, cut) => {
        const whole = applyEvents(emptyState(), events);
        const short = joined(events);
        if (short.length < events.length) shorter++;
        expect(applyEvents(emptyState(), short)).toEqual(whole);
        expect(applyEvents(applyEvents(emptyState(), events.slice(0, cut)), short)).toEqual(whole);
      }),
      runs(500),
    );
    expect(shorter).toBeGreaterThan(50);
  });

  it('continues from a stored base as if the log were complete', () => {
    fc.assert(
      fc.property(log, fc.nat(60), (events, cut) => {
        const base = JSON.parse(JSON.stringify(applyEvents(emptyState(), events.slice(0, cut)))) as SessionState;
        expect(applyEvents(base, events.slice(cut))).toEqual(applyEvents(emptyState(), events));
      }),
    );
  });

  it('distinguishes tool calls of two messages when the model reuses call ids', () => {
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

  it('marks lost text and keeps later text at its offset', () => {
    const delta = (offset: number, text: string): EventBody => ({
      type: 'text.delta',
      data: { message_id: 'm', part_id: 'a', offset, text },
    });
    const state = applyEvents(emptyState(), logOf([delta(2, 'cd'), delta(6, 'gh'), delta(7, 'H!')].map(ofTask(1))));
    expect(state.transcript).toMatchObject([{ text: '\u{fffd}\u{fffd}cd\u{fffd}\u{fffd}gH!' }]);
  });

  it('folds two parallel tasks as if each ran alone', () => {
    let interleaved = 0;
    fc.assert(
      fc.property(log, (events) => {
        const both = applyEvents(emptyState(), events);
        if (TASKS.every((task) => events.some((event) => event.task === task))) interleaved++;
        for (const task of TASKS) {
          const alone = applyEvents(
            emptyState(),
            events.filter((event) => event.task === task),
          );
          expect(both.tasks[task]).toEqual(alone.tasks[task]);
          expect(both.transcript.filter((item) => item.task === task)).toEqual(alone.transcript);
        }
      }),
      runs(500),
    );
    expect(interleaved).toBeGreaterThan(100);
  });

  it('keeps at most two million characters of approvals, and those that wait for an answer for the longest', () => {
    const asked = (id: string): Said => ({
      task: 1,
      body: {
        type: 'approval.asked',
        data: { approval: { id, status: 'open', detail: { diff: 'd'.repeat(100_000) } } as never },
      },
    });
    const withdrawn = (id: string): Said => ({
      task: 1,
      body: { type: 'approval.withdrawn', data: { approval_id: id, reason: 'aborted' } },
    });
    const ids = Array.from({ length: 40 }, (_, index) => `${index}`);
    const log = logOf([asked('old'), ...ids.flatMap((id) => [asked(id), withdrawn(id)]), asked('new')]);
    const { approvals } = applyEvents(emptyState(), log);
    expect(JSON.stringify(approvals).length).toBeLessThan(2_000_100);
    expect(approvals.map(({ id }) => id)).toEqual(['old', ...ids.slice(-17), 'new']);
  });

  it('keeps the approvals and checkpoints of each task, in the order of the log', () => {
    const view = (task: number) => ({ task_id: taskIdOf(SESSION, task) });
    const asked = (task: number, id: string): Said => ({
      task,
      body: { type: 'approval.asked', data: { approval: { ...view(task), id, status: 'open' } as never } },
    });
    const made = (task: number, number: number): Said => ({
      task,
      body: { type: 'checkpoint.created', data: { checkpoint: { ...view(task), number } as never } },
    });
    const withdrawn: Said = {
      task: 1,
      body: { type: 'approval.withdrawn', data: { approval_id: 'a', reason: 'aborted' } },
    };
    const extended: Said = {
      task: 2,
      body: { type: 'approval.extended', data: { approval_id: 'b', expires_at: 'later', reason: 'down' } },
    };
    const log = logOf([asked(1, 'a'), made(2, 1), asked(2, 'b'), made(1, 2), withdrawn, extended]);
    const state = applyEvents(emptyState(), log);
    expect(state.approvals).toMatchObject([
      { ...view(1), id: 'a', status: 'withdrawn' },
      { ...view(2), id: 'b', status: 'open', expires_at: 'later' },
    ]);
    expect(state.checkpoints).toMatchObject([
      { ...view(2), number: 1 },
      { ...view(1), number: 2 },
    ]);
  });

  it('stays within its limits for any number of tasks', () => {
    const item = { content: 'w'.repeat(100_000), status: 'pending' };
    const todo = (task: number): Said => ({ task, body: { type: 'todo', data: { items: [item] } } });
    const note = (task: number): Said => ({
      task,
      body: { type: 'agent.note', data: { level: 'info', text: 'n'.repeat(499_000) } },
    });
    const numbers = Array.from({ length: 20 }, (_, index) => index + 1);
    const state = applyEvents(emptyState(), logOf(numbers.flatMap((task) => [todo(task), note(task)])));
    expect(JSON.stringify(state).length).toBeLessThan(5_000_000);
    expect(state.transcript.map(({ task }) => task)).toEqual([13, 14, 15, 16, 17, 18, 19, 20]);
    const listed = numbers.filter((task) => state.tasks[task]!.todo.length > 0);
    expect(listed, 'the newest to-do lists stay').toEqual([17, 18, 19, 20]);
  });
});
