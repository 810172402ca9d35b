import { describe, expect, it } from 'vitest';
import type { SessionConfig } from '../../../durable-objects/session/config.ts';
import { applyEvents, emptyState } from '../../../src/domain/session/session-state.ts';
import { BATCH_BYTES } from '../../../src/protocol/common/limits.ts';
import type { WatchFrame } from '../../../src/protocol/session/watch-socket.ts';
import { MeasuredPlatform } from '../../support/measured-platform.ts';
import { type FakeAgent, note, result } from './fake-agent.ts';
import { SessionInProcess, unwrap } from './harness.ts';

const DAY_MS = 86_400_000;
/** The events of a row that reads may load beyond what they use. */
const ROW_CHARS = BATCH_BYTES / 2;
const SLICE_CHARS = 4 * BATCH_BYTES;

/** Adds events that are so long that each has a row of its own. */
function long(agent: FakeAgent, events: number): void {
  for (let i = 0; i < events; i += 10) {
    agent.send(...Array.from({ length: Math.min(10, events - i) }, (_, n) => note(`${i + n}`.padEnd(80_000, '.'))));
  }
}

async function opened(config: Partial<SessionConfig>) {
  const platform = new MeasuredPlatform();
  const session = new SessionInProcess({ platform, config });
  return { platform, session, agent: await session.begun() };
}

/** Fires the alarm until a deadline is done. @returns what each time has read */
async function slicesOf(session: SessionInProcess, platform: MeasuredPlatform, deadline: string, each = () => {}) {
  const read: number[] = [];
  while (session.dueAt(deadline) !== null) {
    platform.clock = Math.max(platform.clock, platform.alarm ?? 0);
    platform.take();
    platform.fireAlarm(() => session.runtime.alarm());
    read.push(platform.take().chars);
    await platform.settle();
    each();
  }
  return read;
}

const floorOf = (session: SessionInProcess) => session.row<{ floor_seq: number }>('session')!.floor_seq;

describe('trimming a long log', () => {
  it('reads at most a slice and the base at a time, however long the log is', async () => {
    const { platform, session, agent } = await opened({ max_log_events: 120 });
    const whole = session.watcher().connect().catchUp();
    for (let i = 0; i < 13; i++) {
      long(agent, 10);
      whole.catchUp();
    }
    const read = await slicesOf(session, platform, 'trim');
    expect(read.length).toBeGreaterThan(2);
    for (const chars of read) expect(chars).toBeLessThan(SLICE_CHARS + ROW_CHARS);
    const head = whole.follower.state.seq;
    expect(head - floorOf(session)).toBe(60);
    expect(await session.folded()).toEqual(applyEvents(emptyState(), whole.events));
  });

  it('takes requests between two slices, and goes on after a restart', async () => {
    const { platform, session, agent } = await opened({ max_log_events: 120 });
    long(agent, 130);
    await session.advance(1);
    const early = floorOf(session);
    expect(early).toBeGreaterThan(0);
    await session.runtime.update(session.call(), { title: 'Between slices' });
    session.restart(1);
    await slicesOf(session, platform, 'trim');
    expect(floorOf(session)).toBeGreaterThan(early);
    expect((await session.folded()).title).toBe('Between slices');
    expect((await session.events())[0]?.from_seq).toBe(floorOf(session) + 1);
  });

  it('starts when the log is too long for few events, and ends at half of the length', async () => {
    const { platform, session, agent } = await opened({ max_log_chars: 8_000_000 });
    long(agent, 90);
    expect(session.dueAt('trim')).toBeNull();
    long(agent, 20);
    await slicesOf(session, platform, 'trim');
    const rows = session.rows<{ chars: number }>('event_batches');
    const chars = rows.reduce((sum, row) => sum + row.chars, 0);
    expect(chars).toBeLessThan(4_200_000);
    expect(chars).toBeGreaterThan(3_000_000);
    expect((await session.events())[0]?.from_seq).toBe(floorOf(session) + 1);
  });

  it('to nothing but its base, long after the end, is done in slices too', async () => {
    const { platform, session, agent } = await opened({});
    long(agent, 80);
    agent.send(result());
    await session.settle();
    const before = await session.folded();
    platform.clock += 31 * DAY_MS;
    const read = await slicesOf(session, platform, 'retire');
    expect(read.length).toBeGreaterThan(3);
    expect(session.rows('event_batches')).toEqual([]);
    expect(await session.folded()).toEqual(before);
  });
});

it('purging a long session deletes some rows at a time, and ends with its tombstone', async () => {
  const { platform, session, agent } = await opened({ deleted_retention_ms: DAY_MS });
  long(agent, 250);
  await session.runtime.remove(session.call());
  platform.clock += DAY_MS;
  let last = session.rows('event_batches').length;
  const read = await slicesOf(session, platform, 'purge', () => {
    const left = session.rows('event_batches').length;
    expect(last - left).toBeLessThanOrEqual(100);
    last = left;
  });
  expect(read.length).toBeGreaterThan(2);
  expect(session.rows('tasks')).toEqual([]);
  expect(session.row('session')).toMatchObject({ spec: '{}' });
});

describe('reading a long log', () => {
  it('loads no more than the page that a reader gets', async () => {
    const { platform, session, agent } = await opened({});
    long(agent, 100);
    platform.take();
    const page = await session.runtime.events(session.call(), null, 500);
    expect(page).toMatchObject({ ok: true, value: { has_more: true } });
    const read = platform.take();
    expect(read.chars).toBeLessThan(BATCH_BYTES);
    expect(read.rows).toBeLessThan(50);
  });

  it('looks for an open turn in the end of the log only', async () => {
    const { platform, session, agent } = await opened({});
    agent.send({ type: 'turn.started', data: { turn: 1, message: 1, model: null, agent: null } });
    long(agent, 100);
    const due = session.dueAt('lease:1')!;
    agent.client!.vanish();
    platform.clock = due + 600_000;
    platform.take();
    platform.fireAlarm(() => session.runtime.alarm());
    platform.clock += 600_000;
    platform.fireAlarm(() => session.runtime.alarm());
    expect(session.row<{ ended: string }>('leases')!.ended).toBe('lost');
    expect(platform.take().chars).toBeLessThan(SLICE_CHARS + 2 * ROW_CHARS);
  });

  it('folds the transcript page by page, and answers others between', async () => {
    const { platform, session, agent } = await opened({});
    long(agent, 60);
    platform.take();
    const reading = session.runtime.transcript(session.call());
    expect(platform.take().chars, 'before another request').toBeLessThan(2 * BATCH_BYTES);
    await session.runtime.update(session.call(), { title: 'Meanwhile' });
    expect(unwrap(await reading).items.at(-1)).toMatchObject({ kind: 'note' });
    expect((await session.folded()).title).toBe('Meanwhile');
  });

  it('hands a watcher the base slice by slice, and loads no other slice for it', async () => {
    const { platform, session, agent } = await opened({ max_log_events: 100 });
    long(agent, 120);
    await slicesOf(session, platform, 'trim');
    const client = session.openWatch();
    const { parts } = client.take<{ parts: number }>()[0]!;
    expect(parts).toBeGreaterThan(5);
    let taken = 0;
    for (let part = 0; part < parts; part++) {
      platform.take();
      client.send({ type: 'pull' });
      expect(platform.take().chars).toBeLessThan(BATCH_BYTES);
      const frames = client.take<WatchFrame>();
      taken += frames.filter(({ type }) => type === 'snapshot').length;
      for (const frame of frames) if (frame.type === 'mark') client.send({ type: 'ack', mark: frame.mark });
    }
    expect(taken).toBe(parts);
  });
});
