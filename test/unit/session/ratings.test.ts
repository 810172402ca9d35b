import { describe, expect, it } from 'vitest';
import type { AssignmentResult } from '../../../src/ports/agent-registry.ts';
import type { RateTaskRequest } from '../../../src/protocol/session/rating.ts';
import { failure, released, result } from './fake-agent.ts';
import { failureOf, SessionInProcess, TASK_ID, unwrap } from './harness.ts';

const DAY_MS = 86_400_000;

/** A session whose agent has done its work, and what it tells the registry. */
async function done(session = new SessionInProcess(), end = result()) {
  const results: (AssignmentResult | undefined)[] = [];
  const reach = session.destinations.registry.release;
  session.destinations.registry.release = async (task, epoch, said) => {
    await reach(task, epoch);
    results.push(said);
  };
  const agent = await session.begun();
  agent.send(end);
  await session.settle();
  const rate = (request: RateTaskRequest, by = 'tester', task = TASK_ID) =>
    session.runtime.rate(session.call({ token_id: by }), task, request);
  return { session, agent, results, rate };
}

async function lastAssignment(session: SessionInProcess) {
  return (await session.view()).tasks![0]!.last_assignment;
}

it('a rating is in the log, the view and the transcript, and reaches the registry and the history', async () => {
  const { session, agent, results, rate } = await done();
  const { version } = await session.view();
  const rated = unwrap(await rate({ quality: 0.8, comment: 'No test.' }));
  await session.settle();
  expect(rated).toMatchObject({
    ...{ epoch: 1, agent_id: agent.id, agent_name: 'AGENT-ONE', status: 'completed' },
    rating: { quality: 0.8, comment: 'No test.', by: 'tester', at: new Date(session.platform.now()).toISOString() },
  });
  expect(await lastAssignment(session)).toEqual(rated);
  expect((await session.view()).version).toBe(version + 1);
  const said = { agent_name: 'AGENT-ONE', quality: 0.8, comment: 'No test.', by: 'tester' };
  expect((await session.events()).at(-1)).toMatchObject({
    ...{ type: 'task.rated', task: 1 },
    data: { ...said, epoch: 1, agent_id: agent.id },
  });
  expect((await session.folded()).transcript.at(-1)).toMatchObject({ kind: 'rating', task: 1, ...said });
  expect(results).toMatchObject([
    { status: 'completed' },
    { status: 'completed', rating: { quality: 0.8, number: 1 } },
  ]);
  expect(results[0]).not.toHaveProperty('rating');
  expect(session.destinations.assignments).toMatchObject([
    { epoch: 1, quality: null, ratings: 0 },
    { epoch: 1, quality: 0.8, ratings: 1 },
  ]);
});

it('another rating replaces the first one, whoever gives it; the same one again changes nothing', async () => {
  const { session, results, rate } = await done();
  await rate({ quality: 0.8, comment: 'No test.' });
  await session.settle();
  const events = (await session.events()).length;
  const rows = session.platform.dump();
  const again = unwrap(await rate({ quality: 0.8, comment: 'No test.' }));
  await session.settle();
  expect(again).toEqual(await lastAssignment(session));
  expect(session.platform.dump()).toEqual(rows);
  expect(results).toHaveLength(2);
  unwrap(await rate({ quality: 0 }, 'another'));
  await session.settle();
  expect(await lastAssignment(session)).toMatchObject({ rating: { quality: 0, comment: null, by: 'another' } });
  expect(results.at(-1)).toMatchObject({ rating: { quality: 0, number: 2 } });
  expect(await session.events()).toHaveLength(events + 1);
});

it('only the newest rating is delivered to stores that were away, with the result itself', async () => {
  const session = new SessionInProcess();
  session.destinations.away = { registry: true, history: true };
  const { results, rate } = await done(session);
  for (const quality of [0.1, 0.5, 1]) unwrap(await rate({ quality }));
  session.evict();
  session.destinations.away = {};
  await session.advance(7 * 3_600_000);
  expect(results).toMatchObject([{ status: 'completed', rating: { quality: 1, number: 3 } }]);
  expect(session.destinations.assignments).toMatchObject([{ quality: 1, ratings: 3 }]);
});

describe('there is nothing to rate', () => {
  it('before an agent has finished work, and nothing changes', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    await session.settle();
    const before = session.platform.dump();
    const refused = failureOf(await session.runtime.rate(session.call(), TASK_ID, { quality: 1 }));
    expect(refused).toMatchObject({ code: 'nothing_to_rate' });
    expect(session.platform.dump()).toEqual(before);
    agent.send(released('shutdown'));
    await session.settle();
    expect(failureOf(await session.runtime.rate(session.call(), TASK_ID, { quality: 1 })).code).toBe('nothing_to_rate');
  });

  it('on a task that the session does not have', async () => {
    const { rate } = await done();
    expect(failureOf(await rate({ quality: 1 }, 'tester', `${TASK_ID.slice(0, -1)}2`)).code).toBe('not_found');
  });
});

it('the work of the last finished lease is rated, also while another agent works', async () => {
  const { session, agent, rate, results } = await done(new SessionInProcess(), failure(false));
  unwrap(await rate({ quality: 0.9 }));
  await session.act({ action: 'retry', body: { from: 'fresh' } });
  const second = await session.agentOf(1, 'AGENT-TWO').connect();
  expect(unwrap(await rate({ quality: 0.3 }))).toMatchObject({ agent_id: agent.id, rating: { quality: 0.3 } });
  second.send(result());
  await session.settle();
  expect(await lastAssignment(session)).toMatchObject({ agent_name: 'AGENT-TWO', rating: null });
  expect(unwrap(await rate({ quality: 1 }))).toMatchObject({ agent_id: second.id, rating: { quality: 1 } });
  await session.settle();
  expect(results.at(-1)).toMatchObject({ agent_id: second.id, rating: { quality: 1, number: 1 } });
});

it('a rating long after the end is kept as long as an event of a session that has ended', async () => {
  const { session, rate } = await done();
  await session.advance(40 * DAY_MS);
  expect(await session.events()).toEqual([]);
  unwrap(await rate({ quality: 0.9 }));
  expect(await session.events()).toHaveLength(1);
  await session.advance(31 * DAY_MS);
  expect(await session.events()).toEqual([]);
  expect((await session.folded()).transcript.at(-1)).toMatchObject({ kind: 'rating', quality: 0.9 });
});
