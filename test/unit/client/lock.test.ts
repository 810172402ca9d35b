import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createClient } from '../../../src/client/client.ts';
import { ConnectionError } from '../../../src/client/errors.ts';
import { type LockHold, LockLostError, withLock } from '../../../src/client/lock.ts';
import { LockServer } from './support/lock-server.ts';

const LOCK = 'deploy:web';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function started() {
  const server = new LockServer();
  const client = createClient({ baseUrl: 'http://lock.test', token: 'token', fetch: server.fetch });
  return { server, client };
}

/** Work that goes on until it is told to end. */
function longWork() {
  const { promise, resolve } = Promise.withResolvers<string>();
  let hold: LockHold | null = null;
  const run = (given: LockHold) => {
    hold = given;
    return promise;
  };
  return { run, end: () => resolve('done'), hold: () => hold! };
}

/** How a promise ended; null if it has not. */
function endOf<T>(promise: Promise<T>): { value?: T; error?: unknown } {
  const end: { value?: T; error?: unknown } = {};
  promise.then(
    (value) => Object.assign(end, { value }),
    (error: unknown) => Object.assign(end, { error }),
  );
  return end;
}

it('returns what the work returns, and releases the lock at once', async () => {
  const { server, client } = started();
  const { promise, resolve } = Promise.withResolvers<number>();
  const locked = withLock(client, LOCK, () => promise, { owner: 'ci' });
  await server.pass(100);
  expect((await server.read(LOCK)).holder?.owner).toMatch(/^ci#/);
  resolve(7);
  expect(await server.settle(locked)).toBe(7);
  expect(await server.read(LOCK)).toMatchObject({ holder: null, waiters: [] });
});

it('passes on what the work throws, and releases the lock', async () => {
  const { server, client } = started();
  const failing = withLock(client, LOCK, () => {
    throw new RangeError('of the work');
  });
  await expect(server.settle(failing)).rejects.toThrow(RangeError);
  expect((await server.read(LOCK)).holder).toBeNull();
});

it('excludes each other in one program, too, in the order of arrival and with growing fencing tokens', async () => {
  const { server, client } = started();
  const story: string[] = [];
  const tokens: number[] = [];
  const works = ['a', 'b', 'c'].map((name) => ({ name, ...longWork() }));
  const all = works.map(({ name, run }) =>
    withLock(client, LOCK, async (hold) => {
      story.push(`${name} begins`);
      tokens.push(hold.fencingToken);
      await run(hold);
      story.push(`${name} ends`);
    }),
  );
  for (const { end } of works) {
    await server.pass(40_000);
    end();
  }
  await server.pass(40_000);
  await server.settle(Promise.all(all));
  expect(story).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  expect(tokens).toEqual(tokens.toSorted((one, other) => one - other));
});

it('holds the lock for longer than its TTL while the work is running', async () => {
  const { server, client } = started();
  const work = longWork();
  const locked = withLock(client, LOCK, work.run, { ttlSeconds: 3 });
  for (let seconds = 0; seconds < 60; seconds++) {
    await server.pass(1_000);
    expect((await server.read(LOCK)).holder).toMatchObject({ fencing_token: work.hold().fencingToken });
  }
  expect(work.hold().signal.aborted).toBe(false);
  work.end();
  expect(await server.settle(locked)).toBe('done');
});

it('survives an outage that is shorter than the TTL', async () => {
  const { server, client } = started();
  const work = longWork();
  const locked = withLock(client, LOCK, work.run, { ttlSeconds: 30 });
  for (let times = 0; times < 5; times++) {
    await server.pass(10_000);
    server.isAway = true;
    await server.pass(10_000);
    server.isAway = false;
  }
  expect(work.hold().signal.aborted).toBe(false);
  work.end();
  await server.pass(1_000);
  expect(await server.settle(locked)).toBe('done');
});

it('tells the work to stop before the lock can be lost, if it cannot be renewed', async () => {
  const { server, client } = started();
  const work = longWork();
  const end = endOf(withLock(client, LOCK, work.run, { ttlSeconds: 30 }));
  await server.pass(100);
  server.isAway = true;
  while (!work.hold().signal.aborted) await server.pass(100);
  expect((await server.read(LOCK)).holder, 'nobody else has it').toMatchObject({ owner: expect.any(String) });
  work.end();
  await server.pass(100);
  expect(end.error).toBeInstanceOf(LockLostError);
  expect((end.error as LockLostError).cause).toBeInstanceOf(ConnectionError);
});

it('tells the work to stop as soon as it learns that the lock was lost', async () => {
  const { server, client } = started();
  const work = longWork();
  const end = endOf(withLock(client, LOCK, work.run, { ttlSeconds: 30 }));
  await server.pass(100);
  await server.settle(client.locks.release(LOCK, { fencing_token: work.hold().fencingToken }));
  await server.pass(11_000);
  expect(work.hold().signal.aborted).toBe(true);
  work.end();
  await server.pass(100);
  expect(end.error).toMatchObject({ name: 'LockLostError', cause: { code: 'lock_lost' } });
});

it('notices that the machine has slept, while one of its clocks stood still', async () => {
  const { server, client } = started();
  const work = longWork();
  const end = endOf(withLock(client, LOCK, work.run, { ttlSeconds: 3_600 }));
  await server.pass(100);
  server.isAway = true;
  vi.setSystemTime(Date.now() + 3_600_000);
  await server.pass(2_000);
  expect(work.hold().signal.aborted).toBe(true);
  work.end();
  await server.pass(100);
  expect(end.error).toBeInstanceOf(LockLostError);
});

it('with a limit waits so long and leaves the queue, and says its place meanwhile', async () => {
  const { server, client } = started();
  const work = longWork();
  const first = withLock(client, LOCK, work.run);
  await server.pass(100);
  const tried = withLock(client, LOCK, () => 'never', { waitSeconds: 0 });
  await expect(server.settle(tried)).rejects.toMatchObject({ code: 'lock_held' });
  const places: number[] = [];
  const options = { waitSeconds: 40, onWait: (place: number) => void places.push(place) };
  const end = endOf(withLock(client, LOCK, () => 'never', options));
  await server.pass(38_000);
  expect([end, (await server.read(LOCK)).waiters.length]).toEqual([{}, 1]);
  await server.pass(3_000);
  expect(end.error).toMatchObject({ code: 'lock_held' });
  expect([places, (await server.read(LOCK)).waiters]).toEqual([[1, 1], []]);
  work.end();
  await server.settle(first);
});

it('waits on while the control plane is away', async () => {
  const { server, client } = started();
  server.isAway = true;
  const end = endOf(withLock(client, LOCK, () => 'done'));
  await server.pass(120_000);
  expect(end).toEqual({});
  server.isAway = false;
  await server.pass(10_000);
  expect(end).toEqual({ value: 'done' });
});

it('begins the work with a whole TTL, however long its request has waited', async () => {
  const { server, client } = started();
  const [first, second] = [longWork(), longWork()];
  const one = withLock(client, LOCK, first.run);
  await server.pass(100);
  const other = withLock(client, LOCK, second.run, { ttlSeconds: 3 });
  await server.pass(20_000);
  first.end();
  await server.settle(one);
  await server.pass(1_000);
  expect(second.hold().signal.aborted).toBe(false);
  await server.pass(10_000);
  expect(second.hold().signal.aborted).toBe(false);
  second.end();
  expect(await server.settle(other)).toBe('done');
});

it('ends the wait when the caller’s signal aborts, and passes the signal on to the work', async () => {
  const { server, client } = started();
  const work = longWork();
  const [stop, give] = [new AbortController(), new AbortController()];
  const first = withLock(client, LOCK, work.run, { signal: stop.signal });
  await server.pass(100);
  const waiting = endOf(withLock(client, LOCK, () => 'never', { signal: give.signal }));
  await server.pass(1_000);
  give.abort(new RangeError('no longer'));
  await server.pass(100);
  expect(waiting.error).toBeInstanceOf(RangeError);
  stop.abort();
  expect(work.hold().signal.aborted).toBe(true);
  work.end();
  expect(await server.settle(first), 'the work decides').toBe('done');
});
