/**
 * Measures the fleet: decisions in this process, and the control plane on bare `workerd` on loopback, beside a floor of
 * the same run: `npm run bench:fleet`. `--json` prints the report as JSON, times in ms. `--agents` is the number of
 * sockets and of agents over HTTP; `--only decisions` (`starts`, `http`, `sockets`) measures a part.
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

const PARTS = ['decisions', 'starts', 'http', 'sockets'] as const;
type Part = (typeof PARTS)[number];

async function measure(directory: string, agents: number, parts: readonly Part[], servers: Server[]) {
  const report: FleetReport = { machine: describeMachine(directory) };
  const start = async <S extends Server>(name: string, run: (directory: string) => Promise<S>): Promise<S> => {
    const own = join(directory, name);
    mkdirSync(own);
    const server = await run(own);
    servers.push(server);
    return server;
  };
  if (parts.includes('decisions')) report.decisions = measureDecisions(say);
  if (parts.includes('starts')) {
    const handed_on = await measureHandOn(await start('floor', startFloor));
    report.starts = { handed_on, ...(await measureStarts(await start('starts', startControlPlane), say)) };
  }
  // Each in a process of its own, so that its memory is that of the fleet.
  if (parts.includes('http')) {
    say(`${agents} agents over HTTP`);
    report.http = await measureHttpAgents(await start('http', startControlPlane), agents);
  }
  if (parts.includes('sockets')) {
    say(`${agents} sockets`);
    report.sockets = await measureSockets(await start('sockets', startControlPlane), agents);
  }
  report.machine.load_after = loadOfLastMinute();
  return report;
}

// The log lines of the objects in this process are not part of the report.
console.log = console.error;
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    agents: { type: 'string', default: '10000' },
    only: { type: 'string', multiple: true, default: [...PARTS] },
  },
});
await buildIfStale(() => console.error('building …'));
const directory = mkdtempSync(join(tmpdir(), 'oio-bench-fleet-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const servers: Server[] = [];
const limit = setTimeout(() => {
  console.error(`gave up after ${LIMIT_MS / 1_000} s: something was never answered`);
  process.exit(1);
}, LIMIT_MS);
try {
  const report = await measure(
    directory,
    Number(values.agents),
    PARTS.filter((part) => values.only.includes(part)),
    servers,
  );
  process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : renderFleet(report)}\n`);
} finally {
  clearTimeout(limit);
  await Promise.all(servers.map((server) => server.stop()));
}
