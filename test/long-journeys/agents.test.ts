import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { oioOf } from '../journeys/support/oio.ts';
import { sharedFleet } from '../journeys/support/shared-fleet.ts';
import { checkedClient } from '../support/checked-client.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { AgentProcess } from '../system/support/agent-process.ts';
import { RESTART_LIMIT_MS } from '../system/support/control-plane.ts';
import { startSession } from '../system/support/started-session.ts';
import { TcpProxy } from '../system/support/tcp-proxy.ts';
import { Stall } from '../system/support/tools.ts';
import { expectTrueLog } from '../system/support/true-log.ts';

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
  const options = ['--technology', 'typescript', '--technology', 'react'];
  first = fleet.agent('AGENT-FIRST', { labels, options });
  second = fleet.agent('AGENT-SECOND', { labels, url: proxy.url });
});
afterAll(async () => {
  await fleet.removeAgents();
  await proxy.stop();
});

/** Runs the command line on the control plane's data directory. */
const oio = (...args: string[]) => oioOf(fleet, ...args);

it('oio agent rebalance moves work that allows it to an idle agent, which continues from its checkpoint at no attempt', async () => {
  for (const agent of [first, second]) if (!agent.isRunning) await agent.start();
  await fleet.client.agents.drain(second.id);
  const steps = Array.from({ length: 12 }, (_, step) => `slow 5 100\nrun echo ${step} >> steps.txt`).join('\n');
  const start = (allow_rebalance: boolean) =>
    startSession(fleet.client, [steps], { required_labels: labels, max_attempts: 1, allow_rebalance });
  const [moving, staying] = [await start(true), await start(false)];
  for (const session of [moving, staying]) await session.seen(({ type }) => type === 'tool');
  await fleet.client.agents.update(first.id, { max_concurrent_capacity: 1 });
  await fleet.client.agents.resume(second.id);
  const { code, output } = await oio('agent', 'rebalance');
  expect(code).toBe(0);
  expect(output).toMatch(
    /^[0-9a-f-]+ moves from AGENT-FIRST to AGENT-SECOND\. The load of AGENT-FIRST is overloaded: 2 of 1 slots are in use\.\n/,
  );
  const moved = await moving.ended('completed');
  expect(moved.tasks).toMatchObject([{ agent_id: second.id, attempt: 1, epoch: 2 }]);
  expect(moving.watch.events.filter(({ type }) => type === 'lease.ended')).toMatchObject([
    { data: { epoch: 1, reason: 'rebalanced' } },
    { data: { epoch: 2 } },
  ]);
  expect((await staying.ended('completed')).tasks).toMatchObject([{ agent_id: first.id, attempt: 1, epoch: 1 }]);
  expect((await oio('agent', 'rebalance', '--dry-run')).output).toBe('Nothing would be moved.\n');
  await fleet.client.agents.update(first.id, { max_concurrent_capacity: 10 });
  for (const { watch } of [moving, staying]) watch.close();
});

it('oio agent drains, resumes and removes an agent, whose session another agent continues at no attempt', async () => {
  await second.kill();
  if (!first.isRunning) await first.start();
  const show = async () => (await oio('agent', 'show', 'first')).output;
  expect(await oio('agent', 'drain', 'first', '--reason', 'maintenance')).toMatchObject({
    code: 0,
    output: 'AGENT-FIRST gets no new work. It is working on nothing.\n',
  });
  expect(await show()).toMatch(/^ {2}available +no: It is draining \(maintenance\)\.$/m);
  await oio('agent', 'resume', 'first');
  const stall = new Stall(join(fleet.path, 'removal'));
  const prompts = [`${stall.directive}\nrun echo three > three.txt`];
  const session = await startSession(fleet.client, prompts, { required_labels: labels });
  await stall.hangs();
  expect(await show()).toMatch(/^ {2}works on +[0-9a-f-]+ \(accepted\)$/m);
  expect(await oio('agent', 'remove', 'first', '--force')).toMatchObject({ output: 'AGENT-FIRST is removed.\n' });
  await second.start();
  const { tasks } = await session.ended('completed');
  expect(tasks).toMatchObject([{ agent_id: second.id, attempt: 1, epoch: 2 }]);
  await first.printed('this agent was removed');
  expect((await oio('agent', 'show', 'first')).output).toContain('There is no agent "first"');
  session.watch.close();
});

it('an agent and a watcher whose connections break again and again neither lose nor duplicate an event', async () => {
  await first.kill();
  if (!second.isRunning) await second.start();
  const watcher = checkedClient({ baseUrl: proxy.url, token: fleet.address.adminToken, deadlineMs: RESTART_LIMIT_MS });
  const prompt = 'slow 20 200\nrun echo one > one.txt\nslow 20 200';
  const session = await startSession(fleet.client, [prompt], { required_labels: labels, watcher });
  await session.seen(({ type }) => type === 'turn.started');
  await proxy.cutAtRandom(CUTS, PAUSE_MS, seededRandom(1));
  const { tasks } = await session.ended('completed');
  expect(tasks).toMatchObject([{ attempt: 1, epoch: 1 }]);
  await expectTrueLog(fleet, session);
});
