/**
 * Measures the fleet: decisions in this process, and the control plane on bare `workerd` on loopback, beside a floor of
 * the same run: `npm run bench:fleet`. `--json` prints the report as JSON, times in ms. `--agents` is the number of
 * sockets and of agents over HTTP.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildIfStale } from '../../../cli/launcher/build.ts';
import { describeMachine, loadOfLastMinute } from '../machine.ts';
import { type Server, startControlPlane, startFloor } from '../servers.ts';
import { measureDecisions } from './decisions.ts';
import { measureHttpAgents, measureSockets } from './heartbeats.ts';
import { type FleetReport, renderFleet } from './report.ts';
import { measureHandOn, measureStarts } from './starts.ts';

/** A response that never arrives must not look like a slow machine. */
const LIMIT_MS = 1_200_000;

const say = (what: string) => console.error(`${what} …`);

async function measure(directory: string, agents: number, servers: Server[]): Promise<FleetReport> {
  const machine = describeMachine(directory);
  const { bare, decisions } = measureDecisions(say);
  const floor = await startFloor(join(directory, 'floor'));
  servers.push(floor);
  const control = await startControlPlane(join(directory, 'control-plane'));
  servers.push(control);
  const handed_on = await measureHandOn(floor);
  const starts = await measureStarts(control, say);
  say(`${agents} agents over HTTP`);
  const http = await measureHttpAgents(control, agents);
  // Another process, so that memory is that of the sockets.
  const other = await startControlPlane(join(directory, 'sockets'));
  servers.push(other);
  say(`${agents} sockets`);
  const sockets = await measureSockets(other, agents);
  return { machine: { ...machine, load_after: loadOfLastMinute() }, bare, decisions, handed_on, starts, http, sockets };
}

// The log lines of the objects in this process are not part of the report.
console.log = console.error;
const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, agents: { type: 'string', default: '10000' } },
});
await buildIfStale(() => console.error('building …'));
const directory = mkdtempSync(join(tmpdir(), 'oio-bench-fleet-'));
for (const name of ['floor', 'control-plane', 'sockets']) mkdirSync(join(directory, name));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const servers: Server[] = [];
const limit = setTimeout(() => {
  console.error(`gave up after ${LIMIT_MS / 1_000} s: something was never answered`);
  process.exit(1);
}, LIMIT_MS);
try {
  const report = await measure(directory, Number(values.agents), servers);
  process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : renderFleet(report)}\n`);
} finally {
  clearTimeout(limit);
  await Promise.all(servers.map((server) => server.stop()));
}
