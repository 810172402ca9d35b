/**
 * Measures the control plane on bare `workerd`, on loopback, beside a floor of the same run: `npm run bench`.
 *
 * Each round measures the floor and then the control plane, so that other load on the machine affects both. `--json`
 * prints the report as JSON, times in ms.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildIfStale } from '../../cli/launcher/build.ts';
import { countOneSession } from './counts.ts';
import { describeMachine, loadOfLastMinute, type Machine } from './machine.ts';
import { type Report, render, rowsOf } from './report.ts';
import { measureFloor } from './scenarios/floor.ts';
import { measureJobs } from './scenarios/jobs.ts';
import { Requests } from './scenarios/requests.ts';
import { measureWatching } from './scenarios/watching.ts';
import { type Server, startControlPlane, startFloor } from './servers.ts';
import { measureStartup } from './startup.ts';
import { Recorder } from './statistics.ts';

/** Many short rounds, so that the floor is measured seconds before the operations that are compared with it. */
const ROUNDS = 6;
/** A response that never arrives must not look like a slow machine. */
const LIMIT_MS = 600_000;

async function measure(directory: string, machine: Machine, servers: Server[]): Promise<Report> {
  const startedAt = performance.now();
  const recorder = new Recorder();
  const floor = await startFloor(join(directory, 'floor'));
  servers.push(floor);
  const control = await startControlPlane(join(directory, 'control-plane'));
  servers.push(control);
  console.error('preparing sessions …');
  const requests = await Requests.prepare(control);
  for (let round = 1; round <= ROUNDS; round++) {
    console.error(`round ${round} of ${ROUNDS} …`);
    await measureFloor(floor.url, recorder);
    await requests.measure(recorder);
    await measureJobs(control, recorder);
    await measureWatching(control, recorder);
  }
  console.error('starting the Worker …');
  return {
    machine: { ...machine, load_after: loadOfLastMinute() },
    rounds: ROUNDS,
    seconds: (performance.now() - startedAt) / 1_000,
    rows: rowsOf(recorder),
    startup_ms: measureStartup(directory),
    counts: await countOneSession(),
  };
}

// The log lines of the objects in this process are not part of the report.
console.log = console.error;
const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
await buildIfStale(() => console.error('building …'));
const directory = mkdtempSync(join(tmpdir(), 'oio-bench-'));
for (const name of ['floor', 'control-plane']) mkdirSync(join(directory, name));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const servers: Server[] = [];
const limit = setTimeout(() => {
  console.error(`gave up after ${LIMIT_MS / 1_000} s: something was never answered`);
  process.exit(1);
}, LIMIT_MS);
try {
  const report = await measure(directory, describeMachine(directory), servers);
  process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : render(report)}\n`);
} finally {
  clearTimeout(limit);
  await Promise.all(servers.map((server) => server.stop()));
}
