import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const { client } = sharedFleet();

it('a graph of tasks is done in its order, and a task that follows one other has its files and what it reported', async () => {
  const { id } = await client.sessions.create({ title: 'A graph', initial_prompt: 'Build the house.' });
  const { task_ids } = await client.tasks.createGraph(id, {
    tasks: [
      { name: 'ground', title: 'Lay the ground', description: 'write ground.txt: firm\nsay The ground is firm.' },
      {
        name: 'walls',
        title: 'Build the walls',
        description: 'run cat ground.txt\nwrite walls.txt: high',
        depends_on: ['ground'],
      },
      { name: 'garden', title: 'Plant the garden', description: 'run cat ground.txt', depends_on: ['ground'] },
      { title: 'Build the roof', description: 'run cat ground.txt walls.txt', depends_on: ['walls'] },
    ],
  });
  await client.sessions.act(id, 'start');
  const session = await eventually(async () => {
    const read = await client.sessions.get(id, ['tasks']);
    if (read.ended_at === null) throw new Error(`not yet: ${JSON.stringify(read.tasks)}`);
    return read;
  }, 180_000);
  expect(session.status, JSON.stringify(session)).toBe('completed');
  // The last one merges the garden and the roof.
  expect(session.tasks!.map(({ kind }) => kind)).toEqual([...Array(5).fill('work'), 'integrate']);
  expect(session.tasks!.map(({ status }) => status)).toEqual(Array(6).fill('completed'));

  const { items } = await client.sessions.events(id, { limit: 500 });
  const outputs = items.flatMap((event) =>
    event.type === 'tool' && event.data.output ? [[event.task, event.data.output]] : [],
  );
  expect(outputs).toContainEqual([3, 'firm\n']);
  expect(outputs).toContainEqual([4, 'firm\n']);
  expect(outputs).toContainEqual([5, 'firm\nhigh\n']);
  const at = (task: number, to: string) =>
    items.findIndex((event) => event.type === 'task.status' && event.task === task && event.data.to === to);
  for (const follower of [3, 4]) expect(at(follower, 'in_progress')).toBeGreaterThan(at(2, 'completed'));
  expect(at(5, 'in_progress')).toBeGreaterThan(at(3, 'completed'));

  const notes = items.flatMap((event) => (event.type === 'agent.note' ? [event.data.text] : []));
  expect(notes).toContain('The work goes on in the worktree of the task before.');

  const prompts = items.flatMap((event) =>
    event.type === 'message.added' && event.task === 3 ? [event.data.text] : [],
  );
  expect(prompts[0]).toContain('## Lay the ground\n\nThe ground is firm.');
  const whole = await client.tasks.get(task_ids[0]!.replace(/2$/, '1'), { include_subtasks: 'true' });
  expect(whole.subtasks!.map((task) => task.id)).toEqual(task_ids);
  const patch = new TextDecoder().decode(await client.sessions.patch(id));
  for (const file of ['ground.txt', 'walls.txt']) expect(patch).toContain(file);
});
