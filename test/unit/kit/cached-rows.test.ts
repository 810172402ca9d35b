import { beforeEach, describe, expect, it } from 'vitest';
import { CachedRows } from '../../../durable-objects/kit/cached-rows.ts';
import type { SqlRow, SqlValue } from '../../../durable-objects/kit/platform.ts';
import { buildKit } from '../../../durable-objects/kit/runtime.ts';
import type { ObjectSchema } from '../../../durable-objects/kit/schema.ts';
import type { ObjectStore } from '../../../durable-objects/kit/store.ts';
import { NodePlatform } from '../../support/node-platform.ts';

const SCHEMA: ObjectSchema = {
  object: 'Test',
  steps: [
    {
      id: 'test/0001_things',
      sql: 'CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL, count INTEGER NOT NULL);',
    },
  ],
};

interface Thing {
  id: number;
  name: string;
  count: number;
}

/** A platform that remembers the statements about things. */
class ListeningPlatform extends NodePlatform {
  heard: string[] = [];

  override exec(query: string, bindings: SqlValue[]): SqlRow[] {
    if (query.includes('things')) this.heard.push(query);
    return super.exec(query, bindings);
  }
}

describe('rows that are kept for a transaction', () => {
  let platform: ListeningPlatform;
  let store: ObjectStore;
  let things: CachedRows<Thing>;

  beforeEach(() => {
    platform = new ListeningPlatform();
    ({ store } = buildKit(platform, SCHEMA, []));
    things = new CachedRows(store, 'things', 'id');
    store.create(() => things.put({ id: 1, name: 'one', count: 0 }));
    platform.heard = [];
  });

  const stored = () => platform.exec('SELECT * FROM things ORDER BY id', []);

  it('are read once and written once, however often they change', () => {
    store.transact(() => {
      for (let i = 0; i < 5; i++) things.update(1, { count: things.get(1)!.count + 1 });
    });
    expect(platform.heard).toEqual(['SELECT * FROM things WHERE id = ?', 'UPDATE things SET count = ? WHERE id = ?']);
    expect(stored()).toEqual([{ id: 1, name: 'one', count: 5 }]);
  });

  it('are not written when they end as they began', () => {
    store.transact(() => {
      things.update(1, { name: 'other' });
      things.update(1, { name: 'one', count: 0 });
    });
    expect(platform.heard).toEqual(['SELECT * FROM things WHERE id = ?']);
  });

  it('are forgotten with a transaction that fails, and with one that commits', () => {
    const failing = () =>
      store.transact(() => {
        things.update(1, { name: 'lost' });
        things.put({ id: 2, name: 'lost', count: 0 });
        throw new Error('rolled back');
      });
    expect(failing).toThrow('rolled back');
    expect(things.get(1)).toMatchObject({ name: 'one' });
    store.transact(() => {
      expect(things.all()).toEqual([{ id: 1, name: 'one', count: 0 }]);
      things.update(1, { count: 1 });
    });
    platform.transaction(() => platform.exec(`UPDATE things SET name = 'changed elsewhere'`, []));
    store.transact(() => expect(things.get(1)).toEqual({ id: 1, name: 'changed elsewhere', count: 1 }));
  });

  it('are seen as they will be written, in the order of their keys', () => {
    store.transact(() => {
      things.put({ id: 3, name: 'three', count: 0 });
      things.update(1, { name: 'first' });
      things.put({ id: 2, name: 'two', count: 0 });
      expect(things.all().map(({ name }) => name)).toEqual(['first', 'two', 'three']);
    });
    expect(stored().map(({ name }) => name)).toEqual(['first', 'two', 'three']);
  });

  it('are all read once in a transaction, and then none is looked for again', () => {
    store.transact(() => {
      things.put({ id: 2, name: 'two', count: 0 });
      expect(things.all()).toHaveLength(2);
      expect(things.all()).toHaveLength(2);
      expect(things.get(3)).toBeUndefined();
      expect(things.get(1)).toMatchObject({ name: 'one' });
      expect(platform.heard).toEqual(['SELECT * FROM things ORDER BY id']);
    });
    things.all();
    expect(platform.heard.filter((query) => query.startsWith('SELECT'))).toHaveLength(2);
  });

  it('can be given more to write by a part that writes after them', () => {
    const log = () => things.update(1, { count: 9 });
    store.transact(() => {
      things.update(1, { name: 'first' });
      store.beforeCommit(log);
    });
    expect(stored()).toEqual([{ id: 1, name: 'first', count: 9 }]);
  });

  it('are read again each time outside of a transaction, and cannot be changed there', () => {
    things.get(1);
    things.get(1);
    expect(platform.heard).toHaveLength(2);
    expect(() => things.update(1, { count: 1 })).toThrow('no transaction is under way');
    expect(() => things.put({ id: 2, name: 'two', count: 0 })).toThrow('no transaction is under way');
  });

  it('are refused a change when they are not there', () => {
    expect(() => store.transact(() => things.update(7, { count: 1 }))).toThrow('no row 7 in things');
  });

  it('get what is stored elsewhere when they are read, and it is written only when it changes', () => {
    const counted = new CachedRows<Thing>(store, 'things', 'id', (row) => ({ ...row, count: 40 }));
    store.transact(() => counted.update(1, { name: 'first' }));
    expect(stored()).toEqual([{ id: 1, name: 'first', count: 0 }]);
    store.transact(() => counted.update(1, { count: counted.get(1)!.count + 2 }));
    expect(stored()).toEqual([{ id: 1, name: 'first', count: 42 }]);
  });
});
