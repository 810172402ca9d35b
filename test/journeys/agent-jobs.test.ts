import { afterAll, expect, it } from 'vitest';
import { exitCode } from '../../cli/command.ts';
import { startSession } from '../system/support/started-session.ts';
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
