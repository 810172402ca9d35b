/**
 * Measures durable steps beside a floor and other systems of the same run: `npm run bench:steps`. `--json` prints the
 * report as JSON, times in ms. The other systems are installed by `npm ci --prefix test/bench/peers`, and Redis by the
 * machine's packages (`redis-server`).
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildIfStale } from '../../../cli/launcher/build.ts';
import { describeMachine, loadOfLastMinute } from '../machine.ts';
import { machineFacts } from '../report.ts';
import { startControlPlane, startFloor } from '../servers.ts';
import { measureSteps } from './steps.ts';
import { renderSteps } from './steps-report.ts';

console.log = console.error;
const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
await buildIfStale(() => console.error('building …'));
const directory = mkdtempSync(join(tmpdir(), 'oio-bench-steps-'));
for (const name of ['floor', 'control-plane']) mkdirSync(join(directory, name));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const machine = describeMachine(directory);
const floor = await startFloor(join(directory, 'floor'));
const control = await startControlPlane(join(directory, 'control-plane'));
try {
  const report = await measureSteps({ floor, control, directory }, (what) => console.error(`${what} …`));
  machine.load_after = loadOfLastMinute();
  const text = `${machineFacts(machine).join('; ')}.\n\n${renderSteps(report)}`;
  process.stdout.write(`${values.json ? JSON.stringify({ machine, ...report }, null, 2) : text}\n`);
} finally {
  await Promise.all([floor.stop(), control.stop()]);
}
