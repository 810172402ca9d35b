import { describe, expect, it } from 'vitest';
import type { Problem } from '../../src/protocol/common/errors.ts';
import type { Context } from '../../src/protocol/context/context.ts';
import { ask, newWorkspace, SESSION_ID, signToken, UUID } from './http-support.ts';

async function workspace() {
  const token = await signToken('operator', newWorkspace());
  const send = (path: string, body: object, method = 'POST') => ask(`/api/v1/${path}`, { token, body, method });
  const read = async <T>(response: Promise<Response>) => (await (await response).json()) as T;
  const session = await read<{ id: string }>(send('sessions', { title: 'A session', initial_prompt: 'Do it' }));
  const get = <T>(path: string) => read<T>(ask(`/api/v1/${path}`, { token }));
  return { token, send, read, get, session: session.id };
}

describe('the name of a context', () => {
  it('is taken by the first one, whose id the refusal has', async () => {
    const { send, read } = await workspace();
    const first = await read<Context>(send('contexts', { scope: 'global', data: { a: 1 } }));
    expect(first.name).toBe('main');
    const second = await send('contexts', { scope: 'global', data: { b: 1 } });
    expect(second.status).toBe(409);
    expect(await second.json()).toMatchObject({
      ...{ code: 'context_exists', retryable: false },
      current: { id: first.id, version: 1 },
    });
    const notes = await read<Context>(send('contexts', { scope: 'global', name: 'notes' }));
    expect(notes).toMatchObject({ name: 'notes', data: {} });
    expect(notes.id).not.toBe(first.id);
  });

  it('is random for a temporary context without one', async () => {
    const { send, read, session } = await workspace();
    const body = { scope: 'temporary', session_id: session };
    const made = await Promise.all([1, 2].map(() => read<Context>(send('contexts', body))));
    expect(made[0]!.name).toMatch(/^[0-9a-f]{32}$/);
    expect(made[0]!.id).not.toBe(made[1]!.id);
  });

  it.each([
    ['is no slug', { scope: 'global', name: 'My notes' }, 'name'],
    ['has two owners', { scope: 'temporary', session_id: SESSION_ID, agent_id: UUID }, 'agent_id'],
  ])('of a context that %s is refused', async (_, body, path) => {
    const { send } = await workspace();
    const refused = await send('contexts', body);
    expect(refused.status).toBe(422);
    expect(((await refused.json()) as Problem).errors?.map((error) => error.path)).toContain(path);
  });
});

describe('the address of a context', () => {
  it('makes it by the first write, and names it like its id', async () => {
    const { send, read, get, session } = await workspace();
    const address = `contexts/session.${session}.notes`;
    expect((await get<Problem>(address)).code).toBe('context_not_found');
    const written = await read<Context>(send(address, { updates: { plan: ['a'], gone: null } }, 'PATCH'));
    expect(written).toMatchObject({ scope: 'session', session_id: session, name: 'notes', version: 1 });
    expect(written.data).toEqual({ plan: ['a'] });
    expect(await get<Context>(`contexts/${written.id}`)).toEqual(written);
    expect(await get<Context>(address)).toEqual(written);
    const again = await read<Context>(send(address, { updates: { plan: [] } }, 'PATCH'));
    expect(again).toMatchObject({ id: written.id, version: 2, data: { plan: [] } });
    const main = await read<Context>(send('contexts/global', { updates: { a: 1 } }, 'PATCH'));
    expect(main).toMatchObject({ scope: 'global', name: 'main', version: 1 });
  });

  it('makes no context by a write that is meant for one that is there', async () => {
    const { token } = await workspace();
    for (const [path, method, body] of [
      ['contexts/global', 'PATCH', { updates: { a: 1 } }],
      ['contexts/global/keys/a', 'PUT', { value: 1 }],
    ] as const) {
      const refused = await ask(`/api/v1/${path}`, { token, method, body, headers: { 'If-Match': '*' } });
      expect(await refused.json()).toMatchObject({ code: 'context_not_found' });
    }
  });

  it('and a place are refused if their encoding is broken', async () => {
    const { send, get } = await workspace();
    await send('contexts/global', { updates: { '%': 1 } }, 'PATCH');
    for (const key of ['%', '%ZZ', '%FF', 'a%E2%82']) {
      const refused = await send(`contexts/global/keys/${key}`, { value: 2 }, 'PUT');
      expect([refused.status, ((await refused.json()) as Problem).code]).toEqual([422, 'validation_failed']);
    }
    expect((await get<Context>('contexts/global')).data).toEqual({ '%': 1 });
  });

  it('of a session or an agent that does not exist has no context', async () => {
    const { send } = await workspace();
    for (const address of [`session.${SESSION_ID}`, `agent.${UUID}`]) {
      const refused = await send(`contexts/${address}`, { updates: { a: 1 } }, 'PATCH');
      expect(await refused.json()).toMatchObject({ code: 'not_found', detail: expect.stringContaining('There is no') });
    }
    const created = await send('contexts', { scope: 'session', session_id: SESSION_ID });
    expect(created.status).toBe(404);
  });

  it('of a session or an agent that does not exist is not asked in vain for what is effective', async () => {
    const { get, session } = await workspace();
    expect(await get(`contexts/effective?session_id=${session}`)).toMatchObject({ data: {}, layers: [] });
    for (const asked of [`session_id=${SESSION_ID}`, `agent_id=${UUID}`]) {
      expect(await get<Problem>(`contexts/effective?${asked}`)).toMatchObject({
        ...{ status: 404, code: 'not_found', detail: expect.stringContaining('There is no') },
      });
    }
  });

  it.each(['session', 'session.x', 'temporary.a', 'global.A', `agent.${UUID}.`, 'global.a.b'])(
    '%s is none',
    async (ref) => {
      const { send } = await workspace();
      expect((await send(`contexts/${ref}`, { updates: {} }, 'PATCH')).status).toBe(422);
    },
  );
});
