import { expect, it } from 'vitest';
import { startSession } from '../system/support/started-session.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const { client } = sharedFleet();

it('a message steers the running turn, and a follow-up becomes the next turn', async () => {
  const session = await startSession(client, ['run sleep 1\nrun sleep 1\nrun echo first']);
  await session.seen((e) => e.type === 'tool' && e.data.state === 'running');
  await client.sessions.send(session.id, { text: 'run echo later', delivery: 'follow_up' });
  await client.sessions.send(session.id, { text: 'run echo steered', delivery: 'steer' });
  await session.ended('completed');
  const { events } = session.watch;
  const outputs = events.flatMap((e) => (e.type === 'tool' && e.data.output ? [e.data.output] : []));
  expect(outputs.filter((output) => output !== '(no output)')).toEqual(['first\n', 'steered\n', 'later\n']);
  expect(events.filter(({ type }) => type === 'turn.started')).toHaveLength(2);
  session.watch.close();
});
