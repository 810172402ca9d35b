import { expect, it } from 'vitest';
import { inexactIn } from '../../../src/protocol/common/exact-json.ts';

it.each([
  ['{"metadata":{"id":12345678901234567890}}', 'metadata.id'],
  ['{"metadata":{"far":1e999}}', 'metadata.far'],
  ['{"a":[{"b":1},{"b":[0,1e999]}],"c":1e999,"d":{"e":{}}}', 'a.1.b.1'],
  ['{"far":-1E+400}', 'far'],
  ['{"title":"a\\ud800b"}', 'title'],
  ['{"\\udc00":1}', '\ufffd'],
  ['12345678901234567890', ''],
])('a value that would become another one is found in %s', (text, path) => {
  expect(inexactIn(text)).toMatchObject({ path, message: expect.any(String) });
});

it.each([
  '{"id":9007199254740991,"price":0.1234567890123456789,"far":1e300}',
  '{"id":"12345678901234567890"}',
  '{"title":"\\ud83d\\udca5"}',
])('%s is taken as it is', (text) => {
  expect(inexactIn(text)).toBeNull();
});
