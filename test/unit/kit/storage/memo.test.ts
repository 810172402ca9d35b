import { expect, it } from 'vitest';
import { Memo } from '../../../../durable-objects/kit/storage/memo.ts';
import { ObjectStore } from '../../../../durable-objects/kit/storage/store.ts';
import { NodePlatform } from '../../../support/node-platform.ts';

const SCHEMA = { object: 'Test', steps: [{ id: 'test/0001', sql: 'CREATE TABLE names (name TEXT NOT NULL);\n' }] };

function names(version?: () => number) {
  const store = new ObjectStore(new NodePlatform(), SCHEMA);
  store.create(() => {});
  let reads = 0;
  const memo = new Memo(
    store,
    () => {
      reads++;
      return store.rows<{ name: string }>(`SELECT name FROM names ORDER BY rowid`).map(({ name }) => name);
    },
    version,
  );
  const add = (name: string) => store.rows(`INSERT INTO names (name) VALUES (?)`, name);
  return { store, memo, add, reads: () => reads };
}

it('a memo reads once until the object writes, and then shows what was written', () => {
  const { store, memo, add, reads } = names();
  expect([memo.value, memo.value]).toEqual([[], []]);
  expect(reads()).toBe(1);
  store.transact(() => add('a'));
  expect([memo.value, memo.value]).toEqual([['a'], ['a']]);
  expect(reads()).toBe(2);
});

it('a memo shows a transaction its own rows, and nobody the rows of one that has failed', () => {
  const { store, memo, add } = names();
  store.transact(() => {
    expect(memo.value).toEqual([]);
    add('a');
    expect(memo.value).toEqual(['a']);
  });
  const failing = () =>
    store.transact(() => {
      add('b');
      expect(memo.value).toEqual(['a', 'b']);
      throw new Error('no');
    });
  expect(failing).toThrow('no');
  expect(memo.value).toEqual(['a']);
});

it('a memo with a version reads once until that grows', () => {
  let version = 0;
  const { store, memo, add, reads } = names(() => version);
  expect(memo.value).toEqual([]);
  store.transact(() => add('a'));
  expect(memo.value).toEqual([]);
  store.transact(() => {
    version++;
    expect(memo.value).toEqual(['a']);
    add('b');
  });
  expect([memo.value, memo.value]).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ]);
  expect(reads()).toBe(3);
});
