import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { exitCode } from '../../cli/command.ts';
import { sharedFleet } from '../journeys/support/shared-fleet.ts';
import { startSession } from '../system/support/started-session.ts';
import { Gate } from '../system/support/tools.ts';

const labels = ['site=job'];
const fleet = sharedFleet();
afterAll(() => fleet.removeAgents());

it('oio agent --once says on which session it works, and why it refuses one, which was not its one task', async () => {
  const agent = fleet.agent('AGENT-CHOOSY', { labels, options: ['--once'] });
  const nowhere = { required_labels: labels, repository: { base_commit: '0123456789'.repeat(4) } };
  const refused = await startSession(fleet.client, ['write none.txt: no'], nowhere);
  await agent.start();
  await agent.printed(`has no commit ${nowhere.repository.base_commit}`);
  const done = await startSession(fleet.client, ['write done.txt: yes'], { required_labels: labels });
  await done.ended('completed');
  expect(await agent.ended()).toBe(exitCode.ok);
  for (const { id, watch } of [refused, done]) {
    expect(agent.output).toContain(`working on session ${id}`);
    watch.close();
  }
  expect(agent.output).toContain('one task');
  await fleet.client.sessions.act(refused.id, 'cancel');
});

it('jobs with one name are listed apart, each with a token of its own and the name that its output has', async () => {
  const jobs = ['one', 'two'].map((job) => fleet.agent(`AGENT-JOB-${job}`, { name: 'AGENT-JOB', labels }));
  const [one, two] = await Promise.all(jobs.map((job) => job.start()));
  const names = [one!, two!].map(({ output }) => /as (AGENT-JOB\S*)$/m.exec(output)?.[1]);
  const distinct = [one!, two!].map(({ id }) => `AGENT-JOB-${id.slice(0, 8).toUpperCase()}`);
  expect([
    ['AGENT-JOB', distinct[1]],
    [distinct[0], 'AGENT-JOB'],
  ]).toContainEqual(names);
  for (const [index, job] of [one!, two!].entries()) {
    expect(await fleet.client.agents.get(job.id)).toMatchObject({ name: names[index] });
    expect(existsSync(join(job.place.home, 'registration.json'))).toBe(true);
    await job.kill();
    await job.start();
    expect(job.output).toContain(`as ${names[index]}\n`);
    await job.stop();
  }
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
