import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTROL_FIRST_PAUSE_MS, webSocketConnections } from '../../runner/lease/connection.ts';
import { eventually } from '../support/eventually.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { ControlPlane, RESTART_LIMIT_MS } from '../system/support/control-plane.ts';
import { NO_POSTGRES } from '../system/support/fleet.ts';
import { SocketAgent } from '../system/support/socket-agent.ts';

const AGENTS = 1_000;
/** A token registers at most a thousand agents, and people have several. */
const TOKENS = 4;
/** The sockets that are opened at a time. */
const AT_ONCE = 50;
const SESSIONS = 20;
const BUCKET_MS = 100;
const AT_WORK = 'role=worker';

let directory: string;
let controlPlane: ControlPlane;
const random = seededRandom(1);
const agents: SocketAgent[] = [];
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'oio-deploy-'));
  controlPlane = await ControlPlane.start(join(directory, 'data'), NO_POSTGRES);
});
afterAll(async () => {
  for (const agent of agents) agent.close();
  await controlPlane.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Waits until each agent was welcomed so many times, and the registry says that all are connected. */
async function allConnected(welcomes: number): Promise<void> {
  await eventually(() => {
    const missing = agents.filter((agent) => agent.welcomes < welcomes).length;
    if (missing > 0) throw new Error(`${missing} agents are missing`);
  }, RESTART_LIMIT_MS);
  await eventually(async () => {
    const { agents: counts } = await controlPlane.client.agents.stats();
    expect(counts.by_state).toEqual({ connected: agents.length });
  });
}

describe('a deploy, which cuts all sockets at once', () => {
  it(`orphans no session under ${AGENTS} agents, which come back spread`, async () => {
    const { client, url } = controlPlane;
    const tokens = await Promise.all(
      Array.from({ length: TOKENS }, (_, each) => client.tokens.create({ name: `agents ${each}`, role: 'agent' })),
    );
    const lines = tokens.map(({ token }) => webSocketConnections(url, token));
    while (agents.length < AGENTS) {
      for (let each = 0; each < AT_ONCE; each++) {
        const number = agents.length;
        const labels = number < SESSIONS ? [AT_WORK] : [];
        agents.push(new SocketAgent(`AGENT-${number}`, labels, lines[number % TOKENS]!, random));
      }
      await allConnected(1);
    }
    const ids: string[] = [];
    for (let each = 0; each < SESSIONS; each++) {
      const body = { title: 'A session', initial_prompt: 'Do it', required_labels: [AT_WORK], max_attempts: 1 };
      const { id } = await client.sessions.create(body);
      await client.sessions.act(id, 'start');
      ids.push(id);
    }
    const workers = agents.slice(0, SESSIONS);
    await eventually(() => expect(workers.filter(({ presented }) => presented > 0)).toHaveLength(SESSIONS));

    for (const agent of agents) agent.waits = [];
    await controlPlane.kill('worker');
    await allConnected(2);
    await eventually(() => expect(workers.filter(({ presented }) => presented > 1)).toHaveLength(SESSIONS));

    // Each agent has drawn its own pause, so that few come in the same tenth of a second.
    const pauses = agents.map(({ waits }) => waits[0]!);
    const buckets = Map.groupBy(pauses, (ms) => Math.floor(ms / BUCKET_MS));
    expect(Math.max(...pauses)).toBeLessThan(CONTROL_FIRST_PAUSE_MS);
    expect(Math.max(...[...buckets.values()].map(({ length }) => length))).toBeLessThanOrEqual(AGENTS / 10);

    for (const worker of workers) worker.finish();
    for (const id of ids) {
      const session = await eventually(async () => {
        const read = await client.sessions.get(id, ['tasks']);
        expect(read.status).toBe('completed');
        return read;
      });
      expect(session.tasks).toMatchObject([{ attempt: 1, epoch: 1 }]);
      const { items } = await client.sessions.events(id, { limit: 500 });
      expect(items.filter(({ type }) => type === 'lease.ended')).toHaveLength(1);
      const statuses = items.flatMap((event) => (event.type === 'session.status' ? [event.data.to] : []));
      expect(statuses).not.toContain('orphaned');
    }
  });
});
