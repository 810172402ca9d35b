import { expect, it } from 'vitest';
import { note, result, uuidOf } from './fake-agent.ts';
import { SessionInProcess } from './harness.ts';

const AGENT = {
  epoch: 1,
  agent_id: uuidOf('agent'),
  agent_name: 'AGENT-HTTP',
  instance_id: uuidOf('instance'),
  stream_id: uuidOf('stream'),
  head: 0,
  repository: null,
};

it('an agent can claim, resume and end a lease without a socket', async () => {
  const session = new SessionInProcess();
  await session.create();
  await session.act('start');
  const { claims, frames } = session.runtime.parts;

  expect(claims.answer(1, AGENT)).toMatchObject({ verdict: 'granted', acked: 0, assignment: { messages_last: 1 } });
  expect(claims.answer(1, { ...AGENT, agent_id: uuidOf('other') })).toMatchObject({ verdict: 'gone' });
  expect(await session.status()).toBe('running');

  const lease = claims.held(1, 1)!;
  expect(frames.take(lease, [{ n: 1, ...note('one') }])).toEqual({ acked: 1, gap: false });
  expect(claims.answer(1, { ...AGENT, head: 2 })).toMatchObject({ verdict: 'resumed', acked: 1 });
  expect(frames.take(claims.held(1, 1)!, [{ n: 2, ...result() }])).toEqual({ acked: 2, gap: false });

  expect(await session.status()).toBe('completed');
  expect(claims.held(1, 1)).toBeUndefined();
  expect(claims.answer(1, { ...AGENT, head: 2 })).toMatchObject({ verdict: 'ended' });
});

it('a claim with another stream ends the lease, and the task continues under the next epoch', async () => {
  const session = new SessionInProcess();
  await session.create();
  await session.act('start');
  const { claims } = session.runtime.parts;
  claims.answer(1, AGENT);
  expect(claims.answer(1, { ...AGENT, stream_id: uuidOf('new') })).toMatchObject({
    verdict: 'lost',
    cause: 'stream_broken',
  });
  expect(session.task(1)).toMatchObject({ status: 'pending', setback: 'lease_lost', epoch: 2 });
  expect(claims.answer(1, AGENT)).toMatchObject({ verdict: 'lost', cause: 'taken' });
});
