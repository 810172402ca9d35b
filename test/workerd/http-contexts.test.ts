import { describe, expect, it } from 'vitest';
import type { Problem } from '../../src/protocol/common/errors.ts';
import type { Context, ContextDiff, ContextHistory } from '../../src/protocol/context/context.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';

async function workspace() {
  const token = await signToken('operator', newWorkspace());
  const send = (path: string, body: object, more: { method?: string; headers?: Record<string, string> } = {}) =>
    ask(`/api/v1/contexts${path}`, { token, body, ...more });
  const get = async <T>(path: string) => (await (await ask(`/api/v1/contexts${path}`, { token })).json()) as T;
  const created = await send('', { scope: 'global', data: { build: { status: 'red', by: [] } } });
  return { token, send, get, created, context: (await created.clone().json()) as Context };
}

const patch = { method: 'PATCH' };

describe('a context over HTTP', () => {
  it('is created, changed, compared, reverted and deleted', async () => {
    const { token, send, get, created, context } = await workspace();
    expect(created.status).toBe(201);
    expect(created.headers.get('Location')).toBe(`/api/v1/contexts/${context.id}`);
    expect(created.headers.get('ETag')).toBe('"1"');
    const changed = await send(`/${context.id}`, { updates: { build: { status: 'green' } } }, patch);
    expect(changed.headers.get('ETag')).toBe('"2"');
    expect(((await changed.json()) as Context).data).toEqual({ build: { status: 'green', by: [] } });
    expect(await get<ContextDiff>(`/${context.id}/diff?from=1&to=2`)).toEqual({
      added: [],
      changed: [{ path: '/build/status', old: 'red', new: 'green' }],
      removed: [],
    });
    const reverted = (await (await send(`/${context.id}/revert`, { version: 1 })).json()) as Context;
    expect(reverted).toMatchObject({ version: 3, data: context.data });
    const history = await get<ContextHistory>(`/${context.id}/history?page_size=1`);
    expect(history).toMatchObject({ items: [{ version: 3 }], base_version: 1, next_cursor: expect.any(String) });
    expect((await get<Context>(`/${context.id}?version=2`)).data).toEqual({ build: { status: 'green', by: [] } });
    expect((await ask(`/api/v1/contexts/${context.id}`, { token, method: 'DELETE' })).status).toBe(204);
    expect((await get<Problem>(`/${context.id}`)).code).toBe('context_not_found');
  });

  it('is compared only between two versions, and the refusal says which one is missing', async () => {
    const { get, context } = await workspace();
    expect((await get<Problem>(`/${context.id}/diff?to=1`)).errors).toEqual([{ path: 'from', message: 'is missing' }]);
    const wrong = await get<Problem>(`/${context.id}/diff?from=x&to=1`);
    expect(wrong.errors).toEqual([{ path: 'from', message: 'must be a number' }]);
  });

  it('is not changed for a version that it has no more, by expected_version or by If-Match', async () => {
    const { send, get, context } = await workspace();
    await send(`/${context.id}`, { updates: { build: { status: 'green' } } }, patch);
    const updates = { build: { status: 'blue' } };
    for (const stale of [
      await send(`/${context.id}`, { updates, expected_version: 1 }, patch),
      await send(`/${context.id}`, { updates }, { ...patch, headers: { 'If-Match': '"1"' } }),
    ]) {
      expect(stale.status).toBe(409);
      expect(await stale.json()).toMatchObject({
        code: 'context_conflict',
        retryable: false,
        current: { version: 2, can_merge: false, keys: [{ path: '/build/status', current: 'green', yours: 'blue' }] },
      });
    }
    const unquoted = await send(`/${context.id}`, { updates }, { ...patch, headers: { 'If-Match': '2' } });
    expect(await unquoted.json()).toMatchObject({ status: 422, errors: [{ path: 'If-Match' }] });
    expect((await get<Context>(`/${context.id}`)).version).toBe(2);
    const fresh = await send(`/${context.id}`, { updates }, { ...patch, headers: { 'If-Match': '"2"' } });
    expect(((await fresh.json()) as Context).version).toBe(3);
  });

  it('is changed by a JSON Patch and by a merge patch, each by its media type', async () => {
    const { send, context } = await workspace();
    const as = (type: string, body: unknown) =>
      send(`/${context.id}`, body as object, { ...patch, headers: { 'Content-Type': `${type}; charset=utf-8` } });
    const operations = [
      { op: 'test', path: '/build/status', value: 'red' },
      { op: 'add', path: '/build/by/-', value: 'ci' },
    ];
    const patched = await as('application/json-patch+json', operations);
    expect(patched.headers.get('ETag')).toBe('"2"');
    expect(((await patched.json()) as Context).data).toEqual({ build: { status: 'red', by: ['ci'] } });
    const merged = await as('application/merge-patch+json', { updates: { a: null, b: 1 } });
    expect(((await merged.json()) as Context).data).toMatchObject({ updates: { b: 1 } });
    for (const [body, path] of [
      [[...operations, { op: 'test', path: '/build/status', value: 'green' }], '2'],
      [[{ op: 'add', path: 'build', value: 1 }], '0.path'],
      [[{ op: 'add', path: '/build' }], '0.value'],
      [[{ op: 'add', path: '/__proto__', value: {} }], '0'],
    ] as const) {
      const refused = await as('application/json-patch+json', body);
      expect(refused.status).toBe(422);
      expect(((await refused.json()) as Problem).errors).toMatchObject([{ path }]);
    }
    expect((await as('text/plain', {})).status).toBe(415);
    const stale = { ...patch, headers: { 'Content-Type': 'application/json-patch+json', 'If-Match': '"1"' } };
    expect((await send(`/${context.id}`, operations.slice(1), stale)).status).toBe(409);
  });

  it('is created once for one idempotency key', async () => {
    const { send } = await workspace();
    const headers = { 'Idempotency-Key': 'make-it' };
    const [first, second] = await Promise.all(
      [1, 2].map(() => send('', { scope: 'temporary', data: { a: 1 } }, { headers })),
    );
    expect(((await first!.json()) as Context).id).toBe(((await second!.json()) as Context).id);
  });

  it.each([
    ['a session scope without a session', { scope: 'session' }, 'session_id'],
    ['a global scope with an agent', { scope: 'global', agent_id: crypto.randomUUID() }, 'agent_id'],
    ['data that is no object', { scope: 'global', data: [1] }, 'data'],
    ['a value that is too long', { scope: 'global', name: 'other', data: { a: 'x'.repeat(300_000) } }, 'data'],
    [
      'a name that changes prototypes',
      JSON.parse('{ "scope": "global", "name": "other", "data": { "constructor": 1 } }'),
      'data',
    ],
  ])('with %s is refused', async (_, body, path) => {
    const { send } = await workspace();
    const refused = await send('', body);
    expect(refused.status).toBe(422);
    expect(((await refused.json()) as Problem).errors?.map((error) => error.path)).toContain(path);
  });

  it('of another workspace is not found', async () => {
    const { context } = await workspace();
    const token = await signToken('operator', newWorkspace());
    const { status } = await ask(`/api/v1/contexts/${context.id}`, { token });
    expect(status).toBe(404);
  });
});
