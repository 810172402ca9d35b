import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editsBetween } from '../../../../src/domain/context/edits.ts';
import type { Json, JsonObject } from '../../../../src/domain/context/json.ts';
import { applyJsonPatch, type PatchOperation } from '../../../../src/domain/context/json-patch.ts';
import { runs } from '../../../support/seeds.ts';
import { contextValue } from './context.arbitrary.ts';

const patched = (value: Json, operations: unknown) =>
  applyJsonPatch(value as JsonObject, operations as PatchOperation[]);

/** The examples of RFC 6902, appendix A, whose document is an object. */
test.each<[string, Json, unknown[], Json]>([
  ['A.1', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { baz: 'qux', foo: 'bar' }],
  ['A.2', { foo: ['bar', 'baz'] }, [{ op: 'add', path: '/foo/1', value: 'qux' }], { foo: ['bar', 'qux', 'baz'] }],
  ['A.3', { baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
  ['A.4', { foo: ['bar', 'qux', 'baz'] }, [{ op: 'remove', path: '/foo/1' }], { foo: ['bar', 'baz'] }],
  ['A.5', { baz: 'qux' }, [{ op: 'replace', path: '/baz', value: 'boo' }], { baz: 'boo' }],
  [
    'A.6',
    { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } },
    [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
    { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } },
  ],
  [
    'A.7',
    { foo: ['all', 'grass', 'cows', 'eat'] },
    [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
    { foo: ['all', 'cows', 'eat', 'grass'] },
  ],
  ['A.8', { baz: 'qux' }, [{ op: 'test', path: '/baz', value: 'qux' }], { baz: 'qux' }],
  ['A.10', { foo: 'bar' }, [{ op: 'add', path: '/child', value: { a: {} } }], { foo: 'bar', child: { a: {} } }],
  ['A.14', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
  ['A.16', { foo: ['bar'] }, [{ op: 'add', path: '/foo/-', value: ['abc'] }], { foo: ['bar', ['abc']] }],
  ['the whole document', { a: 1 }, [{ op: 'replace', path: '', value: { b: [] } }], { b: [] }],
])('%s', (_, value, operations, result) => {
  const untouched = structuredClone(value);
  expect(patched(value, operations)).toEqual({ value: result });
  expect(value).toEqual(untouched);
});

test.each<[unknown, string]>([
  [{ op: 'test', path: '/a', value: '1' }, 'has another value'],
  [{ op: 'remove', path: '/missing' }, 'there is no “/missing”'],
  [{ op: 'replace', path: '/missing', value: 1 }, 'there is no “/missing”'],
  [{ op: 'add', path: '/missing/b', value: 1 }, 'there is no “/missing”'],
  [{ op: 'add', path: '/a/b', value: 1 }, '“/a” is no object'],
  [{ op: 'add', path: '/list/9', value: 1 }, 'only 2 items'],
  [{ op: 'add', path: '/list/01', value: 1 }, 'is no index'],
  [{ op: 'replace', path: '/list/-', value: 1 }, 'there is no “/list/-”'],
  [{ op: 'move', from: '/deep', path: '/deep/b' }, 'into itself'],
  [{ op: 'copy', from: '/toString', path: '/b' }, 'there is no “/toString”'],
  [{ op: 'add', path: '', value: [1] }, 'a context is an object'],
  [{ op: 'remove', path: '' }, 'cannot be removed'],
  [{ op: 'add', path: '/__proto__', value: { x: 1 } }, 'the name “__proto__”'],
  [{ op: 'add', path: '/constructor/prototype/x', value: 1 }, 'there is no “/constructor”'],
])('%j is refused, with the number of the operation', (operation, why) => {
  const value = { a: 1, list: [1, 2], deep: { b: 1 } };
  const untouched = structuredClone(value);
  const refused = patched(value, [{ op: 'add', path: '/x', value: 1 }, operation]);
  expect(refused).toMatchObject({ index: 1, problem: expect.stringContaining(why) });
  expect(value).toEqual(untouched);
});

test('a copy does not change with its original', () => {
  const operations = [
    { op: 'copy', from: '/a', path: '/b' },
    { op: 'add', path: '/a/x/-', value: 2 },
    { op: 'add', path: '/b/x/-', value: 3 },
  ];
  expect(patched({ a: { x: [1] } }, operations)).toEqual({ value: { a: { x: [1, 2] }, b: { x: [1, 3] } } });
});

test('the difference of two values as a patch makes one of the other', () => {
  fc.assert(
    fc.property(contextValue, contextValue, (before, after) => {
      const operations = editsBetween(before, after).map(({ path, value }) =>
        value === undefined ? { op: 'remove', path } : { op: 'add', path, value },
      );
      expect(patched(before, operations)).toEqual({ value: after });
    }),
    runs(300),
  );
});
