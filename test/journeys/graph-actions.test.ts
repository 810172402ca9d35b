import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { taskIdOf } from '../../src/protocol/common/ids.ts';
import { eventually } from '../support/eventually.ts';
import { expectWhole, readLog } from '../system/support/agreement.ts';
import { agentsOf, startGraph, whenEnded } from '../system/support/session-of-tasks.ts';
import { Gate, Meeting } from '../system/support/tools.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const fleet = sharedFleet();
const { client } = fleet;

/** A session's tasks by their numbers: a task with two subtasks, two tasks beside it, and one that follows each. */
const [PARENT, PART, OTHER_PART, ONE, TWO, AFTER_PARENT, AFTER_BOTH] = [2, 3, 4, 5, 6, 7, 8];
const WORKING = [PART, OTHER_PART, ONE, TWO];

it('four tasks at work are paused and go on together, and a cancelled subtree leaves the others as they are', async () => {
  const path = (name: string) => join(fleet.path, `four-${name}`);
  const [begun, resumed] = [new Meeting(path('begun'), 4), new Meeting(path('resumed'), 4)];
  const [first, second] = [new Gate(path('first')), new Gate(path('second'))];
  const work = (name: string) => ({
    name,
    title: `Make ${name}`,
    description: [
      `${begun.directive}; ${first.directive.replace('run ', '')}; echo ${name} >> ${name}.txt`,
      // The text keeps the model busy, as a real one would be.
      'slow 10 200',
      `${resumed.directive}; ${second.directive.replace('run ', '')}; echo > ${path(`after-${name}`)}`,
    ].join('\n'),
  });
  const follower = (name: string, depends_on: string[]) => ({
    name,
    title: `Follow ${name}`,
    description: 'say done',
    depends_on,
  });
  const id = await startGraph(client, [
    { name: 'parent', title: 'A task of two parts', description: 'Do both.' },
    { ...work('part'), parent: 'parent' },
    { ...work('other-part'), parent: 'parent' },
    work('one'),
    work('two'),
    follower('after-parent', ['parent']),
    follower('after-both', ['one', 'two']),
  ]);
  const statuses = async () => {
    const { status, tasks = [] } = await client.sessions.get(id, ['tasks']);
    return { session: status, tasks: Object.fromEntries(tasks.map((task, index) => [index + 1, task.status])) };
  };
  await begun.begins();
  await client.sessions.act(id, 'pause');
  first.open();
  const all = (status: string) => Object.fromEntries(WORKING.map((task) => [task, status]));
  await eventually(async () => expect(await statuses()).toMatchObject({ session: 'paused', tasks: all('paused') }));
  await client.sessions.act(id, 'resume');
  await resumed.begins();
  expect(await statuses()).toMatchObject({ session: 'running', tasks: all('in_progress') });

  await client.tasks.end(taskIdOf(id, PARENT), { status: 'cancelled' });
  const cancelled = { [PARENT]: 'cancelled', [PART]: 'cancelled', [OTHER_PART]: 'cancelled' };
  const [untouched, skipped] = [{ [ONE]: 'in_progress', [TWO]: 'in_progress' }, { [AFTER_PARENT]: 'skipped' }];
  expect((await statuses()).tasks).toMatchObject({ ...cancelled, ...untouched, ...skipped });
  const letGo = (task: number) => ({ type: 'lease.ended', task });
  await eventually(async () => {
    const log = await readLog(client, id);
    for (const task of [PART, OTHER_PART]) expect(log.filter((e) => e.task === task).at(-1)).toMatchObject(letGo(task));
  });
  second.open();

  const session = await whenEnded(client, id);
  expect(session.status).toBe('partially_completed');
  expect((await statuses()).tasks).toMatchObject({
    ...cancelled,
    ...skipped,
    ...{ [ONE]: 'completed', [TWO]: 'completed', [AFTER_BOTH]: 'completed' },
  });
  const log = await readLog(client, id);
  expectWhole(log);
  // One lease before the pause, and one after it.
  for (const task of WORKING) expect(agentsOf(log, task)).toHaveLength(2);
  expect(['part', 'other-part', 'one', 'two'].map((name) => existsSync(path(`after-${name}`)))).toEqual([
    false,
    false,
    true,
    true,
  ]);
  const { files } = await client.sessions.diff(id);
  expect(files).toMatchObject([
    { path: 'one.txt', additions: 1 },
    { path: 'two.txt', additions: 1 },
  ]);
});
