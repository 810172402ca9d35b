import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../../../runner/lease/connection.ts';
import type { RegisteredAgent } from '../../../src/protocol/agent/agent.ts';
import { PING } from '../../../src/protocol/common/socket.ts';
import { HttpConnection } from '../http.ts';
import { PING_MS } from '../instant-agent.ts';
import { closedLoop } from '../load.ts';
import { MANY } from '../plan.ts';
import type { ControlPlane } from '../servers.ts';
import { openSocket } from '../sockets.ts';
import { type Summary, summarize } from '../statistics.ts';
import { AGENTS_OF_TOKEN } from './fleet-in-process.ts';
import { resourcesOf } from './process-use.ts';

const PERIOD_MS = 60_000;

/** What `workerd` uses for a fleet during one minute. */
export interface FleetUse {
  agents: number;
  /** The share of one core. */
  cpu: number;
  memory_mib: number;
  /** What the same process used before the agents came, in MiB. */
  empty_mib: number;
}

export interface HttpFleet extends FleetUse {
  heartbeat: Summary;
}

interface HttpAgent {
  id: string;
  token: string;
}

/** Agents over plain HTTP, each with a heartbeat in a minute, evenly spread. */
export async function measureHttpAgents(control: ControlPlane, count: number): Promise<HttpFleet> {
  const empty = resourcesOf(control.pid);
  const connections = await Promise.all(Array.from({ length: MANY }, () => new HttpConnection(control.url).open()));
  const agents = await registerAll(control, connections, count);
  const latenciesMs: number[] = [];
  const beat = async (worker: number, { id, token }: HttpAgent) => {
    const at = performance.now();
    await connections[worker]!.send({ method: 'POST', path: `/api/v1/agents/${id}/heartbeat`, token });
    latenciesMs.push(performance.now() - at);
  };
  const before = resourcesOf(control.pid);
  const startedAt = performance.now();
  await closedLoop(MANY, count, async (worker, index) => {
    await sleepUntil(startedAt + (index * PERIOD_MS) / count);
    await beat(worker, agents[index]!);
  });
  const elapsedMs = performance.now() - startedAt;
  const after = resourcesOf(control.pid);
  for (const connection of connections) connection.close();
  const cpu = (after.cpu_seconds - before.cpu_seconds) / (elapsedMs / 1_000);
  const heartbeat = summarize({ latenciesMs, elapsedMs });
  return { agents: count, cpu, memory_mib: after.memory_mib, empty_mib: empty.memory_mib, heartbeat };
}

/** Agents with control sockets, which ping: as many as asked for, or until the machine refuses another one. */
export async function measureSockets(control: ControlPlane, count: number): Promise<FleetUse> {
  const empty = resourcesOf(control.pid);
  const tokens = await tokensFor(control, `sockets-${crypto.randomUUID()}`, count);
  const sockets: Connection[] = [];
  let isFull = false;
  await closedLoop(MANY, count, async (_, index) => {
    if (isFull) return;
    try {
      sockets.push(await joined(control.url, tokens[Math.floor(index / AGENTS_OF_TOKEN)]!, index));
    } catch (error) {
      console.error(`${sockets.length} sockets are open, and no more: ${String(error)}`);
      isFull = true;
    }
  });
  const agents = sockets.length;
  const before = resourcesOf(control.pid);
  const startedAt = performance.now();
  for (let turn = 0; turn < PERIOD_MS / PING_MS; turn++) {
    for (const [index, socket] of sockets.entries()) {
      if (index % 100 === 0) await sleepUntil(startedAt + turn * PING_MS + (index * PING_MS) / agents);
      socket.send(PING);
    }
  }
  await sleepUntil(startedAt + PERIOD_MS);
  const after = resourcesOf(control.pid);
  const elapsedMs = performance.now() - startedAt;
  for (const socket of sockets) socket.close();
  const cpu = (after.cpu_seconds - before.cpu_seconds) / (elapsedMs / 1_000);
  return { agents, cpu, memory_mib: after.memory_mib, empty_mib: empty.memory_mib };
}

/** Opens a control socket. Resolves when the registry has accepted its agent. */
async function joined(url: string, token: string, index: number): Promise<Connection> {
  const id = crypto.randomUUID();
  const welcomed = Promise.withResolvers<void>();
  // A failure rejects only the caller that waits for it.
  welcomed.promise.catch(() => undefined);
  const path = `/ws/agents/${id}/control`;
  const socket = await openSocket(
    url,
    path,
    token,
    () => welcomed.resolve(),
    (error) => welcomed.reject(error),
  );
  socket.send(JSON.stringify(helloOf(id, index)));
  await welcomed.promise;
  return socket;
}

/** @param at by `performance.now()` */
function sleepUntil(at: number): Promise<void> {
  return sleep(Math.max(0, at - performance.now()));
}

function helloOf(instance_id: string, index: number) {
  const nothing = { capabilities: [], labels: [], remotes: [], repository: null, model: null, leases: [] };
  return { type: 'hello', name: `AGENT-${index}`, instance_id, capacity: 1, version: 'bench', ...nothing };
}

/** Enough tokens that enrol agents. */
async function tokensFor({ token }: ControlPlane, workspace: string, count: number): Promise<string[]> {
  const tokens: string[] = [];
  for (let each = 0; each < count; each += AGENTS_OF_TOKEN) tokens.push(await token(workspace, 'agent'));
  return tokens;
}

async function registerAll(
  control: ControlPlane,
  connections: readonly HttpConnection[],
  count: number,
): Promise<HttpAgent[]> {
  const tokens = await tokensFor(control, `http-${crypto.randomUUID()}`, count);
  const agents: HttpAgent[] = [];
  await closedLoop(connections.length, count, async (worker, index) => {
    const body = { name: `AGENT-${index}`, agent_type: 'implementer', capabilities: ['testing'] };
    const token = tokens[Math.floor(index / AGENTS_OF_TOKEN)]!;
    const registered = await connections[worker]!.json<RegisteredAgent>({
      method: 'POST',
      path: '/api/v1/agents',
      token,
      body,
    });
    agents.push({ id: registered.id, token: registered.token });
  });
  return agents;
}
