import { beforeEach, describe, expect, it } from 'vitest';
import type { SqlRow, SqlValue } from '../../../../durable-objects/kit/platform/platform.ts';
import { buildKit } from '../../../../durable-objects/kit/runtime.ts';
import { CachedRows } from '../../../../durable-objects/kit/storage/cached-rows.ts';
import type { ObjectSchema } from '../../../../durable-objects/kit/storage/schema.ts';
import type { ObjectStore } from '../../../../durable-objects/kit/storage/store.ts';
import { NodePlatform } from '../../../support/node-platform.ts';

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

/** A platform that records the statements on the table `things`. */
class ListeningPlatform extends NodePlatform {
  queries: string[] = [];

  override exec(query: string, bindings: SqlValue[]): SqlRow[] {
    if (query.includes('things')) this.queries.push(query);
    return super.exec(query, bindings);
  }
}

describe('rows that are cached in memory', () => {
  let platform: ListeningPlatform;
  let store: ObjectStore;
  let things: CachedRows<Thing>;

  /** The object after an eviction, with empty memory. */
  const wake = (complete?: (row: Thing) => Thing) => {
    ({ store } = buildKit(platform, SCHEMA, []));
    things = new CachedRows<Thing>(store, 'things', 'id', complete);
    platform.queries = [];
  };

  beforeEach(() => {
    platform = new ListeningPlatform();
    wake();
    store.create(() => things.put({ id: 1, name: 'one', count: 0 }));
    wake();
  });

  const stored = () => platform.exec('SELECT * FROM things ORDER BY id', []);

  it('are read once, and written once per transaction even if they change several times', () => {
    for (let round = 0; round < 2; round++) {
      store.transact(() => {
        for (let i = 0; i < 5; i++) things.update(1, { count: things.get(1)!.count + 1 });
      });
    }
    expect(things.get(1)).toMatchObject({ count: 10 });
    expect(platform.queries).toEqual([
      'SELECT * FROM things WHERE id = ?',
      'UPDATE things SET count = ? WHERE id = ?',
      'UPDATE things SET count = ? WHERE id = ?',
    ]);
    expect(stored()).toEqual([{ id: 1, name: 'one', count: 10 }]);
  });

  it('are not written if a transaction restores their first value', () => {
    store.transact(() => {
      things.update(1, { name: 'other' });
      things.update(1, { name: 'one', count: 0 });
    });
    expect(platform.queries).toEqual(['SELECT * FROM things WHERE id = ?']);
  });

  it.each([
    ['before', (fail: () => never) => fail()],
    ['after', (fail: () => never) => store.beforeCommit(fail)],
  ])('equal the stored rows after a failed transaction, %s they were written', (_when, end) => {
    const failing = () =>
      store.transact(() => {
        things.update(1, { name: 'lost' });
        things.put({ id: 2, name: 'lost', count: 0 });
        end(() => {
          expect(things.all().map(({ name }) => name)).toEqual(['lost', 'lost']);
          throw new Error('rolled back');
        });
      });
    expect(failing).toThrow('rolled back');
    expect(things.all()).toEqual([{ id: 1, name: 'one', count: 0 }]);
    store.transact(() => things.update(1, { count: 1 }));
    expect(stored()).toEqual([{ id: 1, name: 'one', count: 1 }]);
  });

  it('are listed with their pending changes, in the order of their keys', () => {
    store.transact(() => {
      things.put({ id: 3, name: 'three', count: 0 });
      things.update(1, { name: 'first' });
      things.put({ id: 2, name: 'two', count: 0 });
      expect(things.all().map(({ name }) => name)).toEqual(['first', 'two', 'three']);
    });
    expect(stored().map(({ name }) => name)).toEqual(['first', 'two', 'three']);
    expect(things.get(4)).toBeUndefined();
  });

  it('are not queried again after all of them were read', () => {
    store.transact(() => {
      things.put({ id: 2, name: 'two', count: 0 });
      expect(things.all()).toHaveLength(2);
      expect(things.all()).toHaveLength(2);
      expect(things.get(3)).toBeUndefined();
      expect(things.get(1)).toMatchObject({ name: 'one' });
      expect(platform.queries).toEqual(['SELECT * FROM things']);
    });
    things.all();
    expect(platform.queries.filter((query) => query.startsWith('SELECT'))).toHaveLength(1);
  });

  it('are written again if a later writer of the transaction changes them', () => {
    store.transact(() => {
      things.update(1, { name: 'first' });
      store.beforeCommit(() => things.update(1, { count: 9 }));
    });
    expect(stored()).toEqual([{ id: 1, name: 'first', count: 9 }]);
  });

  it('are deleted when removed, also in the transaction that has put them again', () => {
    store.transact(() => things.remove(1));
    expect(things.all().map(({ id }) => id)).not.toContain(1);
    store.transact(() => things.put({ id: 1, name: 'again', count: 0 }));
    store.transact(() => {
      things.put({ id: 1, name: 'once more', count: 0 });
      things.remove(1);
      things.remove(99);
    });
    expect(platform.exec(`SELECT id FROM things WHERE id = 1`, [])).toEqual([]);
  });

  it('cannot be changed outside a transaction', () => {
    expect(() => things.update(1, { count: 1 })).toThrow('this must run inside a transaction');
    expect(() => things.put({ id: 2, name: 'two', count: 0 })).toThrow('this must run inside a transaction');
    expect(things.all()).toHaveLength(1);
  });

  it('cannot be changed if they do not exist', () => {
    expect(() => store.transact(() => things.update(7, { count: 1 }))).toThrow('no row 7 in things');
  });

  it('are read again after another statement wrote their table, and after its transaction failed', () => {
    const emptied = (end: () => void) =>
      store.transact(() => {
        store.rows('DELETE FROM things');
        things.forget();
        expect(things.all()).toEqual([]);
        end();
      });
    things.all();
    expect(() =>
      emptied(() => {
        throw new Error('rolled back');
      }),
    ).toThrow('rolled back');
    expect(things.all()).toHaveLength(1);
    emptied(() => {});
    expect(things.all()).toEqual([]);
  });

  it('get members that are stored elsewhere when they are read, and write them only with a change of the row', () => {
    let elsewhere = 40;
    wake((row) => ({ ...row, count: elsewhere }));
    store.transact(() => {
      elsewhere = 41;
      things.note(1, { count: 41 });
      things.update(1, { name: 'first' });
    });
    expect(things.get(1)).toEqual({ id: 1, name: 'first', count: 41 });
    expect(stored(), 'written only when it changes').toEqual([{ id: 1, name: 'first', count: 0 }]);
    store.transact(() => things.update(1, { count: 42 }));
    expect(stored()).toEqual([{ id: 1, name: 'first', count: 42 }]);
  });
});
