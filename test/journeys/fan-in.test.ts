import { expect, it } from 'vitest';
import { taskNumber } from '../../src/protocol/common/ids.ts';
import { readLog } from '../system/support/agreement.ts';
import { outputsOf, startGraph, whenEnded } from '../system/support/session-of-tasks.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const { client } = sharedFleet();

const HALVES = ['left', 'right'].map((name) => ({
  name,
  title: `Build the ${name} half`,
  description: `write ${name}.txt: ${name}`,
}));

async function patchOf(id: string): Promise<string> {
  return new TextDecoder().decode(await client.sessions.patch(id));
}

it('a task after two parallel ones has the files of both, and the session’s patch has all', async () => {
  const join = { title: 'Join them', description: 'run cat left.txt right.txt > whole.txt' };
  const id = await startGraph(client, [...HALVES, { ...join, depends_on: ['left', 'right'] }]);
  const session = await whenEnded(client, id);
  expect(session.status, JSON.stringify(session)).toBe('completed');
  const patch = await patchOf(id);
  for (const line of ['b/left.txt', 'b/right.txt', 'b/whole.txt\n', '+left\n+right\n']) expect(patch).toContain(line);

  // Each checkpoint names its commit, which other agents have built again.
  const commits = (await client.sessions.checkpoints(id)).map(({ commit }) => commit);
  expect(commits).toEqual(commits.map(() => expect.stringMatching(/^[0-9a-f]{40}$/)));
});

it('parallel last tasks are merged by a task that needs no model, and the session’s checks run on what it merges', async () => {
  const check = 'cat left.txt right.txt';
  const id = await startGraph(client, HALVES, { checks: [check] });
  const session = await whenEnded(client, id);
  expect(session.status, JSON.stringify(session)).toBe('completed');
  const last = session.tasks.at(-1)!;
  expect(last).toMatchObject({ kind: 'integrate', status: 'completed' });
  const log = await readLog(client, id);
  const turns = log.flatMap(({ type, task }) => (type === 'turn.started' ? [task] : []));
  expect(turns.toSorted()).toEqual([2, 3]);
  const checks = log.flatMap((event) => (event.type === 'check.ended' ? [[event.task, event.data.output]] : []));
  expect(checks).toEqual([[taskNumber(last.id), 'left\nright']]);
  const commit = (await client.sessions.checkpoints(id)).find(({ task_id }) => task_id === last.id)!.commit;
  expect(session.result).toMatchObject({ commit, checks: [{ command: check, outcome: 'passed' }] });
  const patch = await patchOf(id);
  for (const line of ['+left\n', '+right\n']) expect(patch).toContain(line);
});

it('halves that are each right by themselves fail a session whose checks are red on both together', async () => {
  const alone = '[ $(cat left.txt right.txt 2>/dev/null | wc -l) = 1 ] || { echo Two halves are too many; exit 1; }';
  const halves = HALVES.map((half) => ({ ...half, checks: [alone] }));
  const id = await startGraph(client, halves, { checks: [alone], max_check_rounds: 1 });
  const session = await whenEnded(client, id);
  expect(session.status).toBe('failed');
  expect(session.error).toMatchObject({
    code: 'checks_failed',
    message: expect.stringContaining('Two halves are too'),
  });
  const statuses = session.tasks.slice(1).map(({ kind, status }) => [kind, status]);
  expect(statuses).toEqual([
    ['work', 'completed'],
    ['work', 'completed'],
    ['integrate', 'failed'],
  ]);
  // The failed check has become a prompt, of which the scripted model has changed nothing.
  const log = await readLog(client, id);
  expect(outputsOf(log, taskNumber(session.tasks.at(-1)!.id))).toEqual([]);
  expect(
    log.filter(({ type, task }) => type === 'turn.started' && task === taskNumber(session.tasks.at(-1)!.id)),
  ).toHaveLength(1);
});
