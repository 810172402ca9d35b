import { expect, it } from 'vitest';
import type { UpdateSessionRequest } from '../../../src/protocol/session/requests.ts';
import { requestFor } from './actions.fixture.ts';
import { SESSION_ID, SessionInProcess, TASK_ID } from './harness.ts';

const MINUTE_MS = 60_000;
const refusal = { type: 'released', data: { reason: 'refused', message: 'No such model.' } } as const;

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

it('a session that waits for days asks the registry ever less, but at least every hour', async () => {
  const session = new SessionInProcess();
  await session.create();
  await session.act('start');
  const asked: number[] = [];
  for (let hour = 0; hour < 48; hour++) {
    const before = session.destinations.requests.length;
    await session.advance(3_600_000);
    asked.push(session.destinations.requests.length - before);
  }
  expect(asked[0]).toBeLessThanOrEqual(12);
  expect(asked.slice(3).every((times) => times === 1)).toBe(true);
});

it('a changed priority reaches the registry while the reservation waits', async () => {
  const session = new SessionInProcess();
  await session.create();
  await session.act('start');
  await session.runtime.update(session.call(), { priority: 'critical' });
  await session.settle();
  expect(session.destinations.requests.at(-1)).toMatchObject({ epoch: 1, priority: 'critical' });
});

it('a changed wish reaches the registry while the reservation waits, and null takes it back', async () => {
  const session = new SessionInProcess();
  await session.create({ preferred_agent_type: 'reviewer' });
  await session.act('start');
  const asked = async (changes: UpdateSessionRequest) => {
    await session.runtime.update(session.call(), changes);
    await session.settle();
    return session.destinations.requests.at(-1)?.requirements;
  };
  const wishes = { preferred_labels: { 'gpu=true': 1 }, technologies: ['rust'] };
  const all = await asked({ ...wishes, min_performance_tier: 'elite' });
  expect(all).toMatchObject({ ...wishes, min_performance_tier: 'elite', preferred_agent_type: 'reviewer' });
  const taken = await asked({ preferred_labels: null, min_performance_tier: null, preferred_agent_type: null });
  expect(taken).toMatchObject({ technologies: ['rust'] });
  expect(Object.keys(taken!)).not.toEqual(expect.arrayContaining(['preferred_labels']));
  expect(await session.view()).toMatchObject({
    preferred_labels: {},
    min_performance_tier: null,
    technologies: ['rust'],
  });
});

it('a process that refuses a task is not asked again, and log and view have its reason', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun({ max_attempts: 1 });
  agent.send({ type: 'released', data: { reason: 'refused', message: 'This clone has no commit abc.' } });
  expect((await session.folded()).transcript.at(-2)).toMatchObject({
    kind: 'note',
    text: 'This clone has no commit abc.',
  });
  await session.advance(MINUTE_MS);
  expect(session.destinations.requests.at(-1)).toMatchObject({
    epoch: 2,
    requirements: { avoid_agents: [agent.id], refusing_instances: [agent.instanceId] },
  });
  const [task] = (await session.view(['tasks'])).tasks ?? [];
  expect(task).toMatchObject({ status: 'ready', attempt: 1 });
  expect(task?.refusals).toEqual([
    { agent_id: agent.id, agent_name: expect.any(String), message: 'This clone has no commit abc.' },
  ]);
});

it('refusals cost no attempt, and a new run asks everyone again', async () => {
  const session = new SessionInProcess();
  await session.create({ max_attempts: 1 });
  await session.act('start');
  for (let epoch = 1; epoch <= 5; epoch++) {
    session.agent(epoch, `AGENT-${epoch}`).connect().send(refusal);
    await session.advance(MINUTE_MS);
  }
  expect(await session.status()).toBe('queued');
  await session.act(requestFor('stop'));
  await session.act(requestFor('retry'));
  await session.settle();
  expect(session.destinations.requests.at(-1)?.requirements).toMatchObject({ avoid_agents: [] });
  expect((await session.view(['tasks'])).tasks?.[0]?.refusals).toBeUndefined();
});

it('a process that refuses a task again uses up an attempt, so that a task does not go round for ever', async () => {
  const session = new SessionInProcess();
  await session.begun({ max_attempts: 1 }).then((agent) => agent.send(refusal));
  await session.advance(MINUTE_MS);
  session.agent(2).connect().send(refusal);
  expect(await session.view()).toMatchObject({
    status: 'failed',
    error: { code: 'agent_refused', message: expect.stringContaining('No such model.') },
  });
});
