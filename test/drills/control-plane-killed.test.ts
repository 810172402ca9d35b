import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scriptedModelConfig } from '../../cli/demo/scripted-model.ts';
import type { SessionEvent } from '../../src/protocol/events/envelope.ts';
import { eventually } from '../support/eventually.ts';
import { type Fleet, NO_POSTGRES, startFleet } from '../system/support/fleet.ts';
import { type StartedSession, startSession } from '../system/support/started-session.ts';
import { TcpProxy } from '../system/support/tcp-proxy.ts';
import { Gate } from '../system/support/tools.ts';
import { expectUndisturbed } from '../system/support/undisturbed.ts';

const LEASE_TTL_SECONDS = 15;
const LONGER_THAN_A_LEASE_MS = (LEASE_TTL_SECONDS + 1) * 1_000;
/** The model's answers stop at this word until they are resumed. */
const HELD = 'held';

type Where = 'host=a' | 'host=b';

/** Where a session stands when the control plane is killed. It stays there until the test lets it continue. */
interface Moment {
  name: string;
  where: Where;
  /** @param tool waits at the gate */
  prompts: (tool: string) => string[];
  isReached: (event: SessionEvent) => boolean;
}

const AFTERWARDS = 'run echo two >> file.txt';
const twoTurns = [`run echo one > file.txt`, AFTERWARDS];
const MOMENTS: Moment[] = [
  {
    name: 'before the first text',
    where: 'host=a',
    prompts: () => [`say ${HELD}\n${AFTERWARDS}`],
    isReached: ({ type }) => type === 'turn.started',
  },
  {
    name: 'in streamed text',
    where: 'host=a',
    prompts: () => [`say begun\nslow 3 50\nsay ${HELD}\n${AFTERWARDS}`, AFTERWARDS],
    isReached: (e) => e.type === 'text.delta' && e.data.text.includes('begun'),
  },
  {
    name: 'in a tool',
    where: 'host=a',
    prompts: (tool) => [`${tool}\n${AFTERWARDS}`, AFTERWARDS],
    isReached: (e) => e.type === 'tool' && e.data.state === 'running',
  },
  {
    name: 'while a question waits',
    where: 'host=a',
    prompts: () => [`question Continue? yes | no\n${AFTERWARDS}`],
    isReached: ({ type }) => type === 'approval.asked',
  },
  {
    name: 'between prompts, while the agent does not know that its checkpoint is stored',
    where: 'host=a',
    prompts: () => twoTurns,
    isReached: ({ type }) => type === 'checkpoint.created',
  },
  {
    name: 'while the agent does not know that its result is stored',
    where: 'host=b',
    prompts: () => twoTurns,
    isReached: (e) => e.type === 'session.status' && e.data.to === 'completed',
  },
];

let fleet: Fleet;
/** Between the model and the agents. */
let model: TcpProxy;
/** Between an agent and the control plane. */
let proxies: Record<Where, TcpProxy>;
beforeAll(async () => {
  fleet = await startFleet({ ...NO_POSTGRES, OIO_LEASE_TTL_SECONDS: String(LEASE_TTL_SECONDS) });
  model = await TcpProxy.start(fleet.model.url);
  proxies = {
    'host=a': await TcpProxy.start(fleet.controlPlane.url),
    'host=b': await TcpProxy.start(fleet.controlPlane.url),
  };
  const configFile = join(fleet.path, 'held-model.json');
  writeFileSync(configFile, JSON.stringify(scriptedModelConfig(`${model.url}/v1`)));
  const starting = Object.entries(proxies).map(([where, { url }]) =>
    fleet.agent(where.replace('host=', 'AGENT-').toUpperCase(), { labels: [where], url, configFile }).start(),
  );
  await Promise.all(starting);
});
afterAll(async () => {
  await fleet.removeAgents();
  await Promise.all([model, ...Object.values(proxies)].map((proxy) => proxy.stop()));
  await fleet.stop();
});

/** Starts one session for each moment. Resolves when each of them is at its moment. */
async function reachAll(gate: Gate): Promise<StartedSession[]> {
  void model.holdAnswersFrom(`"content":"${HELD}`);
  const held = [
    proxies['host=a'].holdAnswersFrom('"type":"saved"'),
    proxies['host=b'].holdAnswersFrom('"type":"ended"'),
  ];
  const sessions = await Promise.all(
    MOMENTS.map(async ({ where, prompts, isReached }) => {
      const session = await startSession(fleet.client, prompts(gate.directive), { required_labels: [where] });
      await session.seen(isReached);
      return session;
    }),
  );
  await Promise.all(held);
  return sessions;
}

/** Creates sessions one after the other until it is stopped. Returns the acknowledged ids. */
async function createUntil(isOver: () => boolean): Promise<string[]> {
  const ids: string[] = [];
  while (!isOver()) {
    const { id } = await fleet.client.sessions.create({ title: 'Acknowledged', initial_prompt: 'say nothing' });
    ids.push(id);
    await delay(200);
  }
  return ids;
}

async function expectKept(acknowledged: string[]): Promise<void> {
  for (const id of acknowledged) expect((await fleet.client.sessions.get(id)).status).toBe('pending');
  // The directory may learn of a session after its author does, if the control plane dies in between.
  await eventually(async () => {
    const { items } = await fleet.client.sessions.list({ page_size: 100 });
    const listed = new Set(items.map(({ id }) => id));
    for (const id of acknowledged.slice(-50)) expect(listed.has(id)).toBe(true);
  });
  await fleet.client.sessions.bulk({ action: 'cancel', session_ids: acknowledged.slice(0, 100) });
}

/** Answers questions until it is stopped. After a long silence, the agent begins the turn again and asks again. */
async function answerUntil(isOver: () => boolean, sessions: StartedSession[]): Promise<void> {
  while (!isOver()) {
    for (const { id } of sessions) {
      const approvals = await fleet.client.sessions.approvals(id);
      for (const approval of approvals.filter(({ status }) => status === 'open')) {
        const answer = fleet.client.sessions.answer(id, approval.id, { decision: 'once', answers: [['yes']] });
        // The agent may have withdrawn it meanwhile.
        await answer.catch(() => undefined);
      }
    }
    await delay(200);
  }
}

describe('a control plane that is killed', () => {
  const KILLS: { victim: string; kill: () => Promise<void> }[] = [
    { victim: 'workerd', kill: () => fleet.controlPlane.kill('worker') },
    { victim: 'the launcher', kill: () => fleet.controlPlane.killLauncherAndRestart() },
    {
      victim: 'the launcher, for longer than a lease lasts',
      kill: () => fleet.controlPlane.killLauncherAndRestart(LONGER_THAN_A_LEASE_MS),
    },
  ];
  it.each(KILLS)(`disturbs no session, whatever the session is doing ($victim)`, async ({ victim, kill }) => {
    const gate = new Gate(join(fleet.path, `gate of ${victim}`.replaceAll(/\W+/g, '-')));
    let isOver = false;
    const creating = createUntil(() => isOver);
    const sessions = await reachAll(gate);
    const killing = kill();
    // The agents work on while nobody hears them.
    gate.open();
    model.resumeAnswers();
    await killing;
    for (const proxy of Object.values(proxies)) proxy.release();
    const answering = answerUntil(() => isOver, sessions);
    for (const [index, session] of sessions.entries()) {
      await expectUndisturbed(fleet, session).catch((cause: unknown) => {
        throw new Error(`A session was disturbed: ${MOMENTS[index]!.name}`, { cause });
      });
    }
    isOver = true;
    await answering;
    await expectKept(await creating);
  });
});
