import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { sharedFleet } from '../journeys/support/shared-fleet.ts';
import { eventually } from '../support/eventually.ts';
import { gitIn } from '../support/git-in.ts';
import { cloneRepository } from '../system/support/rig.ts';
import { startSession } from '../system/support/started-session.ts';

const labels = ['site=takes-over'];
const fleet = sharedFleet();
afterAll(() => fleet.removeAgents());

it('an agent that is killed while it pushes is followed by another one, which delivers the same commit', async () => {
  const remote = join(fleet.path, 'taken-over.git');
  execFileSync('git', ['clone', '-q', '--bare', fleet.address.origin, remote]);
  const [reached, go] = [join(fleet.path, 'push-reached'), join(fleet.path, 'push-goes-on')];
  const hook = `#!/bin/sh\ntouch ${reached}\nwhile [ ! -e ${go} ]; do sleep 0.1; done\n`;
  writeFileSync(join(remote, 'hooks', 'pre-receive'), hook, { mode: 0o755 });
  const agentIn = (name: string) =>
    fleet.agent(name, { labels, clone: cloneRepository(remote, join(fleet.path, `clone-of-${name}`)) });
  const [first, second] = [agentIn('AGENT-PUSHES'), agentIn('AGENT-FOLLOWS')];
  await first.start();
  const deliver = { branch: 'oio/taken-over', push: true };
  const session = await startSession(fleet.client, ['write a.txt: there'], { required_labels: labels, deliver });
  await eventually(() => expect(existsSync(reached)).toBe(true));
  await first.kill();
  rmSync(reached);
  writeFileSync(go, '');
  await second.start();
  const { delivery } = await session.ended('completed');
  expect(delivery).toMatchObject({ state: 'delivered', pushed: true, agent_name: 'AGENT-FOLLOWS' });
  for (const repository of [remote, first.place.clone, second.place.clone]) {
    expect(gitIn(repository, 'rev-parse', 'oio/taken-over')).toBe(delivery?.commit);
  }
  session.watch.close();
});
