/**
 * `npm run test:soak -- --minutes 30`: checks the simulations and properties on new seeds, round by round, until the
 * time is up. Stops at the first round that fails, and prints how to run that round again.
 */
import { randomInt } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { givenNumber } from './given-number.ts';
import { run, step } from './steps.ts';
import { testFiles } from './test-files.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string' } } });
const minutes = givenNumber('--minutes', values.minutes, { min: 1, byDefault: 10 });

/** The number of seeds in each round, as a multiple of those of `npm test`. */
const FACTOR = 9;
/** The files whose seeds come from `test/support/seeds.ts`. */
const FILES = testFiles(
  globSync('test/{unit,simulation,workerd}/**/*.test.ts').filter((path) =>
    /\bfc\.assert\(|\bseeds\(/.test(readFileSync(path, 'utf8')),
  ),
);

const end = Date.now() + minutes * 60_000;
let round = 0;
let passed = true;
while (passed && Date.now() < end) {
  round += 1;
  const seed = randomInt(2 ** 31);
  process.env.TEST_SEED = String(seed);
  process.env.TEST_SEED_FACTOR = String(FACTOR);
  passed = step(`round ${round}, seed ${seed}`, () => run('vitest', 'run', ...FILES));
  if (!passed) console.error(`\nRun it again: TEST_SEED=${seed} TEST_SEED_FACTOR=${FACTOR} npx vitest run <file>`);
}
console.log(`\n${passed ? round : round - 1} rounds passed, ${passed ? 0 : 1} failed`);
process.exitCode = passed ? 0 : 1;
