import { expect, test, vi } from 'vitest';
import { quietAfterMs } from '../../../runner/lease/lease-stream.ts';
import { holdTime, note, start, TTL_MS } from './lease-stream.fixture.ts';

holdTime();

/** Half an hour with all its attempts to connect, and the rest asleep. */
async function silence(ms: number): Promise<void> {
  const awake = 1_800_000;
  await vi.advanceTimersByTimeAsync(awake);
  vi.setSystemTime(Date.now() + ms - awake);
  await vi.advanceTimersByTimeAsync(60_000);
}

test('silence is reported before the lease can expire, and the next message reports that the lease is alive', async () => {
  const { session, stream, told } = start();
  await vi.advanceTimersByTimeAsync(10);
  await vi.advanceTimersByTimeAsync(TTL_MS * 2);
  expect(told).toEqual(['granted']);
  session.isReachable = false;
  session.cut();
  await vi.advanceTimersByTimeAsync(quietAfterMs(TTL_MS) + 2_000);
  expect(quietAfterMs(TTL_MS)).toBe(TTL_MS - 15_000);
  expect(told).toEqual(['granted', 'quiet']);
  session.isReachable = true;
  await vi.advanceTimersByTimeAsync(16_000);
  expect(told).toEqual(['granted', 'quiet', 'alive']);
  stream.discard();
});

test('a process that was suspended while its connection stayed open asks the session whether it still holds the lease', async () => {
  const { session, stream, told } = start();
  await vi.advanceTimersByTimeAsync(10);
  vi.setSystemTime(Date.now() + quietAfterMs(TTL_MS) + 5_000);
  await vi.advanceTimersByTimeAsync(20_000);
  expect([told, session.presented]).toEqual([['granted', 'quiet', 'alive'], 2]);
  stream.append(note('goes on'));
  await vi.advanceTimersByTimeAsync(10);
  expect(session.stored).toEqual([{ n: 1, ...note('goes on') }]);
  stream.discard();
});

test('frames of a granted lease are kept through days of silence and delivered afterwards', async () => {
  const { session, stream, told } = start();
  await vi.advanceTimersByTimeAsync(10);
  session.isReachable = false;
  session.cut();
  stream.append(note('work'));
  await silence(2 * 86_400_000);
  expect(told).toEqual(['granted', 'quiet']);
  session.isReachable = true;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(told).toEqual(['granted', 'quiet', 'alive']);
  expect(session.stored).toEqual([{ n: 1, ...note('work') }]);
  stream.discard();
});

test('a lease is given up after a week of silence, and an unanswered claim after minutes', async () => {
  const { session, told } = start();
  await vi.advanceTimersByTimeAsync(10);
  session.isReachable = false;
  session.cut();
  await silence(7 * 86_400_000);
  expect(told).toEqual(['granted', 'quiet', 'lost']);

  const other = start({}, false);
  await vi.advanceTimersByTimeAsync(TTL_MS * 6);
  expect(other.told).toEqual(['lost']);
});
