/**
 * `npm run fuzz -- --inputs 20000 --seed 7`: sends inputs from the schemas and beyond them to the built Worker. Stops at
 * the first answer that is a 5xx or does not come, and at the first refused input that changes something.
 */
import { randomInt } from 'node:crypto';
import { inspect, parseArgs } from 'node:util';
import { givenNumber } from '../../scripts/given-number.ts';
import { startBuiltWorker, TOKEN } from '../built/support/built-worker.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { Fuzzer, type Send } from './fuzzer.ts';

/** An answer that takes longer counts as a hang. */
const ANSWER_MS = 30_000;
const REPORT_EVERY = 1_000;

const { values } = parseArgs({ options: { inputs: { type: 'string' }, seed: { type: 'string' } } });
const inputs = givenNumber('--inputs', values.inputs, { min: 1, byDefault: 20_000 });
const seed = givenNumber('--seed', values.seed, { min: 0, byDefault: randomInt(2 ** 31) });

const worker = await startBuiltWorker();
const send: Send = ({ method, path, headers, body }) =>
  fetch(worker.url + path, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    body,
    signal: AbortSignal.timeout(ANSWER_MS),
    redirect: 'manual',
  });

const fuzzer = new Fuzzer(send, seededRandom(seed));
console.log(`seed ${seed}`);
try {
  for (let sent = 1; sent <= inputs; sent++) {
    await fuzzer.next();
    if (sent % REPORT_EVERY === 0) console.log(`${sent} inputs: ${JSON.stringify(fuzzer.statuses)}`);
  }
  console.log(`${inputs} inputs, no 5xx, no hang, and no change by a refused one`);
} catch (error) {
  console.error(inspect(error));
  console.error(`\nAgain: npm run fuzz -- --inputs ${inputs} --seed ${seed}`);
  process.exitCode = 1;
} finally {
  await worker.stop();
}
