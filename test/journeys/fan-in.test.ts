import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const { client } = sharedFleet();

function ended(id: string) {
  return eventually(async () => {
    const read = await client.sessions.get(id, ['tasks']);
    if (read.ended_at === null) throw new Error(`not yet: ${JSON.stringify(read.tasks)}`);
    return read;
  }, 180_000);
}

it('a task after two parallel ones has the files of both, and the session’s patch has all', async () => {
  const { id } = await client.sessions.create({ title: 'Fan in', initial_prompt: 'Build both halves.' });
  const halves = ['left', 'right'].map((name) => ({
    name,
    title: `Build the ${name} half`,
    description: `write ${name}.txt: ${name}`,
  }));
  await client.tasks.createGraph(id, {
    tasks: [
      ...halves,
      { title: 'Join them', description: 'run cat left.txt right.txt > whole.txt', depends_on: ['left', 'right'] },
    ],
  });
  await client.sessions.act(id, 'start');
  const session = await ended(id);
  expect(session.status, JSON.stringify(session)).toBe('completed');
  const patch = new TextDecoder().decode(await client.sessions.patch(id));
  for (const line of ['b/left.txt', 'b/right.txt', 'b/whole.txt\n', '+left\n+right\n']) expect(patch).toContain(line);

  // Each checkpoint names its commit, which other agents have built again.
  const commits = (await client.sessions.checkpoints(id)).map(({ commit }) => commit);
  expect(commits).toEqual(commits.map(() => expect.stringMatching(/^[0-9a-f]{40}$/)));
});
