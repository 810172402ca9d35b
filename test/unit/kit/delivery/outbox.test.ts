import { expect, it } from 'vitest';
import type { Destination } from '../../../../durable-objects/kit/delivery/outbox.ts';
import { buildKit, runAlarm } from '../../../../durable-objects/kit/runtime.ts';
import { NodePlatform } from '../../../support/node-platform.ts';
import { NO_TABLES, objectWith, put, recording } from './outbox.fixture.ts';

it('a row is delivered after its commit, and no alarm remains once the backstop has fired', async () => {
  const { destination, arrived } = recording();
  const { platform, kit, alarm } = objectWith(destination);
  put(kit, 'a', { n: 1 });
  const backstop = platform.alarm!;
  await platform.settle();
  expect(arrived).toEqual([['a', { n: 1 }]]);
  expect(kit.outbox.undelivered()).toEqual([]);
  await platform.advance(backstop - platform.clock, alarm);
  expect(platform.alarm).toBeNull();
});

it('deliveries start after the turn of their commit, and at once if a caller waits for them', async () => {
  const { destination, arrived } = recording();
  const { platform, kit } = objectWith(destination);
  put(kit, 'a', 1);
  // All that this turn still has to do.
  for (let step = 0; step < 50; step++) await Promise.resolve();
  const before = [...arrived];
  await platform.settle();
  expect([before, arrived]).toEqual([[], [['a', 1]]]);
  put(kit, 'b', 2);
  await kit.outbox.settled('far');
  expect(arrived).toEqual([
    ['a', 1],
    ['b', 2],
  ]);
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

it('new entries take the row of delivered ones, and lose nothing when the commit fails or waits for another row', async () => {
  const { destination, arrived } = recording();
  const { platform, kit } = objectWith(destination, recording('near').destination);
  const changes = () => Number(platform.exec('SELECT total_changes() AS n', [])[0]?.n);
  put(kit, 'a', 1);
  await platform.settle();
  const before = changes();
  put(kit, 'b', 2);
  expect(changes() - before, 'no delete, and no insert').toBe(1);
  await platform.settle();

  platform.failAt(1);
  expect(() => put(kit, 'c', 3)).toThrow();
  platform.failAt(Number.POSITIVE_INFINITY);
  put(kit, 'c', 4);
  await platform.settle();
  expect(arrived).toEqual([
    ['a', 1],
    ['b', 2],
    ['c', 4],
  ]);
});

it('a delivered row before a waiting one is not filled again, because the later row is the newer after an eviction', async () => {
  const [far, near] = [recording(), recording('near')];
  const { platform, kit } = objectWith(far.destination, near.destination);
  far.state.fail = () => new Error('connection refused');
  put(kit, 'k', 'oldest');
  await platform.settle();
  const arrival = Promise.withResolvers<never>();
  near.state.fail = () => arrival.promise;
  put(kit, 'a', 1, 'near');
  put(kit, 'k', 'old');
  arrival.resolve(null as never);
  await platform.settle();
  expect(near.arrived).toEqual([['a', 1]]);
  put(kit, 'k', 'new');
  const evicted = buildKit(platform, NO_TABLES, [far.destination, near.destination]);
  far.state.fail = null;
  await platform.advance(600_000, () => runAlarm(evicted, () => {}));
  expect(far.arrived.at(-1)).toEqual(['k', 'new']);
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
  expect(reborn.outbox.undelivered()).toEqual([]);
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
  expect(kit.outbox.undelivered()).toEqual([]);
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
  expect(kit.outbox.undelivered()).toEqual([]);
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
  expect(kit.outbox.undelivered()).toEqual([]);
});

it('a destination with a bound drops what is new beyond it, and still takes newer entries of waiting keys', async () => {
  const { destination, arrived, state } = recording();
  const { platform, kit, alarm } = objectWith({ ...destination, entries_max: 2 });
  const dropped: unknown[] = [];
  platform.logger = (_level, event, fields) => void (event === 'outbox_full' && dropped.push(fields));
  state.fail = () => new Error('connection refused');
  for (const key of ['a', 'b', 'c']) put(kit, key, 'old');
  put(kit, 'a', 'new');
  expect(dropped).toEqual([{ destination: 'far', key: 'c' }]);
  state.fail = null;
  await platform.advance(300_000, alarm);
  put(kit, 'c', 'later');
  await platform.settle();
  expect(arrived.toSorted()).toEqual([
    ['a', 'new'],
    ['b', 'old'],
    ['c', 'later'],
  ]);
});
