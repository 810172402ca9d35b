/**
 * `npm run test:repeat -- 30 test/drills/cut-lines.test.ts --busy 2`: runs each file 30 times, while two busy loops use
 * the processor. Stops at the first failure and keeps that run's output. Prints a table of the files.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { givenNumber } from './given-number.ts';
import { runInto } from './steps.ts';
import { testFiles } from './test-files.ts';

const USAGE = 'npm run test:repeat -- <times> <test file>… [--busy <loops>]';
const OUTPUTS = 'dist/test-results/repeat';
/** A loop ends when its parent has ended, even if the parent was killed. */
const BUSY_LOOP = 'const parent = process.ppid; while (process.ppid === parent);';

interface Repeated {
  file: string;
  runs: number;
  failures: number;
  'median seconds': number;
}

const { values, positionals } = parseArgs({
  options: { busy: { type: 'string' } },
  allowPositionals: true,
});
const [first, ...named] = positionals;
if (first === undefined || named.length === 0) throw new Error(`Usage: ${USAGE}`);
const times = givenNumber('<times>', first, { min: 1, byDefault: 1 });
const busy = givenNumber('--busy', values.busy, { min: 0, byDefault: 0 });
const files = testFiles(named);

function repeat(file: string): Repeated {
  const seconds: number[] = [];
  const output = `${OUTPUTS}/${file.replaceAll(/[\\/]/g, '-')}.txt`;
  let passed = true;
  while (passed && seconds.length < times) {
    const startedAt = performance.now();
    passed = runInto(output, 'vitest', 'run', file);
    seconds.push((performance.now() - startedAt) / 1_000);
    const which = `${file}, run ${seconds.length} of ${times}`;
    console.log(`${which}: ${passed ? 'passed' : `FAILED, see ${output}`} in ${seconds.at(-1)!.toFixed(1)} s`);
  }
  const median = seconds.toSorted((a, b) => a - b)[Math.floor(seconds.length / 2)]!;
  return { file, runs: seconds.length, failures: passed ? 0 : 1, 'median seconds': Number(median.toFixed(1)) };
}

mkdirSync(OUTPUTS, { recursive: true });
const loops: ChildProcess[] = Array.from({ length: busy }, () => spawn(process.execPath, ['-e', BUSY_LOOP]));
const repeated: Repeated[] = [];
for (const file of files) {
  repeated.push(repeat(file));
  if (repeated.at(-1)!.failures > 0) break;
}
for (const loop of loops) loop.kill('SIGKILL');
console.table(repeated);
process.exitCode = repeated.some(({ failures }) => failures > 0) ? 1 : 0;
