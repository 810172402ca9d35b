import { HttpConnection } from '../http.ts';
import { closedLoop, inSequence } from '../load.ts';
import { MANY } from '../plan.ts';
import { handOn } from '../scenarios/floor.ts';
import { BenchWorkspace } from '../scenarios/jobs.ts';
import { createRequest } from '../scenarios/requests.ts';
import type { ControlPlane, Server } from '../servers.ts';
import { type Summary, summarize } from '../statistics.ts';

const WAITING = 1_000;
const STARTS = 100;
const SESSIONS = 400;

export interface Starts {
  /** From the request to start until an idle agent has the offer on its socket, by how many other sessions wait. */
  offer: { waiting: number; measured: Summary }[];
  /** From start to final, with agents that finish at once. */
  sessions: Summary;
}

/** Measures the control plane on `workerd`, with an agent on real sockets. */
export async function measureStarts(control: ControlPlane, report: (what: string) => void): Promise<Starts> {
  const bench = await BenchWorkspace.open(control);
  try {
    report('start → offer, idle');
    const idle = await offers(bench);
    report(`start → offer, with ${WAITING} waiting`);
    await letWait(control, bench);
    const waiting = await offers(bench);
    report('sessions with instant agents');
    const sessions = await finishMany(control, bench);
    return {
      offer: [
        { waiting: 0, measured: idle },
        { waiting: WAITING, measured: waiting },
      ],
      sessions,
    };
  } finally {
    bench.agent.close();
    bench.close();
  }
}

async function offers(bench: BenchWorkspace): Promise<Summary> {
  const times: number[] = [];
  for (let each = 0; each < STARTS; each++) {
    const begun = await bench.begin(await bench.create());
    times.push(begun.stages.offer);
    await bench.finish(begun);
  }
  return summarize(inSequence(times));
}

/** Starts sessions that no agent can take. */
async function letWait({ url }: ControlPlane, { token }: BenchWorkspace): Promise<void> {
  const create = createRequest(token);
  const connections = await Promise.all(Array.from({ length: MANY }, () => new HttpConnection(url).open()));
  await closedLoop(MANY, WAITING, async (worker, index) => {
    const body = { ...(create.body as object), required_labels: [`site=${index % 100}`] };
    const { id } = await connections[worker]!.json<{ id: string }>({ ...create, body });
    await connections[worker]!.send({ method: 'POST', path: `/api/v1/sessions/${id}/start`, token });
  });
  for (const connection of connections) connection.close();
}

async function finishMany(control: ControlPlane, bench: BenchWorkspace): Promise<Summary> {
  const created: string[] = [];
  for (let each = 0; each < SESSIONS; each++) created.push(await bench.create());
  const clients = Array.from({ length: MANY }, () => bench.anotherClient(control.url));
  const samples = await closedLoop(MANY, SESSIONS, async (worker, index) => {
    const client = clients[worker]!;
    await client.finish(await client.begin(created[index]!));
  });
  for (const client of clients) client.close();
  return summarize(samples);
}

/** The bare platform: one object hands on to another, which sends to a socket (`handed on` in `FLOORS`). */
export async function measureHandOn({ url }: Server): Promise<Summary> {
  return summarize(await handOn(url, crypto.randomUUID()));
}
