import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BufferedLease } from '../../runner/lease/buffer.ts';
import { webSocketConnections } from '../../runner/lease/connection.ts';
import { givenNumber } from '../../scripts/given-number.ts';
import { taskIdOf } from '../../src/protocol/common/ids.ts';
import { eventually } from '../support/eventually.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { AgentProcess } from '../system/support/agent-process.ts';
import {
  expectAgreement,
  expectBeginnings,
  expectSameLog,
  expectWhole,
  readConversation,
  readLog,
} from '../system/support/agreement.ts';
import { type Fleet, NO_POSTGRES, startFleet } from '../system/support/fleet.ts';
import { type StartedSession, startSession } from '../system/support/started-session.ts';
import { TcpProxy } from '../system/support/tcp-proxy.ts';

const MOMENTS = ['tool', 'text', 'checkpoint', 'result-unsent', 'result-unacknowledged'] as const;

/** When an agent is killed. The seed decides how long after the moment, and during which prompt. */
interface Kill {
  moment: (typeof MOMENTS)[number];
  seed: number;
}

/** At least one kill at each moment. `test/simulation` runs many more seeds, without processes. */
const KILLS: Kill[] = Array.from(
  {
    length: givenNumber('DRILL_SEEDS', process.env.DRILL_SEEDS, { min: MOMENTS.length, byDefault: MOMENTS.length }),
  },
  (_, index) => ({ moment: MOMENTS[index % MOMENTS.length]!, seed: index + 1 }),
);
const LANES = 3;
const PROMPTS = 3;
/** A test also waits for its pair of agents. */
const TIMEOUT_MS = 400_000;

interface Station {
  agent: AgentProcess;
  proxy: TcpProxy;
}

/** Two agents with one label: one works, and the other takes over from it. */
interface Lane {
  label: string;
  victim: Station;
  heir: Station;
}

let fleet: Fleet;
const free: Lane[] = [];
const waiting: ((lane: Lane) => void)[] = [];
const proxies: TcpProxy[] = [];

beforeAll(async () => {
  fleet = await startFleet({ ...NO_POSTGRES, OIO_LEASE_TTL_SECONDS: '6' });
  for (let lane = 1; lane <= LANES; lane++) {
    const label = `lane=${lane}`;
    free.push({ label, victim: await station(`AGENT-A${lane}`, label), heir: await station(`AGENT-B${lane}`, label) });
  }
});
afterAll(async () => {
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  await fleet.stop();
});

async function station(name: string, label: string): Promise<Station> {
  const proxy = await TcpProxy.start(fleet.controlPlane.url);
  proxies.push(proxy);
  return { proxy, agent: fleet.agent(name, { url: proxy.url, labels: [label] }) };
}

async function inLane(drill: (lane: Lane) => Promise<void>): Promise<void> {
  const lane = free.shift() ?? (await new Promise<Lane>((resolve) => waiting.push(resolve)));
  try {
    // The remains of a failed drill must not fail the next one.
    await lane.heir.agent.kill();
    if (!lane.victim.agent.isRunning) await lane.victim.agent.start();
    await drill(lane);
  } finally {
    for (const { proxy } of [lane.victim, lane.heir]) proxy.release();
    const next = waiting.shift();
    if (next) next(lane);
    else free.push(lane);
  }
}

/** Prompts that each write a file and a line in the counter. One of them is slow. */
function prompts(counter: string, slowOne: number, moment: Kill['moment']): string[] {
  return Array.from({ length: PROMPTS }, (_, index) => {
    const number = index + 1;
    const work = `echo ${number} | tee file${number}.txt >> ${counter}`;
    if (number !== slowOne) return `run ${work}`;
    // Only the first agent sleeps; the next one is fast.
    if (moment === 'tool') return `run ${work}; test $(grep -c ${number} ${counter}) -gt 1 || sleep 60`;
    return moment === 'text' ? `slow 10 200\nrun ${work}` : `run ${work}`;
  });
}

function linesIn(counter: string): number[] {
  return readFileSync(counter, 'utf8').trim().split('\n').map(Number);
}

/** Waits until it is time to kill. @param held resolves when the proxy holds the message of the moment */
async function reach(
  { moment, seed }: Kill,
  session: StartedSession,
  { slowOne, counter }: { slowOne: number; counter: string },
  held: Promise<void>,
): Promise<void> {
  const random = seededRandom(seed);
  const hasBegun = (number: number) => session.seen((e) => e.type === 'turn.started' && e.data.message === number);
  switch (moment) {
    case 'tool':
      await hasBegun(slowOne);
      // The event of a call comes before its shell runs.
      await eventually(() => expect(linesIn(counter)).toContain(slowOne));
      return delay(random() * 500);
    case 'text':
      await hasBegun(slowOne);
      await session.seen((e) => e.type === 'text.delta' && e.data.text.startsWith('word1'));
      return delay(random() * 1_500);
    case 'checkpoint':
      await session.seen((e) => e.type === 'checkpoint.created' && e.data.checkpoint.messages_done === slowOne);
      return delay(random() * 100);
    case 'result-unsent':
    case 'result-unacknowledged':
      await held;
      return delay(random() * 500);
  }
}

/** A runner that is resumed after its lease was lost must be told to stop. */
async function expectRefused(token: string, lease: BufferedLease): Promise<void> {
  const open = webSocketConnections(fleet.controlPlane.url, token);
  const { task_id, epoch, agent_id, agent_name, instance_id, stream_id } = lease;
  const frame = { n: 1_000, type: 'agent.note', data: { level: 'error', text: 'from an old epoch' } };
  const presented = { type: 'present', agent_id, agent_name, instance_id, stream_id, head: 1_000, repository: null };
  for (const said of [presented, { type: 'frames', frames: [frame] }]) {
    const answers = await new Promise<string[]>((resolve) => {
      const types: string[] = [];
      const line = open(`/ws/leases/${task_id}/${epoch}`, {
        opened: () => line.send(JSON.stringify(said)),
        received: (text) => types.push(JSON.parse(text).type),
        closed: () => resolve(types),
      });
    });
    expect(answers).toEqual([expect.stringMatching(/^(gone|lease_lost)$/)]);
  }
}

describe.concurrent('an agent that is killed', { timeout: TIMEOUT_MS }, () => {
  const takenOver = KILLS.filter(({ moment }) => moment !== 'result-unacknowledged');
  const acknowledged = KILLS.filter((kill) => !takenOver.includes(kill));

  it.each(takenOver)('loses no work: another agent on another clone continues ($moment, seed $seed)', (kill) =>
    inLane(async (lane) => {
      const { victim, heir } = lane;
      const { moment, seed } = kill;
      const lastSlow = moment === 'checkpoint' ? PROMPTS - 1 : PROMPTS;
      const slowOne = 1 + Math.floor(seededRandom(-seed)() * lastSlow);
      const counter = join(fleet.path, `counter-${seed}`);
      // Even if this process hears of the moment late, the victim has not ended the session.
      const held = victim.proxy.holdRequestsFrom('"type":"result"');
      const session = await startSession(fleet.client, prompts(counter, slowOne, moment), {
        required_labels: [lane.label],
      });
      await reach(kill, session, { slowOne, counter }, held);
      await victim.agent.kill();
      victim.proxy.release();
      const [left] = victim.agent.leftovers().map((buffer) => {
        buffer.close();
        return buffer.lease;
      });
      await heir.agent.start();
      await session.seen((e) => e.type === 'lease.granted' && e.data.agent_id === heir.agent.id);
      if (left) await expectRefused(victim.agent.place.token, left);
      await session.ended('completed');

      const log = await readLog(fleet.client, session.id);
      expectWhole(log);
      expectSameLog(session.watch, log);
      expect(log.some((e) => e.type === 'session.status' && e.data.to === 'orphaned')).toBe(true);
      const grants = log.filter((event) => event.type === 'lease.granted');
      const last = grants.at(-1)!;
      expect(last.data.agent_id).toBe(heir.agent.id);
      expect(grants.map(({ data }) => data.epoch)).toEqual([...new Set(grants.map(({ data }) => data.epoch))].sort());
      const made = log.filter((event) => event.type === 'checkpoint.created' && event.seq < last.seq);
      expect(last.data.checkpoint).toBe(made.length === 0 ? null : made.length);
      expectAgreement(log, fleet.conversationOf(session.id));
      expectBeginnings(log, readConversation(victim.agent, taskIdOf(session.id, last.task), grants[0]!.data.epoch));
      const { files } = await fleet.client.sessions.diff(session.id);
      expect(files.map(({ path }) => path)).toEqual(['file1.txt', 'file2.txt', 'file3.txt']);
      // Side effects happen at least once: the interrupted prompt runs again.
      const done = linesIn(counter);
      expect(new Set(done)).toEqual(new Set([1, 2, 3]));
      if (moment === 'tool') expect(done.filter((number) => number === slowOne).length).toBeGreaterThan(1);
      session.watch.close();
      [lane.victim, lane.heir] = [heir, victim];
    }),
  );

  it.each(acknowledged)(
    'has completed its session if its result is stored, even without an acknowledgement (seed $seed)',
    (kill) =>
      inLane(async (lane) => {
        const { agent, proxy } = lane.victim;
        const counter = join(fleet.path, `counter-${kill.seed}`);
        const held = proxy.holdAnswersFrom('"type":"ended"');
        const session = await startSession(fleet.client, prompts(counter, 0, kill.moment), {
          required_labels: [lane.label],
        });
        await reach(kill, session, { slowOne: 0, counter }, held);
        await agent.kill();
        await session.ended('completed');
        const log = await readLog(fleet.client, session.id);
        expect(agent.leftoverNames()).not.toEqual([]);
        proxy.release();
        await agent.start();
        await agent.printed(`${taskIdOf(session.id, 1)}, epoch 1: ended`);
        expect(agent.leftoverNames()).toEqual([]);

        expect(await readLog(fleet.client, session.id)).toEqual(log);
        expectWhole(log);
        expectSameLog(session.watch, log);
        expect(log.filter(({ type }) => type === 'lease.granted')).toHaveLength(1);
        expectAgreement(log, fleet.conversationOf(session.id));
        expect(readFileSync(counter, 'utf8')).toBe('1\n2\n3\n');
        session.watch.close();
      }),
  );
});
