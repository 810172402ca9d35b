import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { outputsOf, startGraph, whenEnded } from '../system/support/session-of-tasks.ts';
import { startSession } from '../system/support/started-session.ts';
import { oioOf } from './support/oio.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const fleet = sharedFleet();
const { client } = fleet;

const tool = (name: string, input: object) => `tool oio_${name} ${JSON.stringify(input)}`;

it('a model reads and writes the context of its session while it works, and claims what others must not touch', async () => {
  const session = await startSession(client, [
    [
      tool('claim', { path: 'README.md' }),
      tool('context_set', { path: 'found/port', value: 8080 }),
      tool('context_get', { path: 'found' }),
      tool('context_history', {}),
      tool('release', { path: 'README.md' }),
    ].join('\n'),
  ]);
  await session.ended('completed');
  const outputs = session.watch.events.flatMap((event) =>
    event.type === 'tool' && event.data.state === 'completed' ? [event.data.output ?? ''] : [],
  );
  session.watch.close();
  expect(outputs[0]).toContain('This task holds the path README.md now');
  expect(outputs[1]).toContain('Set /found/port in the session’s context');
  expect(outputs[2]).toContain('"port": 8080');
  expect(outputs[3]).toContain('by this task: /found = {"port":8080}');
  expect(outputs[4]).toContain('no longer');
  const context = await client.contexts.get(`session.${session.id}`);
  expect(context.data).toEqual({ found: { port: 8080 } });
  const { id, version } = context;
  const ended = await client.sessions.get(session.id, ['context']);
  expect(ended.context).toEqual({ id, version, keys: 1, open_conflicts: 0 });
  const shown = (await oioOf(fleet, 'session', 'show', session.id)).output;
  expect(shown).toContain(`shared context: 1 value, version ${version}`);
  expect(context.updated_by.task_id).toBe(session.id.replace(/0$/, '1'));
});

it('tasks at work at the same time that set one value differently leave a conflict, which the task after them sees', async () => {
  const meeting = mkdtempSync(join(fleet.path, 'meeting-'));
  const [here, there] = ['a', 'b'].map((name) => join(meeting, name)) as [string, string];
  /** Both have begun, so that neither knows what the other one sets. */
  const meet = (own: string, other: string) => `run touch ${own}; until [ -e ${other} ]; do sleep 0.1; done`;
  const set = (value: string) => tool('context_set', { path: 'plan', value });
  const id = await startGraph(client, [
    { name: 'a', title: 'One way', description: `${meet(here, there)}\n${set('walls')}` },
    { name: 'b', title: 'Another way', description: `${meet(there, here)}\n${set('roof')}` },
    {
      title: 'Bring it together',
      description: `${tool('context_conflicts', {})}\n${tool('context_resolve', { conflict: 1, value: 'both' })}`,
      depends_on: ['a', 'b'],
    },
  ]);
  expect(await whenEnded(client, id)).toMatchObject({ status: 'completed', merge_strategy: 'manual' });
  const { items } = await client.sessions.events(id, { limit: 500 });
  const [conflicts, resolved] = outputsOf(items, 4);
  const told = items.filter(({ type }) => type === 'tool' || type === 'agent.note' || type === 'lease.ended');
  expect(conflicts, JSON.stringify(told)).toMatch(
    /^conflict 1 at \/plan: current is "(walls|roof)", source is "(walls|roof)"$/,
  );
  expect(resolved).toContain('Conflict 1 is decided.');
  const notes = items.flatMap((event) => (event.type === 'agent.note' ? [event.data.text] : []));
  expect(notes).toContainEqual(expect.stringContaining('set in the shared context differs: /plan.'));
  const context = await client.contexts.get(`session.${id}`);
  expect(context).toMatchObject({ data: { plan: 'both' }, open_conflicts: 0 });
});

it('a command uses a secret of a context, which is neither in the conversation nor in the events', async () => {
  const { id } = await client.sessions.create({
    title: 'With a secret',
    initial_prompt: [
      tool('context_secret', { path: 'deploy/token' }),
      'run cat "$TMPDIR"/secret-* | tr a-z A-Z',
      'run cat "$TMPDIR"/secret-*',
    ].join('\n'),
  });
  await client.contexts.update(`session.${id}`, {
    updates: { deploy: { token: 'hunter-of-secrets' } },
    secret_paths: ['deploy/token'],
  });
  await client.sessions.act(id, 'start');
  expect(await whenEnded(client, id)).toMatchObject({ status: 'completed' });
  const { items } = await client.sessions.events(id, { limit: 500 });
  const [told, upper, printed] = outputsOf(items, 1);
  expect(told).toContain('$TMPDIR/secret-');
  expect(upper).toContain('HUNTER-OF-SECRETS');
  // A model that prints it all the same does not bring it into the events.
  expect(printed).toContain('hunt*');
  expect(JSON.stringify(items)).not.toContain('hunter-of');
});
