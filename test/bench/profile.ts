/**
 * Says where the control plane spends its CPU time, by operation: `npm run bench:profile`, or
 * `npm run bench:profile -- read list` for some of them.
 *
 * `workerd` serves the Chrome DevTools protocol; its sampling profiler runs while one operation is repeated. Standard
 * output is a table of functions by self time. Each profile is kept as a `.cpuprofile` for Chrome DevTools; the last
 * line says where.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildIfStale } from '../../cli/launcher/build.ts';
import { freePort } from '../../runner/process/free-port.ts';
import { activeTimes, type CpuProfile } from './cpu-profile.ts';
import { OurChains } from './graph/steps.ts';
import { HttpConnection, httpLoad } from './http.ts';
import { closedLoop } from './load.ts';
import { BATCH, LISTED_SESSIONS, MANY, WINDOW } from './plan.ts';
import { BenchWorkspace } from './scenarios/jobs.ts';
import { createRequest } from './scenarios/requests.ts';
import { type ControlPlane, startControlPlane } from './servers.ts';

const SESSIONS = '/api/v1/sessions';
/** Long enough to show a function with one per cent of the time, at one sample every 100 µs. */
const SAMPLE_US = 100;
const SHOWN = 25;

/** A connection to the inspector of a `workerd`. */
class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const { id, result } = JSON.parse(String(data)) as { id?: number; result: unknown };
      if (id !== undefined) this.#waiting.get(id)?.(result);
    });
  }

  static async connect(port: number): Promise<Inspector> {
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as { id: string }[];
    const worker = targets.find(({ id }) => id === 'worker');
    if (!worker) throw new Error(`the inspector lists no Worker: ${JSON.stringify(targets)}`);
    const socket = new WebSocket(`ws://127.0.0.1:${port}/worker`);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error('the inspector refused the connection')));
    });
    return new Inspector(socket);
  }

  /** Profiles the Worker while `work` runs. */
  async profile(work: () => Promise<unknown>): Promise<CpuProfile> {
    await this.#call('Profiler.enable');
    await this.#call('Profiler.setSamplingInterval', { interval: SAMPLE_US });
    await this.#call('Profiler.start');
    await work();
    const { profile } = (await this.#call('Profiler.stop')) as { profile: CpuProfile };
    return profile;
  }

  close(): void {
    this.#socket.close();
  }

  #call(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }
}

/** The operations that can be profiled: each prepares its fixture and returns the load to profile. */
const OPERATIONS: Record<string, (control: ControlPlane) => Promise<() => Promise<unknown>>> = {
  async read({ url, token }) {
    const operator = await token('profile-read', 'operator');
    const http = new HttpConnection(url);
    const { id } = await http.json<{ id: string }>(createRequest(operator));
    http.close();
    return () => httpLoad(url, MANY, 3_000, () => ({ method: 'GET', path: `${SESSIONS}/${id}`, token: operator }));
  },
  async list({ url, token }) {
    const operator = await token('profile-list', 'operator');
    await httpLoad(url, MANY, LISTED_SESSIONS, () => createRequest(operator));
    return () => httpLoad(url, MANY, 1_500, () => ({ method: 'GET', path: SESSIONS, token: operator }));
  },
  async create({ url, token }) {
    const operator = await token('profile-create', 'operator');
    return () => httpLoad(url, MANY, 500, () => createRequest(operator));
  },
  /** Start, offer, lease and result, with no batch between. */
  async jobs(control) {
    const bench = await BenchWorkspace.open(control);
    const sessions: string[] = [];
    for (let job = 0; job < 200; job++) sessions.push(await bench.create());
    return async () => {
      for (const session of sessions) await bench.finish(await bench.begin(session));
      bench.agent.close();
      bench.close();
    };
  },
  /** Sessions of three tasks that follow each other, 50 at a time. */
  async steps(control) {
    const chains = await OurChains.open(control);
    const prepared = await chains.prepare(100);
    return () => chains.run(50, prepared);
  },
  async batches(control) {
    const bench = await BenchWorkspace.open(control);
    const begun = await bench.begin(await bench.create());
    return () => closedLoop(WINDOW, 2_000, () => begun.lease.sendDeltas(BATCH));
  },
  async contextGet(control) {
    const { url, token, path } = await newContext(control);
    return () => httpLoad(url, MANY, 3_000, () => ({ method: 'GET', path, token }));
  },
  async contextChange(control) {
    const { url, token, path } = await newContext(control);
    let n = 0;
    return () => httpLoad(url, MANY, 1_000, () => ({ method: 'PATCH', path, token, body: { updates: { a: n++ } } }));
  },
};

async function newContext({ url, ...control }: ControlPlane) {
  const token = await control.token('profile-contexts', 'operator');
  const http = new HttpConnection(url);
  const data = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`key-${index}`, 'x'.repeat(50)]));
  const body = { scope: 'temporary', data };
  const { id } = await http.json<{ id: string }>({ method: 'POST', path: '/api/v1/contexts', token, body });
  http.close();
  return { url, token, path: `/api/v1/contexts/${id}` };
}

/** The operations whose fixture serves only one load. */
const ONCE = ['jobs', 'steps'];

/** Functions by the share of samples in which they were running, without idle time. */
function table(profile: CpuProfile): string {
  const selfUs = new Map<string, number>();
  let totalUs = 0;
  for (const [{ callFrame }, us] of activeTimes(profile)) {
    const { functionName, url, lineNumber } = callFrame;
    const name = `${functionName || '(anonymous)'}${url ? `:${lineNumber + 1}` : ''}`;
    selfUs.set(name, (selfUs.get(name) ?? 0) + us);
    totalUs += us;
  }
  return [...selfUs]
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .map(([name, us]) => `${((100 * us) / totalUs).toFixed(1).padStart(5)} %  ${name}`)
    .join('\n');
}

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in OPERATIONS));
if (unknown.length > 0) {
  console.error(`There is no operation ${unknown.join(', ')}; choose from ${Object.keys(OPERATIONS).join(', ')}.`);
  process.exit(2);
}
await buildIfStale(() => console.error('building …'));
const directory = mkdtempSync(join(tmpdir(), 'oio-profile-'));
const kept = join('test-results', 'profiles');
mkdirSync(kept, { recursive: true });
const inspectorPort = await freePort();
const control = await startControlPlane(directory, { inspectorPort });
try {
  for (const name of named.length > 0 ? named : Object.keys(OPERATIONS)) {
    const load = await OPERATIONS[name]!(control);
    await load().catch(() => undefined);
    const inspector = await Inspector.connect(inspectorPort);
    const profile = await inspector.profile(ONCE.includes(name) ? await OPERATIONS[name]!(control) : load);
    inspector.close();
    writeFileSync(join(kept, `${name}.cpuprofile`), JSON.stringify(profile));
    console.log(`\n${name}\n${table(profile)}`);
  }
  console.log(`\nprofiles for Chrome DevTools: ${kept}/*.cpuprofile`);
} finally {
  await control.stop();
  rmSync(directory, { recursive: true, force: true });
}
