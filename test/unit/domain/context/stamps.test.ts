import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyEdits, type Edit, editsBetween, pathOf, valueAt } from '../../../../src/domain/context/edits.ts';
import { isSame, type JsonObject } from '../../../../src/domain/context/json.ts';
import { Stamps } from '../../../../src/domain/context/stamps.ts';
import { runs } from '../../../support/seeds.ts';
import { contextValue } from './context.arbitrary.ts';

const stamp = (version: number) => ({ version, at: version, by: 'somebody' });

/** A context with its stamps, which has version 1. */
function stamped(data: JsonObject = {}) {
  const stamps = new Stamps({ stamp: stamp(1) });
  const versions = [data, data];
  return {
    versions,
    /** Makes the next version. */
    edit: (...edits: Edit[]) => {
      const before = versions.at(-1)!;
      stamps.record(edits, stamp(versions.length), before);
      versions.push(applyEdits(before, edits));
    },
    newestIn: (...place: string[]) => stamps.newestIn(place, versions.at(-1)!).version,
    changedIn: (version: number, ...place: string[]) => [...stamps.changedIn(place, versions.at(-1)!, version)],
  };
}

test('a place has the stamp of its last change, or of the place above that was set as a whole', () => {
  const { edit, newestIn } = stamped({ a: { b: 0 } });
  edit({ path: '/a/b', value: 1 });
  edit({ path: '/a/c', value: 1 });
  expect(newestIn('a', 'b')).toBe(2);
  expect(newestIn('a')).toBe(3);
  expect(newestIn('a', 'b', 'deeper')).toBe(2);
  expect(newestIn('other')).toBe(1);
  edit({ path: '/a', value: 'x' });
  expect(newestIn('a', 'b')).toBe(4);
  expect(newestIn()).toBe(4);
});

test('a removed place keeps the stamp of its removal, also for what is put into it again', () => {
  const { edit, newestIn } = stamped({ a: { b: 1 } });
  edit({ path: '/a' });
  expect(newestIn('a', 'x')).toBe(2);
  edit({ path: '/a', value: { c: 1 } });
  expect([newestIn('a'), newestIn('a', 'c'), newestIn('a', 'x')]).toEqual([3, 3, 2]);
});

test('an object that is new has changed only what is in it', () => {
  const { edit, newestIn, changedIn } = stamped();
  edit({ path: '/a', value: { b: { c: [1], e: {} } } });
  edit({ path: '/a/b/d', value: 1 });
  expect([newestIn('a', 'b', 'c'), newestIn('a', 'b', 'c', '7'), newestIn('a', 'b')]).toEqual([2, 2, 3]);
  expect([newestIn('a', 'x', 'y'), newestIn('a', 'b', 'x'), newestIn('a', 'b', 'e', 'x')]).toEqual([1, 1, 1]);
  expect(changedIn(1, 'a')).toEqual([
    { path: '/a/b/c', version: 2 },
    { path: '/a/b/e', version: 2 },
    { path: '/a/b/d', version: 3 },
  ]);
  expect(changedIn(2, 'a')).toEqual([{ path: '/a/b/d', version: 3 }]);
  expect(changedIn(1, 'a', 'b', 'c')).toEqual([{ path: '/a/b/c', version: 2 }]);
});

test('every place that has changed since a version has a newer stamp, and is in what has changed', () => {
  fc.assert(
    fc.property(fc.array(contextValue, { minLength: 2, maxLength: 5 }), contextValue, (values, wanted) => {
      const { edit, versions, newestIn, changedIn } = stamped(values[0]);
      for (const value of values.slice(1)) edit(...editsBetween(versions.at(-1)!, value));
      const now = versions.at(-1)!;
      for (let version = 1; version < versions.length; version++) {
        for (const { path } of editsBetween(now, wanted)) {
          const place = pathOf(path);
          const hasChanged = !isSame(valueAt(now, place), valueAt(versions[version]!, place));
          if (hasChanged) expect(newestIn(...place)).toBeGreaterThan(version);
          expect(changedIn(version, ...place).length > 0).toBe(newestIn(...place) > version);
        }
      }
    }),
    runs(300),
  );
});
