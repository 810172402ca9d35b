import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildIfStale } from '../../../cli/launcher/build.ts';
import { projectFile } from '../../../cli/launcher/project.ts';
import type { SessionView } from '../../../src/protocol/session/session.ts';
import { HttpConnection } from '../http.ts';
import { closedLoop } from '../load.ts';
import { FloorSender } from '../scenarios/floor.ts';
import { createRequest } from '../scenarios/requests.ts';
import { type ControlPlane, type Server, startControlPlane, startFloor } from '../servers.ts';
import { Recorder, type Samples, type Summary } from '../statistics.ts';
import { ChainAgent } from './chain-agent.ts';

/**
 * What each of them does. A *chain* is three durable steps, one after the other. Each of them syncs every step to the
 * disk before the next one begins: `fdatasync` of SQLite's log, of Redis's append-only file and of Restate's log.
 */
export const STEPS = {
  floor: 'a message on an open socket is inserted as one row of an object, and acknowledged; three times',
  ours: 'a session of three tasks that follow each other is started over HTTP, offered, and done by an agent at once',
  restate: 'a request to Restate’s ingress runs a handler with three `ctx.run` steps, and is answered',
  bullmq: 'a BullMQ flow of three jobs that follow each other is added, and done by a worker at once',
} as const;
export type StepsName = keyof typeof STEPS;

/** The chains in flight at a time, and how many in each round. */
export const LOADS = [
  { workers: 1, count: 20 },
  { workers: 50, count: 100 },
];
const ROUNDS = 3;
/** A result that follows another one may need an offer if the registry's word came too late; most do not. */
const TASKS = 3;

/** The times of chains and of single steps, by how many chains were in flight. */
export interface StepTimes {
  name: StepsName;
  workers: number;
  chain: Summary;
  step: Summary;
}

export interface StepsReport {
  times: StepTimes[];
  /** The offers that each chain has needed; 1 if all of its tasks but the first were passed on. */
  offers_per_chain: number;
  /** The peers that were not measured, and why. */
  skipped: string[];
}

interface Servers {
  floor: Server;
  control: ControlPlane;
  directory: string;
}

interface Measured {
  chain: Samples;
  stepsMs: number[];
}

/**
 * Measures durable steps beside a floor and other systems of the same run. The other systems are installed by
 * `npm ci --prefix test/bench/peers`, and Redis by the machine's packages (`redis-server`).
 */
export async function measureSteps(): Promise<StepsReport> {
  await buildIfStale(() => console.error('building …'));
  const directory = mkdtempSync(join(tmpdir(), 'oio-bench-steps-'));
  for (const name of ['floor', 'control-plane']) mkdirSync(join(directory, name));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  const floor = await startFloor(join(directory, 'floor'));
  const control = await startControlPlane(join(directory, 'control-plane'));
  try {
    return await measureRounds({ floor, control, directory });
  } finally {
    await Promise.all([floor.stop(), control.stop()]);
  }
}

/** Measures in rounds, so that other load on the machine affects all alike. */
async function measureRounds({ floor, control, directory }: Servers): Promise<StepsReport> {
  const recorder = new Recorder();
  const add = (name: StepsName, workers: number, { chain, stepsMs }: Measured) => {
    recorder.add(`${name} chain`, workers, chain);
    recorder.add(`${name} step`, workers, { latenciesMs: stepsMs, elapsedMs: chain.elapsedMs });
  };
  const skipped = new Map<StepsName, string>();
  const ours = await OurChains.open(control);
  for (let round = 1; round <= ROUNDS; round++) {
    console.error(`durable steps, round ${round} of ${ROUNDS} …`);
    for (const load of LOADS) add('floor', load.workers, await floorChains(floor, `${round}-${load.workers}`, load));
    for (const load of LOADS) add('ours', load.workers, await ours.measure(load));
    for (const peer of ['restate', 'bullmq'] as const) {
      const measured = await peerChains(peer, join(directory, `${peer}-${round}`));
      if (typeof measured === 'string') skipped.set(peer, measured);
      else for (const [index, { workers }] of LOADS.entries()) add(peer, workers, measured[index]!);
    }
  }
  ours.close();
  const names = (Object.keys(STEPS) as StepsName[]).filter((name) => !skipped.has(name));
  const times = names.flatMap((name) =>
    LOADS.map(({ workers }) => ({
      name,
      workers,
      chain: recorder.summary(`${name} chain`, workers),
      step: recorder.summary(`${name} step`, workers),
    })),
  );
  return {
    times,
    offers_per_chain: ours.offersPerChain,
    skipped: [...skipped].map(([name, why]) => `${name}: ${why}`),
  };
}

type Load = (typeof LOADS)[number];

async function floorChains({ url }: Server, round: string, { workers, count }: Load): Promise<Measured> {
  const senders = await Promise.all(
    Array.from({ length: workers }, (_, worker) => FloorSender.open(url, `steps-${round}-${worker}`)),
  );
  const stepsMs: number[] = [];
  const chain = await closedLoop(workers, count, async (worker) => {
    for (let step = 0; step < TASKS; step++) {
      const at = performance.now();
      await senders[worker]!.send('x'.repeat(250));
      stepsMs.push(performance.now() - at);
    }
  });
  for (const sender of senders) sender.close();
  return { chain, stepsMs };
}

/** Sessions of three tasks, in one workspace with one agent. */
export class OurChains {
  readonly #agent: ChainAgent;
  readonly #url: string;
  readonly #token: string;
  #chains = 0;
  #offers = 0;

  private constructor(agent: ChainAgent, url: string, token: string) {
    this.#agent = agent;
    this.#url = url;
    this.#token = token;
  }

  static async open({ url, token }: ControlPlane): Promise<OurChains> {
    const workspace = `steps-${crypto.randomUUID()}`;
    const agent = await ChainAgent.connect(url, await token(workspace, 'agent'));
    return new OurChains(agent, url, await token(workspace, 'operator'));
  }

  get offersPerChain(): number {
    return this.#offers / this.#chains;
  }

  async measure({ workers, count }: Load): Promise<Measured> {
    return this.run(workers, await this.prepare(count));
  }

  /** Creates sessions. */
  async prepare(count: number): Promise<string[]> {
    const creator = await new HttpConnection(this.#url).open();
    const sessions: string[] = [];
    for (let each = 0; each < count; each++) sessions.push(await this.#create(creator));
    creator.close();
    return sessions;
  }

  /** Starts sessions, so many at a time, and waits until each is done. */
  async run(workers: number, sessions: string[]): Promise<Measured> {
    const stepsMs: number[] = [];
    const chain = await closedLoop(workers, sessions.length, async (_, index) => {
      const session = sessions[index]!;
      const done = this.#agent.doneWith(session, TASKS);
      const path = `/api/v1/sessions/${session}/start`;
      // A connection for each, because the server closes those that are idle for long.
      const client = await new HttpConnection(this.#url).open();
      await client.send({ method: 'POST', path, token: this.#token });
      client.close();
      const { stepsMs: steps, offers } = await done;
      stepsMs.push(...steps);
      this.#offers += offers;
      this.#chains++;
    });
    return { chain, stepsMs };
  }

  close(): void {
    this.#agent.close();
  }

  async #create(client: HttpConnection): Promise<string> {
    const { id } = await client.json<SessionView>(createRequest(this.#token));
    const tasks = ['first', 'second', 'third'].map((name, index, names) => ({
      ...{ name, title: `The ${name} step`, description: 'Nothing is to be done.' },
      depends_on: names.slice(Math.max(0, index - 1), index),
    }));
    const path = `/api/v1/sessions/${id}/tasks`;
    await client.json({ method: 'POST', path, token: this.#token, body: { tasks } });
    return id;
  }
}

/** Measures a peer in a process of its own. @returns why it was not measured */
async function peerChains(peer: 'restate' | 'bullmq', directory: string): Promise<Measured[] | string> {
  if (!existsSync(projectFile('test/bench/peers/node_modules'))) return 'run npm ci --prefix test/bench/peers';
  mkdirSync(directory, { recursive: true });
  const program = projectFile(`test/bench/peers/${peer}.js`);
  const child = spawn(process.execPath, [program, directory, JSON.stringify(LOADS)]);
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const code = await new Promise((resolve) => child.once('close', resolve).once('error', () => resolve(null)));
  return code === 0 ? (JSON.parse(output) as Measured[]) : `it ended with ${code}: ${errors.slice(-300)}`;
}
