import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startSession } from '../system/support/started-session.ts';
import { Gate } from '../system/support/tools.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const { client, path } = sharedFleet();

it('a message steers the turn that runs, and a follow-up is the next turn', async () => {
  const held = new Gate(join(path, 'gate'));
  // The text gives the message time to arrive after it was sent.
  const session = await startSession(client, [`${held.directive}\nslow 20 200\nrun echo first`]);
  await session.seen((e) => e.type === 'tool' && e.data.state === 'running');
  await client.sessions.send(session.id, { text: 'run echo later', delivery: 'follow_up' });
  await client.sessions.send(session.id, { text: 'run echo steered', delivery: 'steer' });
  held.open();
  await session.ended('completed');
  const { events } = session.watch;
  const outputs = events.flatMap((e) => (e.type === 'tool' && e.data.output ? [e.data.output] : []));
  expect(outputs.filter((output) => output !== '(no output)')).toEqual(['first\n', 'steered\n', 'later\n']);
  expect(events.filter(({ type }) => type === 'turn.started')).toHaveLength(2);
  session.watch.close();
});
