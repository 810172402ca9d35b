import { wholeNumber } from '../src/configuration/kinds.ts';

/** The largest seed that fast-check accepts. */
const LARGEST = 2 ** 31 - 1;

/**
 * Parses a number that decides what is tested, or how often. An empty text is an error, because a test that runs zero
 * times passes.
 *
 * @param name the environment variable or the option, for the error
 * @param given the text of the variable or option; undefined if it is not set
 * @param bounds `min`: the lowest allowed number; `byDefault`: the number if none is given
 * @throws RangeError that names the allowed numbers
 * @example givenNumber('TEST_SEED_FACTOR', process.env.TEST_SEED_FACTOR, { min: 1, byDefault: 1 })
 */
export function givenNumber(
  name: string,
  given: string | undefined,
  { min, byDefault }: { min: number; byDefault: number },
): number {
  if (given === undefined) return byDefault;
  const kind = wholeNumber({ min, max: LARGEST });
  const value = kind.read(given);
  if (value === undefined) throw new RangeError(`${name} must be ${kind.expects}, not "${given}".`);
  return value;
}
