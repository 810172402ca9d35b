import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { contextName } from '../../src/adapters/objects/names.ts';
import type { Context } from '../../src/protocol/context/context.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';

it('what is in Postgres alone is unavailable while Postgres is, and says when to ask again; all else goes on', async () => {
  const workspace = newWorkspace();
  const token = await signToken('operator', workspace);
  const create = async (scope: 'global' | 'temporary') =>
    (await (await ask('/api/v1/contexts', { token, body: { scope, data: { a: 1 } } })).json()) as Context;
  const [live, retired] = [await create('global'), await create('temporary')];
  // As it is left after Postgres has confirmed the version.
  const home = env.CONTEXT.getByName(contextName(workspace, retired.id));
  await runInDurableObject(home, (_object, { storage }) => {
    for (const text of ['UPDATE context SET retired_version = 1', 'DELETE FROM base_parts', 'DELETE FROM changes'])
      storage.sql.exec(text);
  });
  await evictDurableObject(home);
  const path = `/api/v1/contexts/${retired.id}`;
  const updates = { updates: { a: 2 } };
  for (const answer of [
    await ask(path, { token }),
    await ask(`${path}?min_version=1`, { token }),
    await ask(`${path}/history`, { token }),
    await ask(`${path}/keys/a`, { token }),
    await ask(path, { token, method: 'PATCH', body: updates }),
    await ask(path, { token, method: 'DELETE' }),
    await ask('/api/v1/contexts/merge', { token, body: { context_ids: [retired.id, live.id], strategy: 'manual' } }),
  ]) {
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(0);
    expect(await answer.json()).toMatchObject({ code: 'unavailable', retryable: true });
  }
  const written = await ask(`/api/v1/contexts/${live.id}`, { token, method: 'PATCH', body: updates });
  expect(await written.json()).toMatchObject({ version: 2, data: { a: 2 } });
  expect((await ask('/api/v1/contexts/effective', { token })).status).toBe(200);
});
