import { expect, it } from 'vitest';
import type { Role } from '../../../src/protocol/common/enums.ts';
import { checkpoint, note, result, uuidOf } from './fake-agent.ts';
import { AGENT_TOKEN, SessionInProcess } from './harness.ts';

const AGENT = {
  epoch: 1,
  token_id: 'agent-token',
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

  expect(claims.answer(1, { ...AGENT, proof: session.proofFor(1, AGENT) })).toMatchObject({
    verdict: 'granted',
    acked: 0,
    assignment: { messages_last: 1 },
  });
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
  claims.answer(1, { ...AGENT, proof: session.proofFor(1, AGENT) });
  expect(claims.answer(1, { ...AGENT, stream_id: uuidOf('new') })).toMatchObject({
    verdict: 'lost',
    cause: 'stream_broken',
  });
  expect(session.task(1)).toMatchObject({ status: 'pending', setback: 'lease_lost', epoch: 2 });
  expect(claims.answer(1, AGENT)).toMatchObject({ verdict: 'lost', cause: 'taken' });
});

it.each([
  { who: 'was offered nothing', changes: {}, proof: undefined },
  { who: 'shows a made-up proof', changes: {}, proof: '0'.repeat(64) },
  { who: 'uses the offer of another agent', changes: { agent_id: uuidOf('thief') } },
  { who: 'uses the offer of another process', changes: { instance_id: uuidOf('other process') } },
  { who: 'names itself otherwise than to the registry', changes: { agent_name: 'AGENT-ADMIN' } },
  { who: 'has a clone that the registry does not know', changes: { repository: 'root-commit' } },
  { who: 'uses the offer under another token', changes: { token_id: 'thief' } },
  { who: 'uses the offer of another epoch', proof: (session: SessionInProcess) => session.proofFor(2, AGENT) },
])('no lease goes to an agent that $who', async ({ changes, ...given }) => {
  const session = new SessionInProcess();
  await session.create();
  await session.act('start');
  const { claims } = session.runtime.parts;
  const offered = session.proofFor(1, AGENT);
  const proof = 'proof' in given ? given.proof : offered;
  const shown = typeof proof === 'function' ? proof(session) : proof;
  const refused = { verdict: 'gone', reason: 'this agent was not offered the task' };
  expect(claims.answer(1, { ...AGENT, ...changes, proof: shown })).toMatchObject(refused);
  expect(await session.status()).toBe('queued');
  expect(claims.answer(1, { ...AGENT, proof: offered }), 'the agent that was offered it').toMatchObject({
    verdict: 'granted',
  });
});

it('an agent resumes its lease with a new token, and another agent with that id cannot break it', async () => {
  const session = new SessionInProcess();
  await session.create();
  await session.act('start');
  const { claims } = session.runtime.parts;
  claims.answer(1, { ...AGENT, proof: session.proofFor(1, AGENT) });
  const thief = { ...AGENT, token_id: 'thief', stream_id: uuidOf('made up') };
  expect(claims.answer(1, thief)).toMatchObject({ verdict: 'gone' });
  expect(claims.answer(1, { ...AGENT, token_id: 'renewed' })).toMatchObject({ verdict: 'resumed' });
  expect(session.row('leases')).toMatchObject({ token_id: 'renewed', ended: null });
});

it('a token of an agent reads a session and its artifacts only while it holds a lease there', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  agent.send(...checkpoint('one'));
  const reads = async (role: Role, token_id: string) => {
    const call = session.call({ role, token_id });
    const outcomes = [
      await session.runtime.artifactChunk(call, uuidOf('one patch'), 0),
      await session.runtime.read(call, []),
    ];
    return outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.failure.code));
  };
  expect(await reads('agent', AGENT_TOKEN)).toEqual(['ok', 'ok']);
  expect(await reads('agent', 'other agent')).toEqual(['forbidden', 'forbidden']);
  expect(await reads('operator', 'other')).toEqual(['ok', 'ok']);
  agent.send(result());
  expect(await reads('agent', AGENT_TOKEN)).toEqual(['forbidden', 'forbidden']);
});
