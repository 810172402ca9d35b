import { expect, it } from 'vitest';
import { Fuzzer } from '../fuzz/fuzzer.ts';
import { Chooser, FUZZED, INPUT_KINDS, inputOf } from '../fuzz/inputs.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { seeds } from '../support/seeds.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';

const INPUTS = 3;

it.each(INPUT_KINDS)('inputs that are %s get no 5xx, and change nothing when they are refused', async (kind) => {
  const token = await signToken('admin', newWorkspace());
  for (const seed of seeds(1)) {
    const fuzzer = new Fuzzer(({ path, method, headers, body }) => {
      return ask(path, {
        method,
        headers: { authorization: `Bearer ${token}`, ...headers },
        ...(body && { raw: body }),
      });
    }, seededRandom(seed));
    for (let sent = 0; sent < INPUTS; sent++) await fuzzer.next(kind);
  }
});

it('the inputs of a fuzz run are the same for the same seed, and reach every operation in every kind', () => {
  const inputs = (seed: number) => {
    const choose = new Chooser(seededRandom(seed));
    return FUZZED.flatMap((operation) => INPUT_KINDS.map((kind) => inputOf(kind, operation, { id: 'x' }, choose)));
  };
  const length = (input: unknown) => JSON.stringify(input).length;
  expect(inputs(1).map(length)).toEqual(inputs(1).map(length));
  expect(inputs(1).map(length)).not.toEqual(inputs(2).map(length));
});
