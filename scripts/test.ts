/**
 * Everything that must hold, in the order in which a failure is cheapest to find: check, build, the quick tests, those
 * on real processes. Stops at the first step that fails. The last line is `N passed, N failed`, counted over all tests that ran.
 */
import { readFileSync, rmSync } from 'node:fs';
import { run, step } from './steps.ts';

/** Projects of tests that run side by side. */
const STAGES = [
  ['unit', 'workerd'],
  ['system', 'browser'],
];

interface Report {
  numPassedTests: number;
  numFailedTests: number;
}

const total = { passed: 0, failed: 0 };

function test(projects: string[]): boolean {
  const path = `dist/test-results/${projects.join('-')}.json`;
  rmSync(path, { force: true });
  const succeeded = run(
    'vitest',
    'run',
    ...projects.map((project) => `--project=${project}`),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${path}`,
  );
  const report = readReport(path);
  total.passed += report.numPassedTests;
  total.failed += report.numFailedTests;
  return succeeded;
}

function readReport(path: string): Report {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Report;
  } catch {
    return { numPassedTests: 0, numFailedTests: 0 };
  }
}

const passed =
  run('node', 'scripts/check.ts') &&
  run('node', 'scripts/build.ts') &&
  STAGES.every((projects) => step(`tests: ${projects.join(', ')}`, () => test(projects)));
// A run can fail with no test failed: a check, a file that does not load, an error that nobody caught.
if (!passed) total.failed = Math.max(1, total.failed);
process.exitCode = passed ? 0 : 1;
console.log(`\n${total.passed} passed, ${total.failed} failed`);
