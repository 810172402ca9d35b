import { expect, it } from 'vitest';
import type { Context } from '../../src/protocol/context/context.ts';
import { MemoryContextCopies } from '../support/memory-context-copies.ts';
import { appWith, newWorkspace, signToken } from './http-support.ts';

async function copied() {
  const workspace = newWorkspace();
  const token = await signToken('operator', workspace);
  const contextCopies = new MemoryContextCopies();
  const { ask } = appWith({ contextCopies });
  const created = await ask('/api/v1/contexts', { token, body: { scope: 'temporary', data: { from: 'home' } } });
  const context = (await created.json()) as Context;
  const copy = (version: number) => ({
    version,
    text: JSON.stringify({ ...context, version, data: { from: 'copy', big: 1e21, list: [] } }),
  });
  const read = async (query = '', reader = token) => {
    const answer = await ask(`/api/v1/contexts/${context.id}${query}`, { token: reader });
    return { etag: answer.headers.get('ETag'), ...((await answer.json()) as Context) };
  };
  return {
    agent: await signToken('agent', workspace),
    contextCopies,
    read,
    copy,
    set: (version: number) => contextCopies.set(workspace, context.id, copy(version)),
  };
}

it('a read that names the newest version that it has seen gets a copy which is as new', async () => {
  const { read, set } = await copied();
  await set(5);
  const expected = { etag: '"5"', version: 5, data: { from: 'copy', big: 1e21, list: [] } };
  expect(await read('?min_version=5')).toMatchObject(expected);
  expect(await read('?min_version=1')).toMatchObject(expected);
});

it('every other read is answered by the home: without min_version, of an older copy, of a version, of a copy that is none', async () => {
  const { contextCopies, read, copy, set } = await copied();
  const expected = { etag: '"1"', version: 1, data: { from: 'home' } };
  expect(await read('?min_version=1')).toMatchObject(expected);
  await set(5);
  expect(await read()).toMatchObject(expected);
  expect(await read('?min_version=6')).toMatchObject(expected);
  expect(await read('?version=1&min_version=1')).toMatchObject(expected);
  contextCopies.get = async () => ({ version: 9, text: null });
  expect(await read('?min_version=1')).toMatchObject(expected);
  contextCopies.get = async () => ({ ...copy(9), text: '{"cut":' });
  expect(await read('?min_version=1')).toMatchObject(expected);
  contextCopies.get = async () => {
    throw new Error('Redis cannot be reached');
  };
  expect(await read('?min_version=1')).toMatchObject(expected);
});

it('an agent gets no copy of a context that its home would not show it', async () => {
  const { agent, read, set } = await copied();
  await set(5);
  expect(await read('?min_version=1')).toMatchObject({ data: { from: 'copy' } });
  const refused = await read('?min_version=1', agent);
  expect(refused).toMatchObject({ code: 'context_scope_mismatch' });
  expect(refused).not.toHaveProperty('data');
});
