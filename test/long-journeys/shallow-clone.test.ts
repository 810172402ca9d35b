import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sharedFleet } from '../journeys/support/shared-fleet.ts';
import { eventually } from '../support/eventually.ts';
import { gitIn } from '../support/git-in.ts';
import type { AgentProcess } from '../system/support/agent-process.ts';
import { expectAgreement, expectSameLog, expectWhole, readLog } from '../system/support/agreement.ts';
import { cloneRepository, createRepository } from '../system/support/rig.ts';
import { startSession } from '../system/support/started-session.ts';
import { Stall } from '../system/support/tools.ts';

const labels = ['site=shallow'];
const fleet = sharedFleet();

let url: string;
/** The full clone is at an older commit than the shallow one, which does not have that commit. */
let full: AgentProcess;
let shallow: AgentProcess;
beforeAll(() => {
  const origin = createRepository(join(fleet.path, 'with-history'));
  const commit = (message: string) => gitIn(origin, 'commit', '-q', '--allow-empty', '-m', message);
  commit('second');
  url = `file://${origin}`;
  full = fleet.agent('AGENT-FULL', { labels, clone: cloneRepository(url, join(fleet.path, 'full')) });
  commit('third');
  const clone = join(fleet.path, 'shallow');
  execFileSync('git', ['clone', '-q', '--depth', '1', url, clone]);
  shallow = fleet.agent('AGENT-SHALLOW', { labels, clone });
});
afterAll(() => fleet.removeAgents());

it('a session goes from a full clone to a shallow one and back, with its work and its base commit', async () => {
  const [first, second] = [new Stall(join(fleet.path, 'in-full')), new Stall(join(fleet.path, 'in-shallow'))];
  await full.start();
  const prompts = [
    'run echo one > one.txt',
    `${first.directive}\nrun test -e one.txt && echo two > two.txt`,
    `${second.directive}\nrun test -e two.txt && git log --format=%s > three.txt`,
  ];
  const session = await startSession(fleet.client, prompts, { required_labels: labels, repository: { url } });
  await first.hangs();
  await full.stop();
  await shallow.start();
  await second.hangs();
  await shallow.stop();
  await full.start();
  const { tasks } = await session.ended('completed');
  expect(tasks).toMatchObject([{ agent_id: full.id, attempt: 1, epoch: 3 }]);

  const log = await readLog(fleet.client, session.id);
  const grants = log.flatMap(({ type, data }) => (type === 'lease.granted' ? [data.agent_id] : []));
  expect(grants).toEqual([full.id, shallow.id, full.id]);
  expectWhole(log);
  expectSameLog(session.watch, log);
  expectAgreement(log, fleet.conversationOf(session.id));
  const { files, base_commit } = await fleet.client.sessions.diff(session.id);
  expect(files.map(({ path }) => path)).toEqual(['one.txt', 'three.txt', 'two.txt']);
  expect(base_commit).toBe(gitIn(full.place.clone, 'rev-parse', 'HEAD'));
  session.watch.close();
  await full.stop();
});

it('a shallow clone refuses a commit that it cannot fetch, and the session says which commit and which remote', async () => {
  await shallow.start();
  const nowhere = '0123456789'.repeat(4);
  const repository = { url, base_commit: nowhere };
  const session = await startSession(fleet.client, ['write none.txt: no'], { required_labels: labels, repository });
  const message = expect.stringMatching(`shallow clone has no commit ${nowhere}.* origin .*with-history`);
  await eventually(async () =>
    expect(await fleet.client.sessions.get(session.id, ['tasks'])).toMatchObject({
      status: 'queued',
      queue: { reason: 'all_refused', message: expect.stringContaining('AGENT-SHALLOW') },
      tasks: [{ attempt: 1, refusals: [{ agent_id: shallow.id, message }] }],
    }),
  );
  await fleet.client.sessions.act(session.id, 'cancel');
  session.watch.close();
  await shallow.stop();
});

it('a session that a full clone has begun without an address is not given to a shallow clone', async () => {
  const stall = new Stall(join(fleet.path, 'without-address'));
  await full.start();
  const session = await startSession(fleet.client, [stall.directive], { required_labels: labels });
  await stall.hangs();
  await full.stop();
  await shallow.start();
  const queue = { reason: 'nothing_fits', missing: [expect.stringContaining('repository with first commit')] };
  await eventually(async () => expect(await fleet.client.sessions.get(session.id)).toMatchObject({ queue }));
  await fleet.client.sessions.act(session.id, 'cancel');
  session.watch.close();
});
