import { describe, expect, it } from 'vitest';
import type { SessionApi } from '../../../src/ports/sessions.ts';
import type { Outcome } from '../../../src/protocol/common/errors.ts';
import { checkpoint, result } from './fake-agent.ts';
import { failureOf, requested, SESSION_ID, SessionInProcess, TASK_ID } from './harness.ts';

const WEEK_MS = 7 * 86_400_000;

/** Every call on a session but create. */
function calls(session: SessionInProcess, workspace?: string): [string, () => Promise<Outcome<unknown>>][] {
  const api: SessionApi = session.runtime;
  const call = session.call(workspace === undefined ? {} : { workspace });
  return [
    ['read', () => api.read(call, [])],
    ['update', () => api.update(call, { title: 'Other' })],
    ['act', () => api.act(call, { action: 'start' })],
    ['remove', () => api.remove(call)],
    ['send', () => api.send(call, { text: 'Hello?' })],
    ['approvals', () => api.approvals(call)],
    ['answer', () => api.answer(call, 'any', { decision: 'once' })],
    ['events', () => api.events(call, null, 10)],
    ['checkpoints', () => api.checkpoints(call)],
    ['requestCheckpoint', () => api.requestCheckpoint(call)],
    ['endTools', () => api.endTools(call, {})],
    ['rate', () => api.rate(call, TASK_ID, { quality: 1 })],
    ['diff', () => api.diff(call)],
    ['artifactChunk', () => api.artifactChunk(call, 'any', 0)],
  ];
}

async function expectNothingThere(session: SessionInProcess, workspace?: string): Promise<void> {
  await session.settle();
  const before = session.platform.dump();
  for (const [name, call] of calls(session, workspace)) {
    expect(failureOf(await call()).code, name).toBe('not_found');
  }
  await session.settle();
  expect(session.platform.dump()).toEqual(before);
}

describe('an object without a session', () => {
  it('answers every call except create with a 404, and writes nothing, not even tables', async () => {
    const session = new SessionInProcess();
    await expectNothingThere(session);
    expect(session.platform.dump()).toEqual({ $alarm: null });
  });

  it('closes a socket that sends a message', async () => {
    const session = new SessionInProcess();
    const client = session.openRun(1);
    client.send('{"type":"frames","frames":[]}');
    expect(client.closedBy?.code).toBe(4010);
  });

  it('gives another workspace a 404 for every call, including create', async () => {
    const session = new SessionInProcess();
    await session.create();
    await expectNothingThere(session, 'other');
    const foreign = await session.runtime.create(session.call({ workspace: 'other' }), SESSION_ID, requested());
    expect(failureOf(foreign).code).toBe('not_found');
  });
});

describe('a deleted session', () => {
  it('is first cancelled: its lease ends, its sockets close, it leaves the list, and then it is a 404', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    const watcher = session.watcher().connect().catchUp();
    expect((await session.runtime.remove(session.call())).ok).toBe(true);
    watcher.catchUp();
    expect(watcher.follower.state.status).toBe('cancelled');
    expect(watcher.client?.closedBy?.code).toBe(4010);
    expect(agent.read().over).toBe('gone');
    await session.settle();
    expect(session.destinations.slots.get(`${TASK_ID}:1`)).toBe('released');
    expect(session.destinations.isListed).toBe(false);
    await expectNothingThere(session);
    expect(agent.connect().client?.closedBy).not.toBeNull();
  });

  it.each(['while it runs', 'while its agent sends the last checkpoint'])(
    'tells its agent, deleted %s, on each connection that nothing of it is kept',
    async (when) => {
      const session = new SessionInProcess();
      const agent = await session.begun();
      if (when !== 'while it runs') await session.act('cancel');
      await session.runtime.remove(session.call());
      const gone = { type: 'gone', reason: expect.any(String), deleted: true };
      expect(agent.client?.frames().at(-1)).toEqual(gone);
      await session.advance(WEEK_MS);
      const path = new URL(`http://host/ws/leases/${TASK_ID}/1`);
      expect(session.runtime.sockets.open(path, session.call().principal)).not.toBeNull();
      agent.over = null;
      expect(agent.connect().over).toBe('gone');
    },
  );

  it('is not cancelled if it had ended before', async () => {
    const session = new SessionInProcess();
    (await session.begun()).send(result());
    await session.settle();
    await session.runtime.remove(session.call());
    await session.settle();
    expect([...session.destinations.runs.values()]).toMatchObject([{ status: 'completed' }]);
    expect(session.row('session')).toMatchObject({ status: 'completed' });
  });

  it('is not recorded as a run if it was never started', async () => {
    const session = new SessionInProcess();
    await session.create();
    await session.runtime.remove(session.call());
    await session.settle();
    expect(session.destinations.runs.size).toBe(0);
  });

  it('is purged after its retention period, except for a tombstone, and sets no alarm', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun({ initial_prompt: 'a secret' });
    agent.send(...checkpoint('one'), result(1, { text: 'a secret' }));
    await session.runtime.remove(session.call());
    await session.advance(WEEK_MS - 1);
    expect(session.rows('event_batches')).not.toEqual([]);
    await session.advance(1);
    const { session: tombstone, migrations: _, deadlines, $alarm, ...tables } = session.platform.dump();
    expect(Object.values(tables).every((rows) => Array.isArray(rows) && rows.length === 0)).toBe(true);
    expect(deadlines).toEqual([{ one: 1, due: '{}' }]);
    expect(tombstone).toMatchObject([{ id: SESSION_ID, result: null, error: null }]);
    expect(JSON.stringify(tombstone)).not.toContain('a secret');
    expect($alarm).toBeNull();
    await expectNothingThere(session);
  });

  it('is not created again when its create request is repeated', async () => {
    const session = new SessionInProcess();
    const call = session.call({ key: 'k' });
    await session.runtime.create(call, SESSION_ID, requested());
    await session.runtime.remove(session.call());
    await session.advance(WEEK_MS);
    expect(failureOf(await session.runtime.create(call, SESSION_ID, requested())).code).toBe('not_found');
  });
});

it('an update changes exactly the named members, in view, log and list', async () => {
  const session = new SessionInProcess();
  await session.create({ tags: ['a'] });
  await session.runtime.update(session.call(), { title: 'Better', priority: 'high' });
  expect(await session.view()).toMatchObject({ title: 'Better', priority: 'high', tags: ['a'] });
  expect((await session.folded()).title).toBe('Better');
  await session.settle();
  expect(session.destinations.entry?.summary).toMatchObject({ title: 'Better', priority: 'high' });
});
