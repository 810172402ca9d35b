import { expect, it, vi } from 'vitest';
import { buildKit, runAlarm } from '../../../../durable-objects/kit/runtime.ts';
import { Rejected } from '../../../../src/ports/rejected.ts';
import { eventually } from '../../../support/eventually.ts';
import { NodePlatform } from '../../../support/node-platform.ts';
import { NO_TABLES, objectWith, put, recording } from './outbox.fixture.ts';

it('an unreachable destination is retried without end at growing intervals, and gets everything when it returns', async () => {
  const { destination, arrived, state } = recording();
  const { platform, kit, alarm } = objectWith(destination);
  let attempts = 0;
  state.fail = () => {
    attempts++;
    return new Error('connection refused');
  };
  for (const key of ['a', 'b', 'c']) put(kit, key, key);
  await platform.settle();
  expect(attempts).toBe(1);

  const pauses: number[] = [];
  for (let i = 0; i < 30; i++) {
    const pause = platform.alarm! - platform.clock;
    pauses.push(pause);
    await platform.advance(pause, alarm);
  }
  expect(attempts).toBe(31);
  expect(pauses.every((pause) => pause <= 300_000)).toBe(true);
  expect(pauses.at(-1)).toBeGreaterThan(150_000 - 1);

  put(kit, 'd', 'd');
  await platform.settle();
  expect(attempts, 'a new row does not hammer a dead destination').toBe(31);

  state.fail = null;
  await platform.advance(300_000, alarm);
  expect(arrived.map(([key]) => key).sort()).toEqual(['a', 'b', 'c', 'd']);
  expect(platform.alarm).toBeNull();
});

it('a destination that accepts some rows before it fails is retried soon, even after many failures', async () => {
  const { destination, arrived, state } = recording();
  const { platform, kit, alarm } = objectWith(destination);
  state.fail = () => new Error('connection refused');
  for (const key of ['a', 'b']) put(kit, key, key);
  await platform.settle();
  for (let i = 0; i < 20; i++) await platform.advance(platform.alarm! - platform.clock, alarm);
  expect(platform.alarm! - platform.clock).toBeGreaterThan(100_000);

  state.fail = (key) => (key === 'a' ? null : new Error('connection reset'));
  await platform.advance(platform.alarm! - platform.clock, alarm);
  expect(arrived).toEqual([['a', 'a']]);
  expect(platform.alarm! - platform.clock).toBeLessThanOrEqual(1_000);
});

it('a delivery that takes longer than its backstop does not start twice', async () => {
  const { destination, arrived, state } = recording();
  const { platform, kit, alarm } = objectWith(destination);
  let arrive: (() => void) | undefined;
  state.fail = () => new Promise<never>((resolve) => (arrive = resolve as () => void));
  put(kit, 'a', 1);
  await eventually(() => expect(arrive).toBeTypeOf('function'));
  platform.clock = platform.alarm!;
  platform.fireAlarm(alarm);
  expect(platform.alarm).toBeGreaterThan(platform.clock);
  arrive?.();
  await platform.settle();
  expect(arrived).toEqual([['a', 1]]);
  expect(platform.alarm).toBeNull();
  expect(platform.dump()).toMatchObject({ outbox: [], destinations: [] });
});

it('a row that is rejected ten times is parked and logged, and other rows are still delivered', async () => {
  const { destination, arrived, state } = recording();
  const { platform, kit, alarm } = objectWith(destination);
  state.fail = (key) => (key.startsWith('bad') ? new Rejected('no such column') : null);
  for (let i = 0; i < 60; i++) put(kit, `bad-${i}`, i);
  put(kit, 'good', 1);
  await platform.settle();
  await platform.advance(1_000, alarm);
  expect(arrived, 'a rejected row goes to the end of the queue').toEqual([['good', 1]]);

  await platform.advance(3_600_000, alarm);
  expect(kit.outbox.undelivered()).toMatchObject([{ destination: 'far', waiting: 0, parked: 60 }]);
  expect(platform.alarm, 'a parked row needs no alarm').toBeNull();

  state.fail = null;
  put(kit, 'bad-0', 'fixed');
  await platform.settle();
  expect(arrived.at(-1)).toEqual(['bad-0', 'fixed']);
});

it('a destination that hangs delays no other destination and no deadline, and its delivery times out', async () => {
  vi.useFakeTimers();
  try {
    const dead = recording('dead');
    const live = recording('live');
    const { platform, kit } = objectWith(dead.destination, live.destination);
    dead.state.fail = () => new Promise<never>(() => {});
    put(kit, 'a', 1, 'dead');
    kit.store.transact(() => kit.deadlines.set('local', platform.now() + 10));
    put(kit, 'b', 2, 'live');
    await vi.advanceTimersByTimeAsync(0);
    expect(live.arrived).toEqual([['b', 2]]);

    platform.clock += 10;
    const ran: string[] = [];
    platform.fireAlarm(() => runAlarm(kit, (name) => ran.push(name)));
    expect(ran).toEqual(['local']);

    await vi.advanceTimersByTimeAsync(5_000);
    await platform.settle();
    expect(vi.getTimerCount(), 'no timer outlives its call').toBe(0);
    expect(kit.outbox.undelivered()).toMatchObject([{ destination: 'dead', waiting: 1, parked: 0 }]);
  } finally {
    vi.useRealTimers();
  }
});

it('the alarm repeats a drain that was killed with its process', async () => {
  const first = recording();
  const platform = new NodePlatform();
  const dying = buildKit(platform, NO_TABLES, [{ name: 'far', deliver: () => new Promise(() => {}) }]);
  dying.store.create(() => dying.outbox.put('far', 'a', 1));
  platform.evict();
  const reborn = buildKit(platform, NO_TABLES, [first.destination]);
  platform.clock = platform.alarm!;
  platform.fireAlarm(() => runAlarm(reborn, () => {}));
  await platform.settle();
  expect(first.arrived).toEqual([['a', 1]]);
});

it('a destination without configuration gets no rows, and its existing rows set no alarm', async () => {
  const { platform, kit } = objectWith();
  put(kit, 'a', 1, 'nowhere');
  expect(kit.outbox.undelivered()).toEqual([]);

  const { destination, state } = recording();
  state.fail = () => new Error('away');
  const once = buildKit(platform, NO_TABLES, [destination]);
  once.store.transact(() => once.outbox.put('far', 'a', 1));
  await platform.settle();
  const later = buildKit(platform, NO_TABLES, []);
  platform.clock = platform.alarm!;
  platform.fireAlarm(() => runAlarm(later, () => {}));
  expect(platform.alarm).toBeNull();
  expect(later.outbox.undelivered()).toMatchObject([{ destination: 'far', waiting: 1, parked: 0 }]);
});

it('waiting for a failing destination starts no delivery', async () => {
  const { destination, state } = recording();
  const { platform, kit } = objectWith(destination);
  let attempts = 0;
  state.fail = () => {
    attempts++;
    return new Error('overloaded');
  };
  put(kit, 'a', 1);
  await kit.outbox.settled('far');
  const due = platform.alarm;
  for (let i = 0; i < 10; i++) {
    put(kit, 'a', i);
    await kit.outbox.settled('far');
  }
  expect(attempts).toBe(1);
  expect(platform.alarm).toBe(due);
});

it('an entry that always fails delays the others by a few pauses', async () => {
  const { destination, arrived, state } = recording();
  const { platform, kit, alarm } = objectWith(destination);
  state.fail = (key) => (key === 'bad' ? new Error('a bug') : null);
  put(kit, 'bad', 1);
  await platform.settle();
  for (const key of ['b', 'c', 'd']) put(kit, key, key);
  await platform.advance(1_800_000, alarm);
  expect(arrived.map(([key]) => key)).toEqual(['b', 'c', 'd']);
});

it('a destination with a longer pause is tried a few times a day', async () => {
  const { destination, state } = recording();
  const { platform, kit, alarm } = objectWith({ ...destination, retry_ms_max: 21_600_000 });
  let attempts = 0;
  state.fail = () => {
    attempts++;
    return new Error('away');
  };
  put(kit, 'a', 1);
  await platform.settle();
  await platform.advance(86_400_000, alarm);
  attempts = 0;
  await platform.advance(86_400_000, alarm);
  expect(attempts).toBeLessThanOrEqual(8);
});

it('an entry that is too long for the memory of many is refused with its transaction', () => {
  const { kit } = objectWith(recording().destination);
  expect(() => put(kit, 'a', 'x'.repeat(270_000))).toThrow(RangeError);
  expect(kit.outbox.undelivered()).toEqual([]);
});
