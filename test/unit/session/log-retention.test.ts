import { describe, expect, it } from 'vitest';
import { applyEvents, emptyState } from '../../../src/domain/session/session-state.ts';
import { parseCursor } from '../../../src/protocol/common/cursor.ts';
import { checkpoint, type FakeAgent, note, partDone, result, text } from './fake-agent.ts';
import { SessionInProcess, unwrap } from './harness.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const MAX_ROWS = 300;

function fill(agent: FakeAgent, notes: number, words = 'n'): void {
  for (let i = 0; i < notes; i += 50)
    agent.send(...Array.from({ length: 50 }, (_, index) => note(`${words}${i + index}`)));
}

function small(): SessionInProcess {
  return new SessionInProcess({ config: { max_log_events: MAX_ROWS } });
}

/** A session whose log exceeded its limit and was trimmed, with a watcher that has all of it. */
async function trimmed(title = 'A session') {
  const session = small();
  const agent = await session.begun({ title });
  const whole = session.watcher().connect().catchUp();
  for (let i = 0; i < 7; i++) {
    fill(agent, 50, '😀'.repeat(1_000));
    whole.catchUp();
  }
  const cursorBelowTheFloor = (await session.events())[3]!.seq;
  await session.advance(1);
  return { session, agent, whole, cursorBelowTheFloor };
}

it('the transcript of an ended session is readable page by page after its events were deleted', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  for (let i = 0; i < 4; i++) agent.send(note(`${i}`.repeat(300_000)));
  fill(agent, 20);
  agent.send(result());
  const before = (await session.folded()).transcript;
  await session.advance(31 * DAY_MS);
  expect(await session.events()).toEqual([]);
  const seen: unknown[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = unwrap(await session.runtime.transcript(session.call(), { page_size: 10, ...(cursor && { cursor }) }));
    expect(JSON.stringify(page).length).toBeLessThan(1_100_000);
    seen.push(...page.items);
    cursor = page.next_cursor;
  }
  expect(seen).toEqual(before);
});

describe('a log over its limit', () => {
  it('folds its older half into a base, and base and rest give the same state', async () => {
    const { session, whole } = await trimmed();
    const floor = session.row<{ floor_seq: number }>('session')!.floor_seq;
    expect(floor).toBeGreaterThan(MAX_ROWS / 2);
    const rest = await session.events();
    expect(rest[0]?.from_seq).toBe(floor + 1);
    expect(await session.folded()).toEqual(applyEvents(emptyState(), whole.events));
    expect(await session.folded()).toEqual(whole.follower.state);
  });

  // With a title of odd or of even length, a cut at a fixed length would split a character of the base.
  it.each(['odd', 'even'])(
    'gives a new watcher the complete base as a snapshot, and then the rest (%s)',
    async (title) => {
      const { session, agent, whole } = await trimmed(title);
      const late = session.watcher().connect();
      expect(late.client?.frames()).toMatchObject([{ mode: 'snapshot', reason: 'no_cursor' }]);
      late.catchUp();
      agent.send(note('live'));
      expect(late.catchUp().follower.state).toEqual(whole.catchUp().follower.state);
      expect(late.faults).toEqual([]);
    },
  );

  it('gives a watcher with a cursor below the floor a snapshot, and a reader of pages the log from its floor', async () => {
    const { session, cursorBelowTheFloor, whole } = await trimmed();
    const { incarnation } = parseCursor((await session.view()).cursor)!;
    const client = session.openWatch(`${incarnation}.${cursorBelowTheFloor}`);
    expect(client.frames()).toMatchObject([{ mode: 'snapshot', reason: 'below_floor' }]);
    const page = await session.runtime.events(session.call(), { incarnation, seq: cursorBelowTheFloor }, 500);
    expect(page).toMatchObject({ value: { reset: true } });
    expect(whole.faults).toEqual([]);
  });

  it('restarts a watcher from the new base if it is trimmed during the watcher’s catch-up', async () => {
    const session = small();
    const agent = await session.begun();
    fill(agent, MAX_ROWS + 50);
    const slow = session.watcher().connect();
    slow.read(2);
    await session.advance(1);
    expect(session.row<{ floor_seq: number }>('session')!.floor_seq).toBeGreaterThan(0);
    slow.catchUp();
    expect(slow.faults).toEqual([]);
    expect(slow.live).toBe(true);
    expect(slow.follower.state).toEqual(await session.folded());
  });
});

describe('the acknowledgement of frames', () => {
  it('is stored in the row of their events, so that a batch writes one row', async () => {
    const session = small();
    const agent = await session.begun();
    const before = session.row('leases');
    agent.send(note('one'), note('two'));
    expect(agent.acked).toBe(2);
    expect(session.row('leases')).toEqual(before);
    expect(session.rows('event_batches').at(-1)).toMatchObject({ task: 1, epoch: 1, acked: 2 });
  });

  it('is kept when trimming deletes those events', async () => {
    const session = small();
    const agent = await session.begun();
    fill(agent, MAX_ROWS + 50);
    const { head } = agent;
    await session.advance(1);
    session.platform.transaction(() => session.platform.exec(`DELETE FROM event_batches WHERE acked IS NOT NULL`, []));
    session.restart(1);
    expect(agent.connect().acked).toBe(head);
  });

  it('is stored for a batch without events', async () => {
    const session = small();
    const agent = await session.begun();
    agent.send(note('an event'));
    agent.send(...checkpoint('one').slice(0, 1));
    session.restart(1);
    expect(agent.connect().acked).toBe(2);
    agent.send(note('another'));
    session.restart(1);
    expect(agent.connect().acked).toBe(3);
  });
});

describe('a text that streams', () => {
  it('is read as one event for each sequence of increments, and the log has no gap around it', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(text('a', 0, 'one'), note('between'), text('a', 3, ' two'), text('a', 7, ' three'), partDone('a', 13));
    const events = await session.events();
    expect(events.filter(({ type }) => type === 'text.delta')).toMatchObject([
      { data: { offset: 0, text: 'one' } },
      { data: { offset: 3, text: ' two three' } },
    ]);
    events.reduce((head, event) => {
      expect(event.from_seq).toBe(head + 1);
      return event.seq;
    }, 0);
  });

  it('is joined in order when another text streams at the same time', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const watcher = session.watcher().connect().catchUp();
    agent.send(text('a', 0, '1'), text('a', 1, '2'), text('b', 0, 'x'), text('b', 1, 'y'), text('a', 2, '3'));
    agent.send(partDone('a', 3), partDone('b', 2));
    watcher.catchUp();
    expect((await session.events()).flatMap((event) => (event.type === 'text.delta' ? [event.data.text] : []))).toEqual(
      ['12', 'xy', '3'],
    );
    expect(await session.folded()).toEqual(watcher.follower.state);
  });

  it('is read as several events if it is longer than a page', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const words = 'w'.repeat(50_000);
    for (let i = 0; i < 8; i++) agent.send(text('a', i * 50_000, words));
    agent.send(partDone('a', 400_000));
    const runs = (await session.events()).filter(({ type }) => type === 'text.delta');
    expect(runs.length).toBeGreaterThan(1);
    expect(runs.length).toBeLessThan(8);
    expect((await session.folded()).transcript.at(-1)).toMatchObject({ text: words.repeat(8), done: true });
  });
});

it('a session that ended long ago keeps only its state, and watchers see the same state with an empty log', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  agent.send(text('a', 0, 'the work'), partDone('a', 8), result());
  const before = await session.folded();
  await session.advance(30 * DAY_MS);
  expect(session.rows('event_batches')).toEqual([]);
  expect(await session.folded()).toEqual(before);
  expect(session.watcher().connect().catchUp().follower.state).toEqual(before);
  expect(await session.view()).toMatchObject({ status: 'completed', result: { text: 'Done.' } });
});

it('the log is trimmed even if only people write to it', async () => {
  const session = new SessionInProcess({ config: { max_log_events: 20 } });
  await session.create();
  for (let n = 0; n < 30; n++) await session.runtime.update(session.call(), { title: `Title ${n}` });
  await session.advance(MINUTE_MS);
  expect((await session.events()).length).toBeLessThan(30);
  expect((await session.folded()).title).toBe('Title 29');
});
