import { describe, expect, it } from 'vitest';
import type { RegisteredAgent } from '../../src/protocol/agent/agent.ts';
import type { Problem } from '../../src/protocol/common/errors.ts';
import type { Context, ContextKey } from '../../src/protocol/context/context.ts';
import type { ClaimedWork } from '../../src/protocol/run/reports.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';

const STARTED = { n: 1, type: 'turn.started', data: { turn: 1, message: 1, model: null, agent: null } };

/** A session that an agent works on, and another one. */
async function atWork() {
  const admin = await signToken('admin', newWorkspace());
  const send = async <T>(path: string, body: object, token = admin, lease?: string, method = 'POST') => {
    const headers: Record<string, string> = lease === undefined ? {} : { 'Oio-Lease': lease };
    const response = await ask(`/api/v1/${path}`, { token, body, headers, method });
    return (response.status === 204 ? null : await response.json()) as T;
  };
  const create = async () => (await send<{ id: string }>('sessions', { title: 'A session', initial_prompt: 'Do' })).id;
  const [session, other] = [await create(), await create()];
  await send(`sessions/${session}/start`, {});
  const agent = await send<RegisteredAgent>('agents', { name: 'AGENT-A', agent_type: 'implementer', capabilities: [] });
  const [work] = (await send<ClaimedWork>(`agents/${agent.id}/claim`, {}, agent.token)).assignments;
  const { task_id, epoch } = work!;
  const report = () => send(`leases/${task_id}/${epoch}/events`, { events: [STARTED] }, agent.token);
  const lease = `${task_id}/${epoch}`;
  const put = <T>(ref: string, value: unknown, held: string | undefined = lease) =>
    send<T>(`contexts/${ref}/keys/notes%2Fa~1b`, { value }, agent.token, held, 'PUT');
  const get = async <T>(path: string, held?: string) =>
    (await (
      await ask(`/api/v1/contexts/${path}`, { token: agent.token, ...(held && { headers: { 'Oio-Lease': held } }) })
    ).json()) as T;
  return { admin, send, session, other, agent, lease, report, put, get };
}

describe('an agent at work', () => {
  it('writes to the context of its session by keys, as its lease, and to its own', async () => {
    const { session, agent, lease, report, put, get } = await atWork();
    await report();
    const written = await put<ContextKey>(`session.${session}`, { found: [] });
    expect(written).toMatchObject({ path: '/notes/a~1b', value: { found: [] }, version: 1 });
    const context = await get<Context>(`session.${session}`, lease);
    expect(context).toMatchObject({ data: { notes: { 'a/b': { found: [] } } }, session_id: session });
    expect(`${context.updated_by.task_id}/${context.updated_by.epoch}`).toBe(lease);
    expect(context.updated_by.agent_id).toBe(agent.id);
    expect(await get<ContextKey>(`session.${session}/keys/notes%2Fa~1b%2Ffound`, lease)).toMatchObject({ value: [] });
    expect(await put<ContextKey>(`agent.${agent.id}`, 1)).toMatchObject({ version: 1 });
  });

  it('reads and writes nothing of other sessions, and only reads the context of the workspace', async () => {
    const { admin, send, session, other, lease, report, put, get } = await atWork();
    await report();
    const global = await send<Context>('contexts', { scope: 'global', data: { a: 1 } });
    await send(`contexts/session.${other}`, { updates: { a: 1 } }, admin, undefined, 'PATCH');
    const mismatch = { code: 'context_scope_mismatch', retryable: false, status: 403 };
    expect(await put<Problem>(`session.${other}`, 1)).toMatchObject(mismatch);
    expect(await get<Problem>(`session.${other}`, lease)).toMatchObject(mismatch);
    expect(await get<Problem>(`session.${other}.missing`, lease)).toMatchObject({ code: 'context_not_found' });
    expect(await put<Problem>('global', 1)).toMatchObject(mismatch);
    expect(await put<Problem>(global.id, 1)).toMatchObject(mismatch);
    expect(await get<Context>('global', lease)).toEqual(global);
    expect((await put<Problem>(`session.${session}`, 1, '')).code).toBe('validation_failed');
  });

  it('gets with its assignment what counts for the task', async () => {
    const { admin, send, session, agent, lease, report } = await atWork();
    await report();
    await send('contexts', { scope: 'global', data: { style: 'tabs', plan: 'all' } });
    await send(
      `contexts/session.${session}`,
      { updates: { plan: 'walls', log: 'x'.repeat(9_000) } },
      admin,
      undefined,
      'PATCH',
    );
    await send(`leases/${lease}/release`, { reason: 'stopped' }, agent.token);
    const [again] = (await send<ClaimedWork>(`agents/${agent.id}/claim`, { wait_seconds: 20 }, agent.token))
      .assignments;
    expect(again!.shared_context).toMatchObject({
      layers: [
        { scope: 'session', version: 1 },
        { scope: 'global', version: 1 },
      ],
      values: [
        { path: '/plan', value: 'walls', layer: 0 },
        { path: '/style', value: 'tabs', layer: 1 },
      ],
      left_out: [{ path: '/log', bytes: 9_002 }],
      more: 0,
    });
  });

  it('is refused once it has lost the lease, and before it has taken it', async () => {
    const { send, session, agent, lease, report, put, get } = await atWork();
    const stale = { code: 'stale_lease', retryable: false, status: 409 };
    expect(await put<Problem>(`session.${session}`, 1)).toMatchObject(stale);
    await report();
    expect(await put<ContextKey>(`session.${session}`, 1)).toMatchObject({ version: 1 });
    await send(`leases/${lease}/release`, { reason: 'refused' }, agent.token);
    expect(await put<Problem>(`session.${session}`, 2)).toMatchObject(stale);
    expect(await get<Problem>(`session.${session}`, lease)).toMatchObject(stale);
    expect(
      await send<Context>(`contexts/session.${session}`, { updates: {} }, undefined, undefined, 'PATCH'),
    ).toMatchObject({ version: 1 });
  });

  it('cannot name the lease of another agent', async () => {
    const { send, session, report, lease } = await atWork();
    await report();
    const other = await send<RegisteredAgent>('agents', {
      name: 'AGENT-B',
      agent_type: 'implementer',
      capabilities: [],
    });
    const refused = await send<Problem>(`contexts/session.${session}`, { updates: {} }, other.token, lease, 'PATCH');
    expect(refused.code).toBe('stale_lease');
  });
});
