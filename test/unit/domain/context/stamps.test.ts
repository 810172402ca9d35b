import { expect, test } from 'vitest';
import { Stamps } from '../../../../src/domain/context/stamps.ts';

const stamp = (version: number) => ({ version, at: version, by: 'somebody' });

test('a place has the stamp of its last change, or of the place above that was set as a whole', () => {
  const stamps = new Stamps({ stamp: stamp(1) });
  stamps.record([{ path: '/a/b', value: 1 }], stamp(2));
  stamps.record([{ path: '/a/c', value: 1 }], stamp(3));
  expect(stamps.of(['a', 'b']).version).toBe(2);
  expect(stamps.of(['a']).version).toBe(1);
  expect(stamps.newestIn(['a']).version).toBe(3);
  expect(stamps.newestIn(['a', 'b', 'deeper']).version).toBe(2);
  expect(stamps.newestIn(['other']).version).toBe(1);
  stamps.record([{ path: '/a', value: {} }], stamp(4));
  expect(stamps.of(['a', 'b']).version).toBe(4);
  expect(stamps.newestIn([]).version).toBe(4);
});

test('a removed place keeps the stamp of its removal', () => {
  const stamps = new Stamps({ stamp: stamp(1) });
  stamps.record([{ path: '/a' }], stamp(2));
  expect(stamps.newestIn(['a']).version).toBe(2);
});
