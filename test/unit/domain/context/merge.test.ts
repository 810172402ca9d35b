import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyEdits, editsBetween, type Path, pathOf } from '../../../../src/domain/context/edits.ts';
import type { Json, JsonObject } from '../../../../src/domain/context/json.ts';
import { merge } from '../../../../src/domain/context/merge.ts';
import { type Stamp, Stamps } from '../../../../src/domain/context/stamps.ts';
import { type MergeStrategy, strategyOf } from '../../../../src/domain/context/strategies.ts';
import { runs } from '../../../support/seeds.ts';
import { contextValue } from './context.arbitrary.ts';

const ROOT = { version: 1, at: 0, by: 'base' };
type NewestIn = (place: Path) => Stamp;

/** The stamps of a context that was changed from its base at one time. */
function stampsOf(base: JsonObject, value: JsonObject, at: number, version: number): NewestIn {
  const stamps = new Stamps({ stamp: ROOT });
  stamps.record(editsBetween(base, value), { version, at, by: `at ${at}` }, base);
  return (place) => stamps.newestIn(place, value);
}

describe('whatever three values are merged', () => {
  test('what one side alone has changed is taken, and merging it again changes nothing', () => {
    fc.assert(
      fc.property(contextValue, contextValue, (base, changed) => {
        const none = { conflicts: [] };
        expect(merge(base, base, changed)).toEqual({ value: changed, ...none });
        expect(merge(base, changed, base)).toEqual({ value: changed, ...none });
        expect(merge(base, changed, changed)).toEqual({ value: changed, ...none });
        expect(merge(undefined, changed, changed)).toEqual({ value: changed, ...none });
      }),
      runs(500),
    );
  });

  test('edits of different places never conflict, and the merge has them all', () => {
    fc.assert(
      fc.property(contextValue, contextValue, contextValue, fc.array(fc.boolean()), (base, x, y, sides) => {
        const ours = editsBetween(base, x);
        const theirs = editsBetween(base, y).filter(({ path }) => {
          return !ours.some((edit) => isWithin(edit.path, path) || isWithin(path, edit.path));
        });
        const kept = ours.filter((_, index) => sides[index] ?? true);
        const { value, conflicts } = merge(base, applyEdits(base, kept), applyEdits(base, theirs));
        expect(conflicts).toEqual([]);
        expect(value).toEqual(applyEdits(applyEdits(base, kept), theirs));
      }),
      runs(500),
    );
  });

  test('each conflict is listed once, with what all sides have, and stays open in a manual merge', () => {
    fc.assert(
      fc.property(contextValue, contextValue, contextValue, (base, target, source) => {
        const { conflicts } = merge(base, target, source);
        const paths = conflicts.map(({ path }) => path);
        expect(new Set(paths).size).toBe(paths.length);
        for (const path of paths) expect(paths.filter((other) => isWithin(path, other))).toEqual([path]);
        for (const { target: ours, source: theirs } of conflicts) expect(ours).not.toEqual(theirs);
      }),
      runs(500),
    );
  });

  test('last_write_wins comes to the same value in both directions, and every strategy but manual decides all', () => {
    fc.assert(
      fc.property(contextValue, contextValue, contextValue, fc.nat(3), fc.nat(3), (base, x, y, at, later) => {
        const [ofX, ofY] = [stampsOf(base, x, at, 2), stampsOf(base, y, later, 3)];
        const decide = (target: NewestIn, source: NewestIn) => strategyOf('last_write_wins', { target, source });
        const there = merge(base, x, y, decide(ofX, ofY));
        expect(there).toEqual(merge(base, y, x, decide(ofY, ofX)));
        for (const strategy of ['last_write_wins', 'deep_merge', 'prefer_source', 'prefer_target'] as const) {
          expect(merge(base, x, y, strategyOf(strategy, { target: ofX, source: ofY })).conflicts).toEqual([]);
        }
      }),
      runs(500),
    );
  });
});

function isWithin(above: string, place: string): boolean {
  return pathOf(above).every((member, index) => pathOf(place)[index] === member);
}

const LONG = Array.from({ length: 5_000 }, (_, n) => (n % 50 === 0 ? '' : `line ${n}`)).join('\n');
const EQUAL = 'same\n'.repeat(10_000);
const withLines = (lines: Record<number, string>) =>
  EQUAL.split('\n')
    .map((line, n) => lines[n] ?? line)
    .join('\n');
const ONE = withLines({ 5000: 'one', 5002: 'middle' });
const OTHER = withLines({ 5002: 'middle', 5004: 'other' });
const BOTH = withLines({ 5000: 'one', 5002: 'middle', 5004: 'other' });

/** Base, target, source, and what comes of it: the value, and the places in conflict. */
test.each<[what: string, base: JsonObject, target: JsonObject, source: JsonObject, value: JsonObject, open: string[]]>([
  ['members of both', { a: 1 }, { a: 1, b: 2 }, { a: 1, c: 3 }, { a: 1, b: 2, c: 3 }, []],
  ['the same place', { a: 1 }, { a: 2 }, { a: 3 }, { a: 2 }, ['/a']],
  ['a removed and a changed place', { a: 1 }, {}, { a: 3 }, {}, ['/a']],
  [
    'items with an id',
    { list: [{ id: 1, n: 0 }, { id: 2 }] },
    { list: [{ id: 1, n: 5 }, { id: 2 }, { id: 3 }] },
    { list: [{ id: 1, n: 0 }, { id: 4 }] },
    { list: [{ id: 1, n: 5 }, { id: 3 }, { id: 4 }] },
    [],
  ],
  ['items without one, by position', { l: [1, 2] }, { l: [5, 2] }, { l: [1, 6, 7] }, { l: [5, 6, 7] }, []],
  ['removed items without one', { l: [1, 2] }, { l: [2] }, { l: [1, 2, 3] }, { l: [2] }, ['/l']],
  ['lines of a text', { t: 'a\nb\nc' }, { t: 'A\nb\nc' }, { t: 'a\nb\nC' }, { t: 'A\nb\nC' }, []],
  ['distant lines of a long text', { t: LONG }, { t: `A${LONG}` }, { t: `${LONG}C` }, { t: `A${LONG}C` }, []],
  [
    'lines among thousands of equal ones',
    { t: withLines({ 5002: 'middle' }) },
    { t: ONE },
    { t: OTHER },
    { t: BOTH },
    [],
  ],
  ['texts with too many equal lines', { t: EQUAL }, { t: `A${EQUAL}` }, { t: `${EQUAL}C` }, { t: `A${EQUAL}` }, ['/t']],
  ['the same line of a text', { t: 'a\nb' }, { t: 'x\nb' }, { t: 'y\nb' }, { t: 'x\nb' }, ['/t']],
  [
    'null and nothing',
    { a: null, b: [null] },
    { a: null, b: [null, null] },
    { a: null, b: [null] },
    { a: null, b: [null, null] },
    [],
  ],
])('the merge of %s', (_, base, target, source, value, open) => {
  const result = merge(base, target, source);
  expect(result.value).toEqual(value);
  expect(result.conflicts.map(({ path }) => path)).toEqual(open);
});

test.each<[MergeStrategy, Json]>([
  ['prefer_target', [1, 2]],
  ['prefer_source', [3]],
  ['deep_merge', [1, 2, 3]],
  ['last_write_wins', [3]],
])('%s decides a conflict of two arrays', (strategy, list) => {
  const [base, target, source] = [{ list: [0, 0, 0] }, { list: [1, 2] }, { list: [3] }];
  const stamps = { target: stampsOf(base, target, 1, 5), source: stampsOf(base, source, 2, 2) };
  expect(merge(base, target, source, strategyOf(strategy, stamps)).value).toEqual({ list });
});

test.each<[string, Json[], Json[], Json[], Json[]]>([
  ['what both have added', ['a'], ['a', 'c'], ['a', 'b'], ['a', 'c', 'b']],
  ['what both have put in place of an item', [1], [2], [3], [2, 3]],
  ['what one has added and the other has removed', ['a', 'b'], ['a', 'b', 'c'], ['b'], ['b', 'c']],
  ['an item that both have added', [], ['x', 'y'], ['z', 'x'], ['x', 'y', 'z']],
  ['equal items', ['a', 'a'], ['a', 'a', 'a'], ['a'], ['a', 'a', 'a']],
  ['changes of different positions', [1, 2], [5, 2], [1, 6, 7], [5, 6, 7]],
  [
    'objects with a member that both have changed',
    [{ n: 1 }, 0],
    [{ n: 2 }, 0],
    [{ n: 3 }, 0],
    [{ n: 2 }, 0, { n: 3 }],
  ],
])('deep_merge has %s', (_, base, target, source, list) => {
  const stamps = { target: stampsOf({}, { list: target }, 1, 2), source: stampsOf({}, { list: source }, 1, 2) };
  const merged = merge({ list: base }, { list: target }, { list: source }, strategyOf('deep_merge', stamps));
  expect(merged).toEqual({ value: { list }, conflicts: [] });
});

test('deep_merge loses no item that a side has and the base has not', () => {
  const items = fc.array(fc.constantFrom<Json>(1, 2, 3, 'x', [1], { n: 1 }, { n: 2, m: 1 }), { maxLength: 4 });
  fc.assert(
    fc.property(items, items, items, (base, target, source) => {
      const stamps = { target: stampsOf({}, {}, 1, 2), source: stampsOf({}, {}, 1, 2) };
      const { value } = merge({ l: base }, { l: target }, { l: source }, strategyOf('deep_merge', stamps));
      const [inBase, merged] = [base, value['l'] as Json[]].map((of) => of.map((item) => JSON.stringify(item)));
      // Objects at one position are merged member by member.
      for (const item of [...target, ...source].filter((one) => typeof one !== 'object')) {
        if (!inBase!.includes(JSON.stringify(item))) expect(merged).toContain(JSON.stringify(item));
      }
    }),
    runs(300),
  );
});

test('deep_merge keeps an item that one side has removed and the other has changed', () => {
  const [base, changed, removed] = [{ l: [{ id: 1, n: 0 }] }, { l: [{ id: 1, n: 1 }] }, { l: [] }];
  const stamps = { target: stampsOf(base, base, 1, 2), source: stampsOf(base, base, 1, 2) };
  const strategy = strategyOf('deep_merge', stamps);
  expect(merge(base, changed, removed, strategy).value).toEqual(changed);
  expect(merge(base, removed, changed, strategy).value).toEqual(changed);
});
