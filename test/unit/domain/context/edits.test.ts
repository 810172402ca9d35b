import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyEdits, applyMergePatch, editsBetween } from '../../../../src/domain/context/edits.ts';
import { runs } from '../../../support/seeds.ts';
import { contextValue } from './context.arbitrary.ts';

test('the edits between two values make one of the other', () => {
  fc.assert(
    fc.property(contextValue, contextValue, (before, after) => {
      const untouched = structuredClone(before);
      expect(applyEdits(before, editsBetween(before, after))).toEqual(after);
      expect(before).toEqual(untouched);
      expect(editsBetween(before, structuredClone(before))).toEqual([]);
    }),
    runs(500),
  );
});

test('edits name each place once, as deep as the change goes, and an array is one value', () => {
  expect(editsBetween({ a: { b: 1, c: [1, 2] }, d: { e: 1 }, f: 1 }, { a: { b: 2, c: [1] }, d: 3, g: {} })).toEqual([
    { path: '/f' },
    { path: '/a/b', value: 2 },
    { path: '/a/c', value: [1] },
    { path: '/d', value: 3 },
    { path: '/g', value: {} },
  ]);
});

test('edits create the objects on their way, and removing what is not there changes nothing', () => {
  const value = { a: 1 };
  expect(applyEdits(value, [{ path: '/b/c/d', value: 2 }])).toEqual({ a: 1, b: { c: { d: 2 } } });
  expect(applyEdits(value, [{ path: '/b/c' }])).toBe(value);
  expect(applyEdits({ b: { c: 1 } }, [{ path: '/b/c' }])).toEqual({ b: {} });
});

/** The examples of RFC 7396, appendix A, whose target is an object. */
test.each([
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])('the merge patch of %j with %j is %j', (value, patch, result) => {
  expect(applyMergePatch(value, patch)).toEqual(result);
});
