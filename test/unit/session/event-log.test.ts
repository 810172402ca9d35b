import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildKit } from '../../../durable-objects/kit/runtime.ts';
import type { ObjectStore } from '../../../durable-objects/kit/storage/store.ts';
import { DEFAULT_SESSION_CONFIG } from '../../../durable-objects/session/config.ts';
import { EventLog } from '../../../durable-objects/session/log/event-log.ts';
import { type EventRow, eventsOf, MAX_ROW_CHARS } from '../../../durable-objects/session/log/event-rows.ts';
import { SessionRecords } from '../../../durable-objects/session/records.ts';
import { SESSION_SCHEMA } from '../../../durable-objects/session/schema.ts';
import { applyEvents, emptyState } from '../../../src/domain/session/session-state.ts';
import { PAGE_EVENTS } from '../../../src/protocol/common/limits.ts';
import type { EventBody, SessionEvent } from '../../../src/protocol/events/envelope.ts';
import { runs } from '../../support/seeds.ts';
import { SessionInProcess } from './harness.ts';

interface Said {
  task: number;
  body: EventBody;
}

/** A session's log, with a list of all events that were committed to it. */
class LogFixture {
  readonly log: EventLog;
  readonly committed: SessionEvent[];
  readonly #session: SessionInProcess;
  readonly #store: ObjectStore;

  private constructor(session: SessionInProcess) {
    const kit = buildKit(session.platform, SESSION_SCHEMA, []);
    const records = new SessionRecords({ kit });
    this.#session = session;
    this.#store = kit.store;
    this.log = new EventLog({ kit, records, config: DEFAULT_SESSION_CONFIG });
    this.committed = this.read(PAGE_EVENTS);
  }

  static async open(): Promise<LogFixture> {
    const session = new SessionInProcess();
    await session.create();
    return new LogFixture(session);
  }

  commit(said: readonly Said[]): void {
    this.committed.push(...this.#store.transact(() => said.map(({ task, body }) => this.log.append(task, body))));
  }

  /** A transaction that is rolled back. */
  fail(said: readonly Said[]): void {
    const appendAndThrow = () => {
      for (const { task, body } of said) this.log.append(task, body);
      throw new Error('rolled back');
    };
    expect(() => this.#store.transact(appendAndThrow)).toThrow('rolled back');
  }

  trim(seq: number): void {
    this.#store.transact(() => this.log.trim(seq));
  }

  get floor(): number {
    return this.#session.row<{ floor_seq: number }>('session')!.floor_seq;
  }

  get rows(): EventRow[] {
    return this.#session.rows<EventRow>('event_batches');
  }

  /** All stored events, page by page. */
  read(limit: number): SessionEvent[] {
    const events: SessionEvent[] = [];
    for (let after = this.floor; ; ) {
      const page = this.log.page(after, limit);
      expect(page.events.length).toBeLessThanOrEqual(limit);
      events.push(...page.events);
      if (!page.hasMore) return events;
      expect(page.last).toBeGreaterThan(after);
      after = page.last;
    }
  }
}

interface Line {
  task: number;
  part: string;
  kind: 'text.delta' | 'reasoning.delta' | 'part.completed' | 'agent.note';
  /** The number of code units between the end of the part and the increment. */
  skip: number;
  chars: number;
}

/** Mostly increments that continue each other. Some are long, some follow a gap, and some are repeated. */
const line: fc.Arbitrary<Line> = fc.record({
  task: fc.constantFrom(1, 1, 1, 2, 0),
  part: fc.constantFrom('a', 'a', 'a', 'b'),
  kind: fc.constantFrom(
    ...Array<'text.delta'>(6).fill('text.delta'),
    'reasoning.delta' as const,
    'part.completed' as const,
    'agent.note' as const,
  ),
  skip: fc.constantFrom(0, 0, 0, 0, 0, 3, -1),
  chars: fc.constantFrom(1, 3, 9, 500, 60_000),
});

/** Adds increments one after the other, each at the current end of its part. */
class Speaker {
  readonly #lengths = new Map<string, number>();

  say({ task, part, kind, skip, chars }: Line): Said {
    const key = `${task} ${part}`;
    const length = this.#lengths.get(key) ?? 0;
    if (kind === 'agent.note') return { task, body: { type: kind, data: { level: 'info', text: part } } };
    const place = { message_id: 'm', part_id: part };
    if (kind === 'part.completed') return { task, body: { type: kind, data: { ...place, length } } };
    const offset = Math.max(0, length + skip);
    this.#lengths.set(key, offset + chars);
    return { task, body: { type: kind, data: { ...place, offset, text: 'x'.repeat(chars) } } };
  }
}

type Step = { do: 'commit' | 'fail'; lines: Line[] } | { do: 'trim'; share: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('commit' as const), lines: fc.array(line, { maxLength: 15 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), lines: fc.array(line, { maxLength: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('trim' as const), share: fc.nat(100) }) },
);

async function play(steps: readonly Step[]): Promise<LogFixture> {
  const fixture = await LogFixture.open();
  const speaker = new Speaker();
  for (const one of steps) {
    if (one.do === 'trim') fixture.trim(Math.floor((fixture.log.head() * one.share) / 100));
    else if (one.do === 'fail') fixture.fail(one.lines.map((said) => new Speaker().say(said)));
    else fixture.commit(one.lines.map((said) => speaker.say(said)));
  }
  return fixture;
}

const limit = fc.constantFrom(1, 2, 7, PAGE_EVENTS);
const RUNS = runs(60);

describe('a log of rows that hold many events', () => {
  it('folds to the state of the single events, for every way of paging and trimming', async () => {
    let trimmed = 0;
    let shorter = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), limit, async (steps, most) => {
        const fixture = await play(steps);
        const kept = fixture.read(most);
        if (fixture.floor > 0) trimmed++;
        if (kept.length < fixture.committed.length - fixture.floor) shorter++;
        const whole = applyEvents(emptyState(), fixture.committed);
        expect(applyEvents(fixture.log.base(), kept)).toEqual(whole);
      }),
      RUNS,
    );
    expect(trimmed, 'some logs have a base').toBeGreaterThan(10);
    expect(shorter, 'some increments were joined').toBeGreaterThan(10);
  });

  it('has no gap and no duplicate between its floor and its head', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), limit, async (steps, most) => {
        const fixture = await play(steps);
        let head = fixture.floor;
        for (const event of fixture.read(most)) {
          expect(event.from_seq).toBe(head + 1);
          expect(event.seq).toBeGreaterThanOrEqual(event.from_seq);
          head = event.seq;
        }
        expect(head).toBe(fixture.log.head());
        expect(head).toBe(fixture.committed.at(-1)!.seq);
      }),
      RUNS,
    );
  });

  it('gives a reader exactly the events after its cursor', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.nat(100), async (steps, share) => {
        const fixture = await play(steps);
        const after = fixture.floor + Math.floor(((fixture.log.head() - fixture.floor) * share) / 100);
        let state = applyEvents(emptyState(), fixture.committed.slice(0, after));
        for (let page = fixture.log.page(after); ; page = fixture.log.page(page.last)) {
          expect(page.events[0]?.from_seq ?? 1).toBeLessThanOrEqual(state.seq + 1);
          state = applyEvents(state, page.events);
          if (!page.hasMore) break;
        }
        expect(state).toEqual(applyEvents(emptyState(), fixture.committed));
      }),
      RUNS,
    );
  });

  it('has rows of one task each, within the size limit and with the right length', async () => {
    let several = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        for (const row of (await play(steps)).rows) {
          const events = eventsOf(row);
          if (events.length > 1) several++;
          expect(row.chars).toBe(row.events.length);
          if (events.length > 1) expect(row.chars).toBeLessThanOrEqual(MAX_ROW_CHARS);
          expect(events[0]!.from_seq).toBe(row.from_seq);
          expect(events.at(-1)!.seq).toBe(row.seq);
        }
      }),
      RUNS,
    );
    expect(several).toBeGreaterThan(40);
  });
});

describe('a commit', () => {
  const delta = (offset: number): Said => ({
    task: 1,
    body: { type: 'text.delta', data: { message_id: 'm', part_id: 'a', offset, text: 'x' } },
  });
  const noteOf = (task: number): Said => ({ task, body: { type: 'agent.note', data: { level: 'info', text: 'n' } } });

  it('of ten increments of one text is one row with one event that covers ten positions', async () => {
    const fixture = await LogFixture.open();
    const before = fixture.rows.length;
    fixture.commit(Array.from({ length: 10 }, (_, index) => delta(index)));
    const [row] = fixture.rows.slice(before);
    expect(fixture.rows).toHaveLength(before + 1);
    expect(eventsOf(row!)).toMatchObject([{ from_seq: 3, seq: 12, data: { offset: 0, text: 'x'.repeat(10) } }]);
  });

  it('of two tasks is one row for each sequence of one task’s events, which events of the session may join', async () => {
    const fixture = await LogFixture.open();
    fixture.commit([noteOf(0), noteOf(1), noteOf(2), noteOf(0), noteOf(1)]);
    expect(fixture.rows.slice(-3)).toMatchObject([
      { task: 1, from_seq: 3, seq: 4 },
      { task: 2, from_seq: 5, seq: 6 },
      { task: 1, from_seq: 7, seq: 7 },
    ]);
    expect(fixture.read(PAGE_EVENTS).map(({ task }) => task)).toEqual([0, 1, 0, 1, 2, 0, 1]);
  });

  it('is not read before it is committed, but moves the head at once', async () => {
    const fixture = await LogFixture.open();
    fixture.fail([noteOf(1), noteOf(1)]);
    expect(fixture.log.head()).toBe(2);
    expect(fixture.read(PAGE_EVENTS)).toHaveLength(2);
  });
});
