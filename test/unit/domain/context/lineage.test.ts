import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { ancestorOf, type Parent } from '../../../../src/domain/context/ancestor.ts';
import { editsBetween } from '../../../../src/domain/context/edits.ts';
import type { JsonObject } from '../../../../src/domain/context/json.ts';
import { merge } from '../../../../src/domain/context/merge.ts';
import { overlay } from '../../../../src/domain/context/overlay.ts';
import { pick, unchangedSince, valueAtPlace, withValueAtPlace } from '../../../../src/domain/context/place.ts';
import { Stamps } from '../../../../src/domain/context/stamps.ts';
import { runs } from '../../../support/seeds.ts';
import { contextValue } from './context.arbitrary.ts';

const parent = (id: string, version: number, own_version: number, keys: string[] | null = null): Parent => ({
  ...{ id, version, own_version, keys },
});

describe('the common ancestor', () => {
  const of = (target: Parent[], source: Parent[], keys: string[] | null = null) =>
    ancestorOf({ id: 'T', parents: target }, { id: 'S', parents: source }, keys);
  it('is the version that one was copied from, or that it has merged last', () => {
    expect(of([], [])).toBeNull();
    expect(of([parent('S', 3, 1)], [])).toEqual({ of: 'source', version: 3 });
    expect(of([], [parent('T', 4, 1)])).toEqual({ of: 'target', version: 4 });
    expect(of([parent('S', 5, 7)], [parent('T', 2, 3)])).toEqual({ of: 'source', version: 5 });
    expect(of([parent('S', 5, 7)], [parent('T', 7, 6)])).toEqual({ of: 'target', version: 7 });
  });
  it('of two copies is the older version of their original', () => {
    expect(of([parent('P', 5, 1)], [parent('P', 3, 1)])).toEqual({ of: 'other', id: 'P', version: 3 });
  });
  it('is only what was taken, if some places were', () => {
    expect(of([parent('S', 3, 1, ['/a'])], [])).toBeNull();
    expect(of([parent('S', 3, 1, ['/a'])], [], ['/a'])).toEqual({ of: 'source', version: 3 });
    expect(of([parent('S', 3, 1)], [], ['/a'])).toEqual({ of: 'source', version: 3 });
    expect(of([], [parent('T', 3, 1, ['/a'])])).toBeNull();
  });
});

test('a merge from what is known of an old version has all conflicts of one from the version itself', () => {
  fc.assert(
    fc.property(contextValue, contextValue, contextValue, (old, now, other) => {
      const stamps = new Stamps({ stamp: { version: 1, at: 1, by: 'a' } });
      stamps.record(editsBetween(old, now), { version: 2, at: 2, by: 'a' }, old);
      const known = unchangedSince(now, stamps.root, 1);
      const exact = merge(old, other, now);
      const guessed = merge(known, other, now);
      const open = new Set(guessed.conflicts.map(({ path }) => path));
      for (const { path } of exact.conflicts) {
        expect([...open].some((one) => path.startsWith(one) || one.startsWith(path))).toBe(true);
      }
    }),
    runs(200),
  );
});

test('a conflict of a merge is resolved at its place, in arrays by the keys of items', () => {
  const value: JsonObject = { list: [{ id: 7, n: 1 }, { id: 8 }], plain: [1, 2], a: { b: 1 } };
  expect(valueAtPlace(value, ['list', '8'])).toEqual({ id: 8 });
  expect(withValueAtPlace(value, ['list', '7', 'n'], 2)).toMatchObject({ list: [{ id: 7, n: 2 }, { id: 8 }] });
  expect(withValueAtPlace(value, ['list', '8'], undefined)).toMatchObject({ list: [{ id: 7 }] });
  expect(withValueAtPlace(value, ['list', '9'], { id: 9 })).toMatchObject({ list: [{}, {}, { id: 9 }] });
  expect(withValueAtPlace(value, ['plain', '1'], 5)).toMatchObject({ plain: [1, 5] });
  expect(withValueAtPlace(value, ['a', 'b'], undefined)).toMatchObject({ a: {} });
  expect(withValueAtPlace(value, ['x', 'y'], undefined)).toBe(value);
  expect(value).toEqual({ list: [{ id: 7, n: 1 }, { id: 8 }], plain: [1, 2], a: { b: 1 } });
});

test('a merge whose conflicts all take the source is the merge that prefers the source', () => {
  fc.assert(
    fc.property(contextValue, contextValue, contextValue, (base, target, source) => {
      const { value, conflicts } = merge(base, target, source);
      const resolved = conflicts.reduce((now, { path, source: theirs }) => {
        const place = path
          .slice(1)
          .split('/')
          .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
        return withValueAtPlace(now, place, theirs);
      }, value);
      const preferred = merge(base, target, source, { decide: (one) => ({ value: one.source }) });
      // An item of an array that a conflict removes shifts those behind it.
      if (!JSON.stringify(conflicts).includes('/0"')) expect(resolved).toEqual(preferred.value);
    }),
    runs(200),
  );
});

test('a pick has the given places and nothing else', () => {
  expect(pick({ a: { b: 1, c: 2 }, d: 3 }, ['/a/b', '/x', '/d'])).toEqual({ a: { b: 1 }, d: 3 });
});

describe('an overlay', () => {
  it('has of each place the nearest value, and says whence', () => {
    const layers = [
      { a: { x: 1 }, only: { deep: [] } },
      { a: { x: 2, y: 2 }, b: 1 },
      { a: 5, b: { z: 3 }, c: null },
    ];
    expect(overlay(layers)).toEqual({
      value: { a: { x: 1, y: 2 }, only: { deep: [] }, b: 1, c: null },
      origins: [
        { path: '/a/x', layer: 0 },
        { path: '/a/y', layer: 1 },
        { path: '/only', layer: 0 },
        { path: '/b', layer: 1 },
        { path: '/c', layer: 2 },
      ],
    });
  });
  it('of one value is the value, and an empty one in front changes nothing', () => {
    fc.assert(
      fc.property(contextValue, (value) => {
        expect(overlay([value]).value).toEqual(value);
        expect(overlay([{}, value]).value).toEqual(value);
        expect(overlay([value, value]).value).toEqual(value);
      }),
      runs(200),
    );
  });
});
