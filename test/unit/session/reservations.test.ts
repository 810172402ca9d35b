import { expect, it } from 'vitest';
import { SESSION_ID, SessionInProcess, TASK_ID } from './harness.ts';

const MINUTE_MS = 60_000;

it('a reservation that an agent accepts and never claims is replaced by one of the next epoch', async () => {
  const session = new SessionInProcess();
  session.destinations.slotState = { state: 'accepted', agent_id: SESSION_ID };
  await session.create();
  await session.act('start');
  await session.settle();
  expect(session.destinations.requests.map(({ epoch }) => epoch)).toEqual([1]);
  await session.advance(MINUTE_MS);
  expect(session.destinations.slots.get(`${TASK_ID}:1`)).toBe('cancelled');
  expect(session.destinations.requests.at(-1)).toMatchObject({ epoch: 2 });
  session.agent(2).connect();
  expect(await session.status()).toBe('running');
});

it('a changed priority reaches the registry while the reservation waits', async () => {
  const session = new SessionInProcess();
  await session.create();
  await session.act('start');
  await session.runtime.update(session.call(), { priority: 'critical' });
  await session.settle();
  expect(session.destinations.requests.at(-1)).toMatchObject({ epoch: 1, priority: 'critical' });
});

it('an agent that refuses a task is avoided from then on, and its reason is in the log', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  agent.send({ type: 'released', data: { reason: 'refused', message: 'This clone has no commit abc.' } });
  expect((await session.folded()).transcript.at(-2)).toMatchObject({
    kind: 'note',
    text: 'This clone has no commit abc.',
  });
  await session.advance(MINUTE_MS);
  expect(session.destinations.requests.at(-1)).toMatchObject({ epoch: 2, requirements: { avoid_agents: [agent.id] } });
});

it('the session’s error is the reason of the last agent that refused', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun({ max_attempts: 1 });
  agent.send({ type: 'released', data: { reason: 'refused', message: 'No such model.' } });
  expect(await session.view()).toMatchObject({
    status: 'failed',
    error: { code: 'agent_refused', message: expect.stringContaining('No such model.') },
  });
});
