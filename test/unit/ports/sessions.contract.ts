import { expect, it } from 'vitest';
import type { Call } from '../../../src/ports/calls.ts';
import type { SessionApi } from '../../../src/ports/sessions.ts';
import { parseCursor } from '../../../src/protocol/common/cursor.ts';
import type { Failure, Outcome } from '../../../src/protocol/common/errors.ts';
import { IMPLICIT_TASK, type SessionId, taskIdOf } from '../../../src/protocol/common/ids.ts';
import { CreateSessionRequest } from '../../../src/protocol/session/requests.ts';
import { CreateGraphRequest } from '../../../src/protocol/session/task-requests.ts';

/** An id without a session. Each read of `api` may return another handle. */
export interface SessionPlace {
  readonly api: SessionApi;
  workspace: string;
  id: SessionId;
}

const TASKS = CreateGraphRequest().parse({ tasks: [{ title: 'A task', description: 'Do it' }] });
const REQUEST = CreateSessionRequest().parse({ title: 'A session', initial_prompt: 'Do it' });

function callIn(workspace: string, key?: string, fingerprint = 'same'): Call {
  return {
    principal: { workspace, role: 'operator', token_id: 'tester' },
    request_id: 'request',
    idempotency: key === undefined ? null : { key, fingerprint },
  };
}

function unwrap<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.failure.code}: ${outcome.failure.detail}`);
  return outcome.value;
}

function failureOf(outcome: Outcome<unknown>): Failure {
  if (outcome.ok) throw new Error('this was to be refused');
  return outcome.failure;
}

/** The contract of every implementation of a session. */
export function sessionsContract(make: () => Promise<SessionPlace>): void {
  const created = async () => {
    const place = await make();
    const call = callIn(place.workspace);
    unwrap(await place.api.create(call, place.id, REQUEST));
    return { place, call };
  };

  it('answers every call on a missing session with not_found, and creates nothing', async () => {
    const place = await make();
    const call = callIn(place.workspace);
    const outcomes = [
      await place.api.read(call, []),
      await place.api.update(call, { title: 'Another' }),
      await place.api.act(call, { action: 'start' }),
      await place.api.remove(call),
      await place.api.send(call, { text: 'hello' }),
      await place.api.approvals(call),
      await place.api.answer(call, '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d', { decision: 'once' }),
      await place.api.events(call, null, 10),
      await place.api.checkpoints(call),
      await place.api.requestCheckpoint(call),
      await place.api.endTools(call, {}),
      await place.api.rate(call, taskIdOf(place.id, 1), { quality: 1 }),
      await place.api.createTasks(call, TASKS),
      await place.api.tasks(call),
      await place.api.task(call, taskIdOf(place.id, IMPLICIT_TASK), true),
      await place.api.graph(call),
      await place.api.dependencies(call, taskIdOf(place.id, IMPLICIT_TASK)),
      await place.api.removeTask(call, taskIdOf(place.id, IMPLICIT_TASK), { cascade: true }),
      await place.api.changeTask(call, taskIdOf(place.id, IMPLICIT_TASK), {
        type: 'status',
        body: { status: 'skipped' },
      }),
      await place.api.diff(call),
      await place.api.artifactChunk(call, '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d', 0),
    ];
    expect(outcomes.map((outcome) => failureOf(outcome).code)).toEqual(outcomes.map(() => 'not_found'));
    expect(unwrap(await place.api.create(call, place.id, REQUEST)).status).toBe('pending');
  });

  it('hides a session from other workspaces in every call', async () => {
    const { place, call } = await created();
    const foreign = callIn('someone-else');
    expect(failureOf(await place.api.read(foreign, [])).code).toBe('not_found');
    expect(failureOf(await place.api.act(foreign, { action: 'start' })).code).toBe('not_found');
    expect(failureOf(await place.api.create(foreign, place.id, REQUEST)).code).toBe('not_found');
    expect(unwrap(await place.api.read(call, [])).status).toBe('pending');
  });

  it('accepts the actions of the transition table, and refuses others with the legal ones', async () => {
    const { place, call } = await created();
    expect(failureOf(await place.api.act(call, { action: 'pause' }))).toMatchObject({
      code: 'illegal_transition',
      legal_actions: ['start', 'cancel'],
    });
    expect(unwrap(await place.api.act(call, { action: 'start' })).status).toBe('queued');
    expect(unwrap(await place.api.act(call, { action: 'pause' })).status).toBe('paused');
    expect(unwrap(await place.api.act(call, { action: 'resume' })).status).toBe('queued');
    const done = await place.api.act(call, { action: 'complete', body: { result: { success: true } } });
    expect(unwrap(done)).toMatchObject({ status: 'completed', legal_actions: [], health_score: 1 });
    expect(failureOf(await place.api.act(call, { action: 'cancel' })).code).toBe('illegal_transition');
  });

  it('returns its log without a gap, page by page, from any cursor', async () => {
    const { place, call } = await created();
    await place.api.act(call, { action: 'start' });
    await place.api.send(call, { text: 'And then this.' });
    const whole = unwrap(await place.api.events(call, null, 500));
    expect(whole.items.map(({ from_seq, seq }) => [from_seq, seq])).toEqual(whole.items.map((_, i) => [i + 1, i + 1]));
    const first = unwrap(await place.api.events(call, null, 2));
    const rest = unwrap(await place.api.events(call, parseCursor(first.cursor), 500));
    expect([...first.items, ...rest.items]).toEqual(whole.items);
    expect(unwrap(await place.api.events(call, { incarnation: '00000000', seq: 2 }, 500))).toEqual({
      ...whole,
      reset: true,
    });
  });

  it('does the work of an idempotency key once, and refuses another request with the same key', async () => {
    const place = await make();
    const call = callIn(place.workspace, 'k');
    await place.api.create(call, place.id, REQUEST);
    const started = await place.api.act(callIn(place.workspace), { action: 'start' });
    expect(await place.api.create(call, place.id, REQUEST), 'the session as it is now').toEqual(started);
    const other = callIn(place.workspace, 'k', 'another');
    expect(failureOf(await place.api.create(other, place.id, REQUEST)).code).toBe('idempotency_mismatch');
    const message = callIn(place.workspace, 'm');
    const sent = await place.api.send(message, { text: 'Once.' });
    expect(await place.api.send(message, { text: 'Once.' })).toEqual(sent);
    const { items } = unwrap(await place.api.events(callIn(place.workspace), null, 500));
    expect(items.filter(({ type }) => type === 'message.added')).toHaveLength(2);
  });

  it('says when it was created, and that it never was', async () => {
    const place = await make();
    const call = callIn(place.workspace);
    expect(unwrap(await place.api.createdAt(call))).toBeNull();
    const { created_at } = unwrap(await place.api.create(call, place.id, REQUEST));
    expect(unwrap(await place.api.createdAt(call))).toBe(created_at);
    unwrap(await place.api.remove(call));
    expect(unwrap(await place.api.createdAt(call)), 'even if it was deleted').toBe(created_at);
  });

  it('applies an update and shows it', async () => {
    const { place, call } = await created();
    await place.api.update(call, { title: 'Renamed', tags: ['x'], priority: 'high' });
    expect(unwrap(await place.api.read(call, ['tasks', 'usage']))).toMatchObject({
      title: 'Renamed',
      tags: ['x'],
      priority: 'high',
      initial_prompt: 'Do it',
      tasks: [{ status: 'pending' }],
      usage: { turns: 0 },
    });
  });

  it('has no checkpoint, diff or approval before its first agent', async () => {
    const { place, call } = await created();
    expect(unwrap(await place.api.checkpoints(call)).items).toEqual([]);
    expect(unwrap(await place.api.approvals(call)).items).toEqual([]);
    expect(unwrap(await place.api.diff(call))).toMatchObject({ checkpoint: null, artifact_id: null });
    expect(failureOf(await place.api.requestCheckpoint(call)).code).toBe('no_running_agent');
    expect(failureOf(await place.api.endTools(call, {})).code).toBe('no_running_agent');
    const rated = await place.api.rate(call, taskIdOf(place.id, 1), { quality: 1 });
    expect(failureOf(rated).code).toBe('nothing_to_rate');
  });

  it('is not found after it is deleted, even while it was active', async () => {
    const { place, call } = await created();
    await place.api.act(call, { action: 'start' });
    unwrap(await place.api.remove(call));
    expect(failureOf(await place.api.read(call, [])).code).toBe('not_found');
    expect(failureOf(await place.api.remove(call)).code).toBe('not_found');
  });
}
