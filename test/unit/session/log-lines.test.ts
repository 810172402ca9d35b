import { expect, it, vi } from 'vitest';
import type { Logger } from '../../../src/ports/logger.ts';
import { failure, note, released, result } from './fake-agent.ts';
import { SessionInProcess, TTL_MS } from './harness.ts';

/** The session's own log lines, without those of calls and other parts. */
function listenTo(session: SessionInProcess): () => unknown[] {
  const logger = vi.fn<Logger>();
  session.platform.logger = logger;
  const own = ['lease_ended', 'lease_lost', 'attempt_ended', 'frame_rejected'];
  return () => logger.mock.calls.flatMap(([, event, fields]) => (own.includes(event) ? [{ event, ...fields }] : []));
}

it('the session logs a lost lease and an ended attempt when an agent goes silent', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  const lines = listenTo(session);
  await session.advance(TTL_MS);
  const lost = { task: 1, epoch: 1, agent_id: agent.id, reason: 'agent_silent' };
  expect(lines()).toEqual([
    { event: 'lease_lost', ...lost },
    { event: 'attempt_ended', task: 1, reason: 'agent_silent', attempts_used: 1, is_last: false },
  ]);
});

it('the session logs which attempt was the last one', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun({ max_attempts: 1 });
  const lines = listenTo(session);
  agent.send(failure(true));
  expect(lines()).toMatchObject([
    { event: 'lease_ended' },
    { event: 'attempt_ended', attempts_used: 1, is_last: true },
  ]);
});

it('the session logs one line for a regular end of a lease, and one for each rejected frame', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  const lines = listenTo(session);
  agent.send({ type: 'no.such.thing' } as never, note('fine'), result());
  expect(lines()).toMatchObject([
    { event: 'frame_rejected', task: 1, epoch: 1, n: 1 },
    { event: 'lease_ended', reason: 'completed' },
  ]);
});

it('the session logs that a lease which was returned without cost used no attempt', async () => {
  const session = new SessionInProcess();
  const agent = await session.begun();
  const lines = listenTo(session);
  agent.send(released('shutdown'));
  expect(lines()).toMatchObject([
    { event: 'lease_ended', reason: 'agent_shutdown' },
    { event: 'attempt_ended', attempts_used: 0, is_last: false },
  ]);
});
