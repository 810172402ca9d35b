import { expect, it } from 'vitest';
import { startSession } from '../system/support/started-session.ts';
import { expectTrueLog } from '../system/support/true-log.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const fleet = sharedFleet();

it('a session runs from its first prompt to its diff, and a watcher sees exactly what the server has stored', async () => {
  const prompt = 'think A file is wanted.\ntodo plan; do\nwrite src/hello.txt: hi\nrun echo from-the-shell\nsay Done.';
  const session = await startSession(fleet.client, [prompt]);
  const { usage, tasks } = await session.ended('completed');
  expect(tasks).toMatchObject([{ attempt: 1, epoch: 1, status: 'completed' }]);
  expect(usage?.input_tokens).toBeGreaterThan(0);

  const { files } = await fleet.client.sessions.diff(session.id);
  expect(files).toMatchObject([{ path: 'src/hello.txt', status: 'added', additions: 1 }]);
  const { items } = await fleet.client.sessions.list({ status: ['completed'], page_size: 100 });
  expect(items.map(({ id }) => id)).toContain(session.id);
  await expectTrueLog(fleet, session);
});
