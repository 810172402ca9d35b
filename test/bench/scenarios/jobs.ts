import type { SessionView } from '../../../src/protocol/session/session.ts';
import { HttpConnection } from '../http.ts';
import { InstantAgent, type LeaseConnection, type Offer } from '../instant-agent.ts';
import { closedLoop, inSequence, timed } from '../load.ts';
import { BATCH, BATCHES_PER_JOB, LONG_BATCH, MANY, OPERATIONS, WINDOW } from '../plan.ts';
import type { ControlPlane } from '../servers.ts';
import type { Recorder } from '../statistics.ts';
import { createRequest } from './requests.ts';

const JOBS = { one: 12, many: 32 };
const WINDOWED_BATCHES = 150;
const LONG_BATCHES = 60;

/** A session that an instant agent works on. */
export interface Begun {
  session: string;
  offer: Offer;
  lease: LeaseConnection;
}

interface StageTimes {
  start: number;
  offer: number;
  lease: number;
}

/** A workspace with one agent, and a client that creates sessions over one connection. */
export class BenchWorkspace {
  readonly agent: InstantAgent;
  readonly token: string;
  readonly #http: HttpConnection;

  private constructor(agent: InstantAgent, http: HttpConnection, token: string) {
    this.agent = agent;
    this.#http = http;
    this.token = token;
  }

  static async open({ url, token }: ControlPlane): Promise<BenchWorkspace> {
    const workspace = `jobs-${crypto.randomUUID()}`;
    const agent = await InstantAgent.connect(url, await token(workspace, 'agent'));
    return new BenchWorkspace(agent, new HttpConnection(url), await token(workspace, 'operator'));
  }

  /** Another client of the same workspace. */
  anotherClient(url: string): BenchWorkspace {
    return new BenchWorkspace(this.agent, new HttpConnection(url), this.token);
  }

  async create(): Promise<string> {
    return (await this.#http.json<SessionView>(createRequest(this.token))).id;
  }

  /** Starts a session. Resolves when its lease is granted. */
  async begin(session: string): Promise<Begun & { stages: StageTimes }> {
    const path = `/api/v1/sessions/${session}/start`;
    const offered = timed(() => this.agent.offerOf(session));
    const started = timed(() => this.#http.send({ method: 'POST', path, token: this.token }));
    const { value: offer, ms: offerMs } = await offered;
    const { value: lease, ms: leaseMs } = await timed(() => this.agent.accept(offer));
    const { ms: startMs } = await started;
    return { session, offer, lease, stages: { start: startMs, offer: offerMs, lease: leaseMs } };
  }

  /** Sends the result. @returns the duration in ms */
  async finish({ offer, lease }: Begun): Promise<number> {
    const { ms } = await timed(() => lease.finish());
    this.agent.end(offer);
    return ms;
  }

  /** @throws when the session has not been completed */
  async confirm(session: string): Promise<void> {
    const path = `/api/v1/sessions/${session}`;
    const { status } = await this.#http.json<SessionView>({ method: 'GET', path, token: this.token });
    if (status !== 'completed') throw new Error(`session ${session} is ${status}`);
  }

  close(): void {
    this.#http.close();
  }
}

/** Runs the main job over real sockets: one round. */
export async function measureJobs(control: ControlPlane, recorder: Recorder): Promise<void> {
  const bench = await BenchWorkspace.open(control);
  await jobsInSequence(bench, recorder);
  await windowedBatches(bench, recorder);
  await jobsAtOnce(control, bench, recorder);
  bench.agent.close();
  bench.close();
}

async function jobsInSequence(bench: BenchWorkspace, recorder: Recorder): Promise<void> {
  const times: Record<'start' | 'offer' | 'lease' | 'batch' | 'result' | 'job', number[]> = {
    start: [],
    offer: [],
    lease: [],
    batch: [],
    result: [],
    job: [],
  };
  for (let job = 0; job < JOBS.one; job++) {
    const session = await bench.create();
    const startedAt = performance.now();
    const begun = await bench.begin(session);
    for (let batch = 0; batch < BATCHES_PER_JOB; batch++) {
      times.batch.push((await timed(() => begun.lease.sendDeltas(BATCH))).ms);
    }
    const workedMs = performance.now() - startedAt;
    const resultMs = await bench.finish(begun);
    await bench.confirm(session);
    times.result.push(resultMs);
    times.job.push(workedMs + resultMs);
    for (const stage of ['start', 'offer', 'lease'] as const) times[stage].push(begun.stages[stage]);
  }
  for (const stage of ['start', 'offer', 'lease', 'batch', 'result', 'job'] as const) {
    recorder.add(OPERATIONS[stage], 1, inSequence(times[stage]));
  }
}

/** Sends one session's batches as fast as the window allows. */
async function windowedBatches(bench: BenchWorkspace, recorder: Recorder): Promise<void> {
  const begun = await bench.begin(await bench.create());
  const samples = await closedLoop(WINDOW, WINDOWED_BATCHES, () => begun.lease.sendDeltas(BATCH));
  recorder.add(OPERATIONS.batch, WINDOW, samples);
  const long = await closedLoop(WINDOW, LONG_BATCHES, () => begun.lease.sendDeltas(LONG_BATCH));
  recorder.add(OPERATIONS.long_batch, WINDOW, long);
  await bench.finish(begun);
}

/** Runs many sessions of one workspace at once, each with the batches of a job one after the other. */
async function jobsAtOnce(control: ControlPlane, bench: BenchWorkspace, recorder: Recorder): Promise<void> {
  const sessions: string[] = [];
  for (let job = 0; job < JOBS.many; job++) sessions.push(await bench.create());
  const people = Array.from({ length: MANY }, () => bench.anotherClient(control.url));
  const samples = await closedLoop(MANY, JOBS.many, async (worker, index) => {
    const begun = await people[worker]!.begin(sessions[index]!);
    for (let batch = 0; batch < BATCHES_PER_JOB; batch++) await begun.lease.sendDeltas(BATCH);
    await people[worker]!.finish(begun);
  });
  recorder.add(OPERATIONS.job, MANY, samples);
  for (const session of sessions) await bench.confirm(session);
  for (const person of people) person.close();
}
