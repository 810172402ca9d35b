import { expect, it } from 'vitest';
import type { Destination } from '../../../../durable-objects/kit/delivery/outbox.ts';
import { buildKit, type ObjectKit, runAlarm } from '../../../../durable-objects/kit/runtime.ts';
import type { ObjectSchema } from '../../../../durable-objects/kit/storage/schema.ts';
import { NodePlatform } from '../../../support/node-platform.ts';

const NO_TABLES: ObjectSchema = { object: 'Outbox', steps: [] };
const alarmOf = (kit: ObjectKit) => () => runAlarm(kit, () => {});

function recording(name: string): { destination: Destination; arrived: string[] } {
  const arrived: string[] = [];
  return { destination: { name, deliver: async (key) => void arrived.push(key) }, arrived };
}

it('entries are delivered even if the first read of them failed', async () => {
  const platform = new NodePlatform();
  const dying = buildKit(platform, NO_TABLES, [{ name: 'far', deliver: () => new Promise(() => {}) }]);
  dying.store.create(() => dying.outbox.put('far', 'a', 1));
  platform.evict();

  const { destination, arrived } = recording('far');
  const reborn = buildKit(platform, NO_TABLES, [destination]);
  const exec = platform.exec.bind(platform);
  let reads = 0;
  platform.exec = (query, bindings) => {
    if (query.includes('SELECT id, due_at, entries') && ++reads === 1) throw new Error('the disk did not answer');
    return exec(query, bindings);
  };
  await platform.advance(60_000, alarmOf(reborn));
  expect(reads).toBeGreaterThan(1);
  expect(arrived).toEqual(['a']);
  expect(platform.alarm).toBeNull();
});

it('an entry that arrived after its backstop, beside one that waits, does not stay after an eviction', async () => {
  const platform = new NodePlatform();
  const slow = Promise.withResolvers<void>();
  const away: Destination = { name: 'near', deliver: () => Promise.reject(new Error('away')) };
  const first = buildKit(platform, NO_TABLES, [{ name: 'far', deliver: () => slow.promise }, away]);
  first.store.create(() => {
    first.outbox.put('far', 'a', 1);
    first.outbox.put('near', 'b', 1);
  });
  await new Promise(setImmediate);
  platform.clock += 2_000;
  platform.fireAlarm(alarmOf(first));
  slow.resolve();
  await platform.settle();

  const [far, near] = [recording('far'), recording('near')];
  const evicted = buildKit(platform, NO_TABLES, [far.destination, near.destination]);
  await platform.advance(600_000, alarmOf(evicted));
  expect(near.arrived).toEqual(['b']);
  expect(evicted.outbox.undelivered()).toEqual([]);
  expect(platform.dump().outbox).toEqual([]);
  expect(platform.alarm).toBeNull();
});
