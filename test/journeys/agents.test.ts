import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exitCode } from '../../cli/command.ts';
import { createClient } from '../../src/client/client.ts';
import { eventually } from '../support/eventually.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { AgentProcess } from '../system/support/agent-process.ts';
import { expectAgreement, expectSameLog, expectWhole, readLog } from '../system/support/agreement.ts';
import { RESTART_LIMIT_MS } from '../system/support/control-plane.ts';
import { type StartedSession, startSession } from '../system/support/started-session.ts';
import { TcpProxy } from '../system/support/tcp-proxy.ts';
import { Stall } from '../system/support/tools.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const CUTS = 20;
const PAUSE_MS = 100;
const labels = ['site=far'];

/** This file's own agents. The first one connects directly to the control plane, the second one over a proxy. */
const fleet = sharedFleet();
let proxy: TcpProxy;
let first: AgentProcess;
let second: AgentProcess;
beforeAll(async () => {
  proxy = await TcpProxy.start(fleet.address.url);
  first = fleet.agent('AGENT-FIRST', { labels });
  second = fleet.agent('AGENT-SECOND', { labels, url: proxy.url });
});
afterAll(async () => {
  await fleet.removeAgents();
  await proxy.stop();
});

async function expectTrueLog(session: StartedSession): Promise<void> {
  const log = await readLog(fleet.client, session.id);
  expectWhole(log);
  expectSameLog(session.watch, log);
  expectAgreement(log, fleet.conversationOf(session.id));
  session.watch.close();
}

it('a session waits in the queue until an agent with its label connects, and runs on that agent', async () => {
  const session = await startSession(fleet.client, ['write routed.txt: yes'], { required_labels: labels });
  await eventually(async () => expect((await fleet.client.sessions.get(session.id)).status).toBe('queued'));
  await first.start();
  const { tasks } = await session.ended('completed');
  expect(tasks).toMatchObject([{ agent_id: first.id, attempt: 1 }]);
  expect(await fleet.client.agents.get(first.id)).toMatchObject({ name: 'AGENT-FIRST' });
  session.watch.close();
});

it('when an agent is killed, another agent on another clone continues from its checkpoint', async () => {
  if (!first.isRunning) await first.start();
  const stall = new Stall(join(fleet.path, 'takeover'));
  const prompts = ['run echo one > one.txt', `${stall.directive}\nrun test -e one.txt && echo two > two.txt`];
  const session = await startSession(fleet.client, prompts, { required_labels: labels });
  await stall.hangs();
  await first.kill();
  await second.start();
  const { tasks } = await session.ended('completed');
  expect(tasks).toMatchObject([{ agent_id: second.id, attempt: 2, epoch: 2 }]);
  expect(stall.times).toBe(2);
  const { files } = await fleet.client.sessions.diff(session.id);
  expect(files.map(({ path }) => path)).toEqual(['one.txt', 'two.txt']);
  await expectTrueLog(session);
});

it('an agent whose token is revoked while it works says so, stops, and exits with the code for a refusal', async () => {
  const { id, token } = await fleet.client.tokens.create({ name: 'short', role: 'agent' });
  const third = fleet.agent('AGENT-THIRD', { labels: ['site=third'], token });
  await third.start();
  const session = await startSession(fleet.client, ['run sleep 300'], { required_labels: ['site=third'] });
  await session.seen((e) => e.type === 'tool' && e.data.state === 'running');
  await fleet.client.tokens.revoke(id);
  expect(await third.ended()).toBe(exitCode.unreachable);
  expect(third.output).toContain('does not accept this token');
  await eventually(() => expect(third.livingProcesses()).toEqual([]));
  await fleet.client.sessions.act(session.id, 'cancel');
  session.watch.close();
});

it('an agent and a watcher whose connections break again and again neither lose nor duplicate an event', async () => {
  await first.kill();
  if (!second.isRunning) await second.start();
  const watcher = createClient({ baseUrl: proxy.url, token: fleet.address.adminToken, deadlineMs: RESTART_LIMIT_MS });
  const prompt = 'slow 20 200\nrun echo one > one.txt\nslow 20 200';
  const session = await startSession(fleet.client, [prompt], { required_labels: labels, watcher });
  await session.seen(({ type }) => type === 'turn.started');
  await proxy.cutAtRandom(CUTS, PAUSE_MS, seededRandom(1));
  const { tasks } = await session.ended('completed');
  expect(tasks).toMatchObject([{ attempt: 1, epoch: 1 }]);
  await expectTrueLog(session);
});

it('an agent that starts after its sessions were deleted drops what it had of them', async () => {
  await second.kill();
  if (!first.isRunning) await first.start();
  const left = () => ['leases', 'worktrees'].flatMap((name) => readdirSync(join(first.place.home, name)));
  const kept = await startSession(fleet.client, ['run head -c 9000000 /dev/urandom > a.bin'], {
    required_labels: labels,
  });
  await kept.ended('partially_completed');
  kept.watch.close();
  await eventually(() => expect(left()).toEqual([expect.stringMatching(/-1$/), expect.stringMatching(/-1.kept$/)]));
  const session = await startSession(fleet.client, ['run echo one > one.txt; sleep 300'], { required_labels: labels });
  await session.seen((e) => e.type === 'tool' && e.data.state === 'running');
  await fleet.client.sessions.requestCheckpoint(session.id);
  await session.seen(({ type }) => type === 'checkpoint.created');
  await first.kill();
  await fleet.client.sessions.remove(session.id);
  await fleet.client.sessions.remove(kept.id);
  session.watch.close();
  await first.start();
  await eventually(() => expect(left()).toEqual([]));
});
