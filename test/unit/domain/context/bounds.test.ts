import { expect, test } from 'vitest';
import { whyOutOfBounds } from '../../../../src/domain/context/bounds.ts';
import type { JsonObject } from '../../../../src/domain/context/json.ts';

const BOUNDS = { context_bytes: 100, value_bytes: 20, depth: 3, name_chars: 5 };

test.each<[JsonObject, string]>([
  [{ a: 'x'.repeat(19) }, 'more than 20 bytes'],
  [{ a: ['xxxxxxxxx', 'xxxxxxxxx'] }, 'more than 20 bytes'],
  [{ a: 'é'.repeat(10) }, 'more than 20 bytes'],
  [Object.fromEntries('abcdefg'.split('').map((name) => [name, 'x'.repeat(10)])), 'more than 100 bytes'],
  [{ a: { b: { c: { d: 1 } } } }, 'nested too deeply'],
  [{ a: [[[1]]] }, 'nested too deeply'],
  [JSON.parse('{"a":{"__proto__":1}}'), 'the name “__proto__”'],
  [{ a: [{ constructor: 1 }] } as unknown as JsonObject, 'the name “constructor”'],
  [{ longer: 1 }, '1 to 5 characters'],
  [{ '': 1 }, '1 to 5 characters'],
])('%j is refused', (value, why) => {
  expect(whyOutOfBounds(value, BOUNDS)).toContain(why);
});

test('a context at its bounds is accepted', () => {
  expect(whyOutOfBounds({ a: 'x'.repeat(18), names: { b: { c: [] } } }, BOUNDS)).toBeNull();
});
