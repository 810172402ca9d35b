import { expect, it } from 'vitest';
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
