import fc from 'fast-check';
import type { Json, JsonObject } from '../../../../src/domain/context/json.ts';

/** Few names and values, so that two contexts often meet in the same place. */
const name = fc.constantFrom('a', 'b', 'c/d', 'e~f', 'toString');
const scalar = fc.oneof(
  fc.constantFrom<Json>(null, true, 0, 1, '', 'x', 'one\ntwo\nthree', 'one\n2\nthree'),
  fc.integer({ min: 0, max: 3 }),
);

const { object } = fc.letrec<{ value: Json; object: JsonObject }>((tie) => ({
  value: fc.oneof({ maxDepth: 3, withCrossShrink: true }, scalar, fc.array(scalar, { maxLength: 3 }), tie('object')),
  object: fc.dictionary(name, tie('value'), { maxKeys: 4 }),
}));

/** The value of a context. */
export const contextValue: fc.Arbitrary<JsonObject> = object;
