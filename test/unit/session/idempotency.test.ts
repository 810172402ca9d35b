import { describe, expect, it } from 'vitest';
import { asked } from './fake-agent.ts';
import { failureOf, requested, SESSION_ID, SessionInProcess, unwrap } from './harness.ts';

const DAY_MS = 86_400_000;

describe('an idempotency key', () => {
  it('of a create returns the session as it is now, and creates nothing twice', async () => {
    const session = new SessionInProcess();
    const call = session.call({ key: 'k' });
    const first = unwrap(await session.runtime.create(call, SESSION_ID, requested()));
    await session.act('start');
    const again = unwrap(await session.runtime.create(call, SESSION_ID, requested()));
    expect(again).toMatchObject({ id: first.id, created_at: first.created_at, status: 'queued' });
    expect((await session.events()).filter(({ type }) => type === 'session.created')).toHaveLength(1);
  });

  it('of a create is refused once its session is deleted, and the refusal says so', async () => {
    const session = new SessionInProcess();
    const call = session.call({ key: 'k' });
    await session.runtime.create(call, SESSION_ID, requested());
    unwrap(await session.runtime.remove(session.call()));
    const { code, detail } = failureOf(await session.runtime.create(call, SESSION_ID, requested()));
    expect(code).toBe('not_found');
    expect(detail).toContain('Choose a new key');
  });

  it('of a create is refused with another body', async () => {
    const session = new SessionInProcess();
    await session.runtime.create(session.call({ key: 'k', fingerprint: 'one' }), SESSION_ID, requested());
    const other = session.call({ key: 'k', fingerprint: 'two' });
    const outcome = await session.runtime.create(other, SESSION_ID, requested({ title: 'Another' }));
    expect(failureOf(outcome).code).toBe('idempotency_mismatch');
    expect((await session.view()).title).toBe('A session');
  });

  it('of an action returns the first response again, even after the session has changed', async () => {
    const session = new SessionInProcess();
    await session.create();
    const call = session.call({ key: 'start' });
    const first = await session.runtime.act(call, { action: 'start' });
    await session.act('cancel');
    expect(await session.runtime.act(call, { action: 'start' })).toEqual(first);
    expect(await session.status()).toBe('cancelled');
  });

  it('of a refused request can be used again, so that the same request may succeed later', async () => {
    const session = new SessionInProcess();
    await session.create();
    const call = session.call({ key: 'resume' });
    expect(failureOf(await session.runtime.act(call, { action: 'resume' })).code).toBe('illegal_transition');
    await session.act('start');
    await session.act('pause');
    expect(unwrap(await session.runtime.act(call, { action: 'resume' })).status).toBe('queued');
  });

  it('of a message sends the message once', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const call = session.call({ key: 'm' });
    const first = await session.runtime.send(call, { text: 'Mind the tests' });
    expect(await session.runtime.send(call, { text: 'Mind the tests' })).toEqual(first);
    expect(agent.commandsOf('message').map(({ number }) => number)).toEqual([1, 2]);
  });

  it('of an answer does not answer a second time', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(asked('r1'));
    const { id } = unwrap(await session.runtime.approvals(session.call())).items[0]!;
    const call = session.call({ key: 'a' });
    const first = await session.runtime.answer(call, id, { decision: 'once' });
    expect(await session.runtime.answer(call, id, { decision: 'once' })).toEqual(first);
    expect(agent.commandsOf('approval_reply')).toHaveLength(1);
  });

  it('expires after a day', async () => {
    const session = new SessionInProcess();
    await session.create({}, session.call({ key: 'k' }));
    await session.advance(DAY_MS);
    expect(session.rows('idempotency')).toEqual([]);
    expect(session.platform.alarm).toBeNull();
  });
});

it('a create with the same key and another body is refused even after the first response has expired', async () => {
  const session = new SessionInProcess();
  await session.runtime.create(session.call({ key: 'k', fingerprint: 'one' }), SESSION_ID, requested());
  await session.advance(2 * DAY_MS);
  const other = session.call({ key: 'k', fingerprint: 'two' });
  expect(failureOf(await session.runtime.create(other, SESSION_ID, requested())).code).toBe('idempotency_mismatch');
  const same = session.call({ key: 'k', fingerprint: 'one' });
  expect(await session.runtime.create(same, SESSION_ID, requested())).toMatchObject({ value: { id: SESSION_ID } });
});

it('a key returns its first response even after the session was deleted', async () => {
  const session = new SessionInProcess();
  await session.create();
  const call = session.call({ key: 'start' });
  const first = await session.runtime.act(call, { action: 'start' });
  await session.runtime.remove(session.call());
  expect(await session.runtime.act(call, { action: 'start' })).toEqual(first);
  expect(failureOf(await session.tryTo('start')).code).toBe('not_found');
});
