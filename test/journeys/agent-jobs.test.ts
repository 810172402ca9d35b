import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { exitCode } from '../../cli/command.ts';
import { startSession } from '../system/support/started-session.ts';
import { Gate } from '../system/support/tools.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const labels = ['site=job'];
const fleet = sharedFleet();
afterAll(() => fleet.removeAgents());

it('oio agent --once works on one task, and its exit code says whether it completed', async () => {
  const agent = fleet.agent('AGENT-ONCE', { labels, options: ['--once'] });
  for (const [prompt, status, code] of [
    ['write once.txt: yes', 'completed', exitCode.ok],
    ['fail 400', 'failed', exitCode.failed],
  ] as const) {
    const session = await startSession(fleet.client, [prompt], { required_labels: labels });
    await agent.start();
    await session.ended(status);
    expect(await agent.ended()).toBe(code);
    session.watch.close();
  }
});

it('oio agent --idle-exit stops after a time without work', async () => {
  const agent = fleet.agent('AGENT-IDLE', { labels, options: ['--idle-exit', '1s'] });
  await agent.start();
  expect(await agent.ended()).toBe(exitCode.ok);
  expect(agent.output).toContain('there was no work');
});

it('oio agent --drain-timeout finishes its task after SIGTERM, and takes no other', async () => {
  const agent = fleet.agent('AGENT-DRAINED', { labels, options: ['--drain-timeout', '5m'] });
  const gate = new Gate(join(fleet.path, 'drained'));
  await agent.start();
  const session = await startSession(fleet.client, [`${gate.directive}\nwrite drained.txt: yes`], {
    required_labels: labels,
  });
  await session.seen(({ type }) => type === 'turn.started');
  const stopped = agent.stop();
  await agent.printed('finishing 1 task');
  const later = await startSession(fleet.client, ['write later.txt: yes'], { required_labels: labels });
  gate.open();
  const { tasks } = await session.ended('completed');
  expect(tasks).toMatchObject([{ agent_id: agent.id, attempt: 1, epoch: 1 }]);
  await stopped;
  expect(await agent.ended()).toBe(exitCode.ok);
  expect((await fleet.client.sessions.get(later.id)).status).toBe('queued');
  await fleet.client.sessions.act(later.id, 'cancel');
  for (const { watch } of [session, later]) watch.close();
});
