import { expect, it, vi } from 'vitest';
import type { Destination } from '../../../../durable-objects/kit/delivery/outbox.ts';
import { buildKit, type ObjectKit, runAlarm } from '../../../../durable-objects/kit/runtime.ts';
import { Rejected } from '../../../../src/ports/rejected.ts';
import { eventually } from '../../../support/eventually.ts';
import { NodePlatform } from '../../../support/node-platform.ts';

const NO_TABLES = { object: 'Test', steps: [] };

/** A destination that records its deliveries, and fails on request. */
function recording(name = 'far') {
  const arrived: [string, unknown][] = [];
  const state = { fail: null as null | ((key: string) => Error | Promise<never> | null) };
  const destination: Destination = {
    name,
    deliver: async (key, payload) => {
      const failure = await state.fail?.(key);
      if (failure) throw failure;
      arrived.push([key, payload]);
    },
  };
  return { destination, arrived, state };
}

function objectWith(...destinations: Destination[]): { platform: NodePlatform; kit: ObjectKit; alarm: () => void } {
  const platform = new NodePlatform();
  const kit = buildKit(platform, NO_TABLES, destinations);
  kit.store.create(() => {});
  return { platform, kit, alarm: () => runAlarm(kit, () => {}) };
}

function put(kit: ObjectKit, key: string, payload: unknown, destination = 'far'): void {
  kit.store.transact(() => kit.outbox.put(destination, key, payload));
}

it('a row is delivered after its commit, and no alarm remains once the backstop has fired', async () => {
  const { destination, arrived } = recording();
  const { platform, kit, alarm } = objectWith(destination);
  put(kit, 'a', { n: 1 });
  const backstop = platform.alarm!;
  await platform.settle();
  expect(arrived).toEqual([['a', { n: 1 }]]);
  expect(kit.outbox.backlog()).toEqual([]);
  await platform.advance(backstop - platform.clock, alarm);
  expect(platform.alarm).toBeNull();
});

it('the deliveries of a transaction write one row, and delete it within the next commit', async () => {
  const { platform, kit } = objectWith(recording().destination, recording('near').destination);
  const changes = () => Number(platform.exec('SELECT total_changes() AS n', [])[0]?.n);
  const before = changes();
  kit.store.transact(() => {
    for (const key of ['a', 'b']) for (const destination of ['far', 'near']) kit.outbox.put(destination, key, 1);
  });
  expect(changes() - before).toBe(1);
  await platform.settle();
  expect(changes() - before, 'a delivery needs no separate commit').toBe(1);
  kit.store.transact(() => {});
  expect(changes() - before, 'a commit without changes deletes nothing').toBe(1);
  kit.store.transact(() => kit.deadlines.set('later', platform.clock + 1_000));
  expect(changes() - before, 'the deadline and the delete').toBe(3);
});

it('the entries of a large transaction are spread over several short rows', async () => {
  const { destination, arrived } = recording();
  const { platform, kit } = objectWith(destination);
  const long = 'x'.repeat(50_000);
  kit.store.transact(() => {
    for (let i = 0; i < 7; i++) kit.outbox.put('far', String(i), long);
  });
  const rows = platform.exec(`SELECT LENGTH(entries) AS chars FROM outbox`, []);
  expect(rows.map(({ chars }) => Number(chars) < 132_000)).toEqual([true, true, true, true]);
  await platform.settle();
  expect(arrived).toHaveLength(7);
});

it('an object that was evicted after a failure delivers only undelivered entries', async () => {
  const [far, near] = [recording(), recording('near')];
  const { platform, kit } = objectWith(far.destination, near.destination);
  far.state.fail = () => new Error('connection refused');
  kit.store.transact(() => {
    kit.outbox.put('far', 'a', 1);
    kit.outbox.put('near', 'b', 2);
  });
  await platform.settle();
  await platform.advance(60_000, () => runAlarm(kit, () => {}));
  expect(near.arrived).toEqual([['b', 2]]);

  far.state.fail = null;
  const reborn = buildKit(platform, NO_TABLES, [far.destination, near.destination]);
  await platform.advance(300_000, () => runAlarm(reborn, () => {}));
  expect(far.arrived).toEqual([['a', 1]]);
  expect(near.arrived).toEqual([['b', 2]]);
  expect(reborn.outbox.backlog()).toEqual([]);
  expect(platform.alarm).toBeNull();
});

it('a newer entry replaces an older one with its key, also after the process has died', async () => {
  const platform = new NodePlatform();
  const dying = buildKit(platform, NO_TABLES, [{ name: 'far', deliver: () => new Promise(() => {}) }]);
  dying.store.create(() => dying.outbox.put('far', 'a', 'old'));
  dying.store.transact(() => dying.outbox.put('far', 'a', 'new'));
  platform.evict();
  const { destination, arrived } = recording();
  const reborn = buildKit(platform, NO_TABLES, [destination]);
  await platform.advance(60_000, () => runAlarm(reborn, () => {}));
  expect(arrived).toEqual([['a', 'new']]);
  expect(platform.dump().outbox).toEqual([]);
});

it('the backstop alarm deletes a delivered row if no other commit follows, and the row is delivered once', async () => {
  const { destination, arrived } = recording();
  const { platform, kit } = objectWith(destination);
  put(kit, 'a', 1);
  await platform.settle();
  await platform.advance(60_000, () => runAlarm(kit, () => {}));
  expect(arrived).toEqual([['a', 1]]);
  expect(platform.alarm).toBeNull();
  expect(platform.dump().outbox).toEqual([]);
});

it('a row that is put again after its delivery is kept and delivered again', async () => {
  const { destination, arrived } = recording();
  const { platform, kit } = objectWith(destination);
  put(kit, 'a', 1);
  await platform.settle();
  put(kit, 'a', 2);
  await platform.settle();
  expect(arrived).toEqual([
    ['a', 1],
    ['a', 2],
  ]);
  expect(kit.outbox.backlog()).toEqual([]);
});

it('a delivered row is not delivered again when the commit that should delete it fails', async () => {
  const { destination, arrived } = recording();
  const { platform, kit } = objectWith(destination);
  put(kit, 'a', 1);
  await platform.settle();
  expect(() =>
    kit.store.transact(() => {
      kit.outbox.put('far', 'b', 2);
      throw new Error('no');
    }),
  ).toThrow('no');
  await platform.advance(60_000, () => runAlarm(kit, () => {}));
  expect(arrived).toEqual([['a', 1]]);
  expect(kit.outbox.backlog()).toEqual([]);
});

it('the deliveries of a commit start in the order of the destinations, not of the rows', async () => {
  const order: string[] = [];
  const named = (name: string): Destination => ({
    name,
    deliver: async () => {
      order.push(name);
    },
  });
  const { platform, kit } = objectWith(named('first'), named('second'));
  kit.store.transact(() => {
    kit.outbox.put('second', 'b', 1);
    kit.outbox.put('first', 'a', 1);
  });
  await platform.settle();
  expect(order).toEqual(['first', 'second']);
});

it('a row of a transaction that throws is never delivered', async () => {
  const { destination, arrived } = recording();
  const { platform, kit } = objectWith(destination);
  expect(() =>
    kit.store.transact(() => {
      kit.outbox.put('far', 'a', 1);
      throw new Error('no');
    }),
  ).toThrow('no');
  await platform.settle();
  expect(arrived).toEqual([]);
  expect(platform.alarm).toBeNull();
});

it('a row that is replaced during its delivery is delivered again with its newest payload', async () => {
  const { destination, arrived, state } = recording();
  const { platform, kit } = objectWith(destination);
  let replaced = false;
  state.fail = () => {
    if (!replaced) put(kit, 'a', 'new');
    replaced = true;
    return null;
  };
  put(kit, 'a', 'old');
  await platform.settle();
  expect(arrived).toEqual([
    ['a', 'old'],
    ['a', 'new'],
  ]);
  expect(kit.outbox.backlog()).toEqual([]);
});

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
  expect(kit.outbox.backlog()).toEqual([{ destination: 'far', waiting: 0, parked: 60 }]);
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
    expect(kit.outbox.backlog()).toEqual([{ destination: 'dead', waiting: 1, parked: 0 }]);
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
  expect(kit.outbox.backlog()).toEqual([]);

  const { destination, state } = recording();
  state.fail = () => new Error('away');
  const once = buildKit(platform, NO_TABLES, [destination]);
  once.store.transact(() => once.outbox.put('far', 'a', 1));
  await platform.settle();
  const later = buildKit(platform, NO_TABLES, []);
  platform.clock = platform.alarm!;
  platform.fireAlarm(() => runAlarm(later, () => {}));
  expect(platform.alarm).toBeNull();
  expect(later.outbox.backlog()).toEqual([{ destination: 'far', waiting: 1, parked: 0 }]);
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
  expect(kit.outbox.backlog()).toEqual([]);
});
