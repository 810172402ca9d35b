import { expect, it } from 'vitest';
import type { Problem } from '../../src/protocol/common/errors.ts';
import type { ContextList } from '../../src/protocol/context/list.ts';
import { MemoryContextArchive } from '../support/memory-context-archive.ts';
import { contextRecord } from '../unit/ports/context-archive.contract.ts';
import { appWith, ask, newWorkspace, signToken } from './http-support.ts';

const idOf = (index: number) => `3f0e1f5e-8a52-4f0c-9d0b-${String(index).padStart(12, '0')}`;

async function listed(count: number) {
  const workspace = newWorkspace();
  const token = await signToken('viewer', workspace);
  const contextArchive = new MemoryContextArchive();
  for (let index = 0; index < count; index++) {
    await contextArchive.put(contextRecord({ workspace, id: idOf(index), keys: `key-${index}` }));
  }
  const app = appWith({ contextArchive });
  const get = (path: string) => app.ask(path, { token });
  return { token, contextArchive, get, ...app };
}

it('the contexts of a workspace are listed page by page, and found by the names of their members', async () => {
  const { get } = await listed(5);
  const ids: string[] = [];
  for (let path: string | null = '/api/v1/contexts?page_size=2'; path !== null; ) {
    const page = await get(path);
    const { items, next_cursor } = (await page.json()) as ContextList;
    ids.push(...items.map(({ id }) => id));
    path = /^<(.+)>; rel="next"$/.exec(page.headers.get('Link') ?? '')?.[1] ?? null;
    expect(path === null).toBe(next_cursor === null);
  }
  expect(ids).toEqual([4, 3, 2, 1, 0].map(idOf));
  const found = (await (await get('/api/v1/contexts?q=KEY-3&scope=session')).json()) as ContextList;
  expect(found).toMatchObject({ items: [{ id: idOf(3), scope: 'session' }], next_cursor: null });
});

it('a cursor of another list, an unknown scope and an empty search are named', async () => {
  const { get } = await listed(1);
  const foreign = btoa(JSON.stringify(['contexts', 'yesterday', 'nobody'])).replaceAll('=', '');
  for (const [query, path] of [
    [`cursor=${foreign}`, 'cursor'],
    ['scope=team', 'scope'],
    ['q=', 'q'],
  ]) {
    const answer = await get(`/api/v1/contexts?${query}`);
    expect(answer.status).toBe(422);
    expect((await answer.json()) as Problem).toMatchObject({ errors: [{ path }] });
  }
});

it('while Postgres is away, or without one, the answer says when to ask again, and contexts are made, read and changed', async () => {
  const { token, contextArchive, ...app } = await listed(0);
  contextArchive.list = async () => {
    throw new Error('Postgres cannot be reached');
  };
  for (const answer of [await app.get('/api/v1/contexts'), await ask('/api/v1/contexts', { token })]) {
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(0);
    expect(await answer.json()).toMatchObject({ code: 'unavailable', retryable: true });
  }
  expect(app.lines).toContainEqual(expect.objectContaining({ event: 'context_list_unavailable' }));
  const operator = await signToken('operator', newWorkspace());
  const created = await app.ask('/api/v1/contexts', { token: operator, body: { scope: 'global', data: {} } });
  expect(created.status).toBe(201);
});
