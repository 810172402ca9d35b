import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkedClient } from '../support/checked-client.ts';
import { eventually } from '../support/eventually.ts';
import type { AgentProcess } from '../system/support/agent-process.ts';
import { startSession } from '../system/support/started-session.ts';
import { Stall } from '../system/support/tools.ts';
import { expectTrueLog } from '../system/support/true-log.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const labels = ['site=far'];

/** This file's own agents. */
const fleet = sharedFleet();
let first: AgentProcess;
let second: AgentProcess;
beforeAll(() => {
  const options = ['--technology', 'typescript', '--technology', 'react'];
  first = fleet.agent('AGENT-FIRST', { labels, options });
  second = fleet.agent('AGENT-SECOND', { labels });
});
afterAll(() => fleet.removeAgents());

it('a session waits in the queue until an agent with its label connects, and runs on that agent', async () => {
  const session = await startSession(fleet.client, ['write routed.txt: yes'], { required_labels: labels });
  const queue = { reason: 'nothing_fits', missing: [`label ${labels[0]}`], ahead: expect.any(Number) };
  await eventually(async () => expect(await fleet.client.sessions.get(session.id)).toMatchObject({ queue }));
  await first.start();
  const { tasks } = await session.ended('completed');
  expect(tasks).toMatchObject([{ agent_id: first.id, attempt: 1 }]);
  expect(await fleet.client.agents.get(first.id)).toMatchObject({
    name: 'AGENT-FIRST',
    preferred_technologies: ['typescript', 'react'],
  });
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
  await expectTrueLog(fleet, session);
});

it('an agent exchanges the given token once for one of its own, which acts as this agent alone', async () => {
  if (!second.isRunning) await second.start();
  const path = join(second.place.home, 'registration.json');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const { token } = JSON.parse(readFileSync(path, 'utf8')) as { token: string };
  const own = checkedClient({ baseUrl: fleet.address.url, token });
  expect(await own.me()).toMatchObject({ role: 'agent', agent_id: second.id });
  expect(await own.agents.get(second.id)).toMatchObject({ name: 'AGENT-SECOND', state: 'connected' });
  for (const refused of [
    () => own.agents.get(crypto.randomUUID()),
    () => own.sessions.list(),
    () => own.agents.register({ name: 'AGENT-THIRD', agent_type: 'reviewer', capabilities: [] }),
  ]) {
    await expect(refused()).rejects.toMatchObject({ status: 403 });
  }
  await second.kill();
  await second.start();
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ token });
});
