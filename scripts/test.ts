/**
 * Runs the tests, stage by stage, in the order in which a failure is cheapest to find, and stops at the first stage
 * that fails. The last line is `N passed, N failed`.
 *
 * - `node scripts/test.ts` (`npm test`): check, build, the quick tests, and one journey per feature.
 * - `node scripts/test.ts rest`: the rest. The last line also counts the tests of the last `npm test`.
 * - `node scripts/test.ts all`: both.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { run, step } from './steps.ts';
import type { FileReport } from './test-report.ts';

/** Vitest projects that run in parallel. Each project is the folder of the same name in `test/`. */
type Stage = readonly string[];
const QUICK: readonly Stage[] = [
  ['unit', 'simulation', 'workerd'],
  ['built', 'journeys'],
];
const REST: readonly Stage[] = [['hibernation'], ['long-journeys'], ['system', 'drills', 'browser'], ['clients']];

const RESULTS = 'dist/test-results';
const SLOWEST = 10;

const fileOf = (stage: Stage, kind: 'files.json' | 'servers.txt') => `${RESULTS}/${stage.join('-')}.${kind}`;

function test(stage: Stage): boolean {
  mkdirSync(RESULTS, { recursive: true });
  const [report, servers] = [fileOf(stage, 'files.json'), fileOf(stage, 'servers.txt')];
  for (const path of [report, servers]) rmSync(path, { force: true });
  process.env.TEST_REPORT_FILE = report;
  process.env.TEST_SERVERS_FILE = servers;
  const projects = stage.map((project) => `--project=${project}`);
  const succeeded = run('vitest', 'run', ...projects, '--reporter=default', '--reporter=./scripts/test-report.ts');
  const files = reportsOf(stage);
  const idle = stage.filter((project) => !files.some((file) => file.project === project && file.passed > 0));
  for (const project of idle) console.error(`No test of ${project} passed: is test/${project} empty?`);
  return succeeded && idle.length === 0;
}

function reportsOf(stage: Stage): FileReport[] {
  return JSON.parse(readIfThere(fileOf(stage, 'files.json')) || '[]') as FileReport[];
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function printSlowest(files: FileReport[]): void {
  console.log('\nSlowest files:');
  for (const { path, duration_ms } of files.toSorted((a, b) => b.duration_ms - a.duration_ms).slice(0, SLOWEST)) {
    console.log(`${(duration_ms / 1_000).toFixed(1).padStart(7)} s  ${path}`);
  }
}

function printServers(stages: readonly Stage[]): void {
  const kinds = stages.flatMap((stage) => readIfThere(fileOf(stage, 'servers.txt')).split('\n').filter(Boolean));
  const counts = [...new Set(kinds)].map((kind) => `${kind} ${kinds.filter((other) => other === kind).length}`);
  console.log(`\nServers started: ${kinds.length}${counts.length > 0 ? ` (${counts.join(', ')})` : ''}`);
}

const selection = process.argv[2] ?? 'quick';
if (!['quick', 'rest', 'all'].includes(selection))
  throw new Error(`The selection must be quick, rest or all, not "${selection}".`);
const stages = selection === 'quick' ? QUICK : selection === 'rest' ? REST : [...QUICK, ...REST];

const passed =
  (selection === 'rest' || (run('node', 'scripts/check.ts') && run('node', 'scripts/build.ts'))) &&
  stages.every((stage) => step(`tests: ${stage.join(', ')}`, () => test(stage)));

const files = stages.flatMap(reportsOf);
printSlowest(files);
printServers(stages);
const counted = selection === 'rest' ? [...QUICK.flatMap(reportsOf), ...files] : files;
const sum = (key: 'passed' | 'failed') => counted.reduce((total, file) => total + file[key], 0);
// A run can fail without a failed test: by a check, a file that does not load, or an uncaught error.
const failed = passed ? sum('failed') : Math.max(1, sum('failed'));
process.exitCode = passed ? 0 : 1;
console.log(`\n${sum('passed')} passed, ${failed} failed`);
