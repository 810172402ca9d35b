import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { expect, it, test } from 'vitest';
import { givenNumber } from '../../../scripts/given-number.ts';

interface Ended {
  status: number | null;
  stderr: string;
}

/** Runs a program of this project. One that accepts its input goes on, and is ended after a minute. */
function ended(args: string[], env: Record<string, string> = {}, cwd = process.cwd()): Ended {
  const options = { env: { ...process.env, ...env }, cwd, timeout: 60_000, encoding: 'utf8' } as const;
  const { status, stderr } = spawnSync(process.execPath, args, options);
  return { status, stderr };
}

test.each(['', ' ', '0', '-1', '1.5', '1e3', 'abc', 'Infinity', '2147483648'])(
  'the number %j of seeds is refused, because a run without seeds would pass',
  (given) => {
    expect(() => givenNumber('SEEDS', given, { min: 1, byDefault: 5 })).toThrow(
      `SEEDS must be a whole number from 1 to 2147483647, not "${given}".`,
    );
  },
);

it('a number applies as given, and the default if none is given', () => {
  expect(givenNumber('SEEDS', '0', { min: 0, byDefault: 5 })).toBe(0);
  expect(givenNumber('SEEDS', '2147483647', { min: 0, byDefault: 5 })).toBe(2_147_483_647);
  expect(givenNumber('SEEDS', undefined, { min: 0, byDefault: 5 })).toBe(5);
});

it('the configuration of a test run whose seed is no number fails, and names the numbers that are allowed', () => {
  expect(ended(['vitest.config.ts'], { TEST_SEED: 'abc' })).toEqual({
    status: 1,
    stderr: expect.stringContaining('TEST_SEED must be a whole number from 0 to 2147483647, not "abc".'),
  });
});

test.each([
  ['soak.ts', ['--minutes', '0'], '--minutes must be a whole number from 1'],
  ['soak.ts', ['--minutes', '1'], 'No test file was found'],
  ['repeat.ts', ['0', 'a.test.ts'], '<times> must be a whole number from 1'],
  ['repeat.ts', ['1', 'a.test.ts', '--busy', 'x'], '--busy must be a whole number from 0'],
  ['repeat.ts', ['1', 'test'], 'These are not test files: test.'],
  ['repeat.ts', ['1', 'gone.test.ts'], 'These are not test files: gone.test.ts.'],
  ['repeat.ts', ['1'], 'Usage: npm run test:repeat'],
])('%s %j in a folder without tests fails, and says what is missing', (script, args, message) => {
  expect(ended([resolve('scripts', script), ...args], {}, tmpdir())).toEqual({
    status: 1,
    stderr: expect.stringContaining(message),
  });
});
