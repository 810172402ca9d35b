import { expect, it } from 'vitest';
import { type StartedSession, startSession } from '../system/support/started-session.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const { client } = sharedFleet();

/** The n-th approval of a session (from 1), as soon as it exists. */
async function asked(session: StartedSession, n = 1) {
  await session.seen(({ type }) => type === 'approval.asked', n);
  const open = (await client.sessions.approvals(session.id)).find(({ status }) => status === 'open');
  if (!open) throw new Error('no approval is open');
  return open;
}

it('a permission that is answered with `always` covers the same request for the rest of the session', async () => {
  const prompt = 'run echo one\nrun echo one\nsay Done.';
  const session = await startSession(client, [prompt], { agent_config: { permissions: { bash: 'ask' } } });
  const approval = await asked(session);
  expect(approval).toMatchObject({ kind: 'permission', permission: 'bash', patterns: ['echo one'] });
  await client.sessions.answer(session.id, approval.id, { decision: 'always' });
  await session.ended('completed');
  session.watch.close();
});

it('a rejected permission passes its message to the agent, which continues without the tool', async () => {
  const prompt = 'write a.txt: no\nsay after it';
  const session = await startSession(client, [prompt], { agent_config: { permissions: { edit: 'ask' } } });
  const { id } = await asked(session);
  await client.sessions.answer(session.id, id, { decision: 'reject', message: 'Leave that file alone.' });
  await session.seen((e) => e.type === 'tool' && (e.data.error ?? '').includes('Leave that file alone.'));
  await session.ended('completed');
  expect((await client.sessions.diff(session.id)).files).toEqual([]);
  session.watch.close();
});

it('the agent gets the choice that answers its question', async () => {
  const session = await startSession(client, ['question Which colour? red | blue']);
  const approval = await asked(session);
  expect(approval).toMatchObject({ kind: 'question', title: 'Which colour?' });
  await client.sessions.answer(session.id, approval.id, { decision: 'once', answers: [['blue']] });
  await session.ended('completed');
  await session.seen((e) => e.type === 'tool' && (e.data.output ?? '').includes('blue'));
  session.watch.close();
});
