import { describe, expect, it } from 'vitest';
import type { NewContext } from '../../../src/ports/contexts.ts';
import { ContextInProcess } from '../../support/context-in-process.ts';
import { valueIn } from '../../support/value-in.ts';
import { CALL } from './home.ts';
import { DAY_MS, HOUR_MS, ID, OWNERS, TieredWorld } from './tiered-world.ts';

describe('a temporary context', () => {
  it('is gone an hour after its last use, from its home, Redis and lists', async () => {
    const world = await TieredWorld.of('temporary');
    await world.home.advance(HOUR_MS / 2);
    await world.write(1);
    await world.home.advance(HOUR_MS / 2 + 60_000);
    expect(valueIn(await world.home.read(CALL)).data).toEqual({ n: 1 });
    await world.home.advance(2 * HOUR_MS);
    expect(await world.home.read(CALL)).toMatchObject({ failure: { code: 'context_not_found' } });
    expect(await world.archive.list('default', {}, null, 1)).toEqual([]);
    expect(await world.copy()).toEqual({ version: 2, text: null });
    expect(world.rows).toEqual([]);
  });
});

describe('an idle context', () => {
  it('of an agent retires after seven days, when Postgres has its value and its history', async () => {
    const world = await TieredWorld.of('agent');
    for (const n of [1, 2, 3]) await world.write(n);
    await world.home.advance(7 * DAY_MS - HOUR_MS);
    expect(world.isRetired).toBe(false);
    await world.home.advance(DAY_MS);
    expect(world.isRetired).toBe(true);
    expect(await world.archive.read('default', ID)).toMatchObject({ version: 4, data: '{"n":3}' });
    expect(await world.copy()).toEqual({ version: 4, text: null });
    expect(world.platform.dump()).toMatchObject({ $alarm: null });
  });

  it('of a session retires a day after the session’s end, and asks for it seldom', async () => {
    const world = await TieredWorld.of('session');
    await world.home.advance(10 * DAY_MS);
    expect(world.isRetired).toBe(false);
    expect(world.asked).toBeLessThan(50);
    world.endedAt = world.platform.clock;
    await world.home.advance(DAY_MS - HOUR_MS);
    expect(world.isRetired).toBe(false);
    await world.home.advance(8 * HOUR_MS);
    expect(world.isRetired).toBe(true);
  });

  it('is read from Postgres, and brought back by frequent reads, by a write, and by a look at its history', async () => {
    const world = await TieredWorld.of('agent');
    for (const n of [1, 2]) await world.write(n);
    for (const bringBack of [
      async () => {
        for (const _ of [1, 2, 3]) expect(valueIn(await world.home.read(CALL))).toMatchObject({ data: { n: 2 } });
      },
      async () => expect(valueIn(await world.home.history(CALL)).items.map(({ version }) => version)).toEqual([3, 2]),
      async () => expect(await world.write(9)).toBe(4),
    ]) {
      await world.home.advance(8 * DAY_MS);
      expect(world.isRetired).toBe(true);
      world.home.evict();
      const read = valueIn(await world.home.read(CALL));
      expect(read).toMatchObject({ version: 3, data: { n: 2 }, updated_by: { token_id: 'static' } });
      expect(world.isRetired).toBe(true);
      await bringBack();
      expect(world.isRetired).toBe(false);
    }
    expect(valueIn(await world.home.read(CALL))).toMatchObject({ version: 4, data: { n: 9 } });
    await world.home.advance(DAY_MS);
    // Postgres shows the new version, and no old data.
    expect(await world.archive.list('default', {}, null, 1)).toMatchObject([{ version: 4 }]);
    expect(await world.archive.read('default', ID)).toBeNull();
  });

  it('that is written while Postgres stores it stays, and so does one that is read', async () => {
    const world = await TieredWorld.of('agent');
    const { put } = world.archive;
    for (const use of [() => world.write(5), () => world.home.read(CALL)]) {
      world.archive.put = async (record) => {
        if (record.history !== null) await use();
        return put.call(world.archive, record);
      };
      await world.home.advance(8 * DAY_MS);
      expect(world.isRetired).toBe(false);
    }
    world.archive.put = put;
    await world.home.advance(8 * DAY_MS);
    expect(world.isRetired).toBe(true);
    expect(await world.archive.read('default', ID)).toMatchObject({ version: 2, data: '{"n":5}' });
  });

  it('does not retire while Postgres is away, and only what is in Postgres alone is unavailable', async () => {
    const world = await TieredWorld.of('agent');
    world.isAway = true;
    await world.home.advance(20 * DAY_MS);
    expect(world.isRetired).toBe(false);
    expect(await world.write(1)).toBe(2);
    world.isAway = false;
    await world.home.advance(20 * DAY_MS);
    expect(world.isRetired).toBe(true);
    world.isAway = true;
    const before = world.platform.dump();
    for (const refused of [await world.home.read(CALL), await world.home.update(CALL, { n: 2 })]) {
      expect(refused).toMatchObject({ failure: { code: 'unavailable', retry_after_seconds: expect.any(Number) } });
    }
    expect(world.platform.dump()).toEqual(before);
    world.isAway = false;
    expect(await world.write(2)).toBe(3);
  });

  it('is not answered from a Postgres that has lost the version which it confirmed', async () => {
    const world = await TieredWorld.of('agent');
    const backup = structuredClone(world.archive.rows);
    await world.write(1);
    await world.home.advance(8 * DAY_MS);
    world.archive.rows.clear();
    for (const [key, row] of backup) world.archive.rows.set(key, { ...row, data: '{"n":0}', history: '[]' });
    for (const refused of [await world.home.read(CALL), await world.home.update(CALL, { n: 2 })]) {
      expect(refused).toMatchObject({ failure: { code: 'unavailable' } });
    }
  });

  it('of a home without Postgres stays, and sets no alarm', async () => {
    const home = new ContextInProcess();
    const context: NewContext = { id: ID, name: 'main', scope: 'session', ...OWNERS };
    valueIn(await home.create(CALL, context, { n: 0 }));
    expect(home.platform.alarm).toBeNull();
  });
});

describe('a temporary context that is used', () => {
  const QUARTER_MS = HOUR_MS / 4;
  const uses = {
    'is read': (world: TieredWorld) => world.home.read(CALL),
    'has its history read': (world: TieredWorld) => world.home.history(CALL),
    'has an older version read': (world: TieredWorld) => world.home.call('read', CALL, 1),
    'has one place read': (world: TieredWorld) => world.home.call('readKey', CALL, '/n'),
    'is merged into another one': (world: TieredWorld) => world.home.call('snapshot', CALL, []),
    'has versions compared': (world: TieredWorld) => world.home.call('diff', CALL, 1, 2),
    'has its conflicts listed': (world: TieredWorld) => world.home.call('conflicts', CALL),
    'is a layer of what is effective': (world: TieredWorld) => world.home.call('readMasked', CALL),
    'is about to be watched': (world: TieredWorld) => world.home.call('mayWatch', CALL),
  };

  it.each(Object.entries(uses))('stays while it %s, also when its object is evicted in between', async (_, use) => {
    const world = await TieredWorld.of('temporary');
    await world.write(1);
    for (const _ of Array(8).keys()) {
      await world.home.advance(QUARTER_MS);
      expect((await use(world)).ok).toBe(true);
      world.home.evict();
    }
    await world.home.advance(HOUR_MS - 60_000);
    expect(valueIn(await world.home.read(CALL)).data).toEqual({ n: 1 });
    await world.home.advance(2 * HOUR_MS);
    expect(await world.home.read(CALL)).toMatchObject({ ok: false, failure: { code: 'context_not_found' } });
  });

  it('stays while it is watched, and an hour after the end of the watch', async () => {
    const world = await TieredWorld.of('temporary');
    const client = world.watch();
    await world.home.advance(3 * HOUR_MS);
    world.home.evict();
    client.close();
    world.home.evict();
    await world.home.advance(HOUR_MS - 60_000);
    expect(valueIn(world.home.runtime.readMasked(CALL)).data).toEqual({ n: 0 });
    await world.home.advance(HOUR_MS);
    expect(await world.home.read(CALL)).toMatchObject({ failure: { code: 'context_not_found' } });
  });

  it('writes nothing for the uses of seven minutes', async () => {
    const world = await TieredWorld.of('temporary');
    await world.write(1);
    await world.home.advance(60_000);
    valueIn(await world.home.read(CALL));
    const rows = () => Number(world.home.platform.exec('SELECT total_changes() AS n', [])[0]?.n);
    const before = rows();
    for (const _ of Array(6).keys()) {
      await world.home.advance(60_000);
      valueIn(await world.home.read(CALL));
    }
    expect(rows() - before).toBe(0);
  });
});
