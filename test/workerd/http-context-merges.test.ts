import { expect, it } from 'vitest';
import type { Problem } from '../../src/protocol/common/errors.ts';
import type { Context, ContextDiff, ContextHistory } from '../../src/protocol/context/context.ts';
import type { ContextConflicts, EffectiveContext } from '../../src/protocol/context/merge.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';

async function workspace() {
  const token = await signToken('operator', newWorkspace());
  const send = async <T>(path: string, body?: object, method = body ? 'POST' : 'GET') => {
    const response = await ask(`/api/v1/${path}`, { token, method, ...(body && { body }) });
    return (response.status === 204 ? null : await response.json()) as T;
  };
  const session = await send<{ id: string }>('sessions', { title: 'A session', initial_prompt: 'Do it' });
  return { send, session: session.id };
}

it('a session’s context is promoted, its conflict decided, and both are compared over HTTP', async () => {
  const { send, session } = await workspace();
  const own = `contexts/session.${session}`;
  await send(own, { updates: { build: { status: 'green', by: ['ci'] } } }, 'PATCH');
  await send('contexts/global', { updates: { build: { status: 'red' } } }, 'PATCH');
  const promoted = await send<Context>(`${own}/promote`, {});
  expect(promoted).toMatchObject({ scope: 'global', version: 2, open_conflicts: 1 });
  expect(promoted.data).toEqual({ build: { status: 'red', by: ['ci'] } });
  const { items } = await send<ContextConflicts>('contexts/global/conflicts');
  expect(items).toMatchObject([{ n: 1, path: '/build/status', current: 'red', source: 'green' }]);
  expect(await send<Problem>('contexts/global/conflicts/1/resolve', {})).toMatchObject({ code: 'validation_failed' });
  expect(await send<Problem>('contexts/global/conflicts/9/resolve', { choose: 'source' })).toMatchObject({
    code: 'not_found',
  });
  const resolved = await send<Context>('contexts/global/conflicts/1/resolve', { value: 'yellow' });
  expect(resolved).toMatchObject({ version: 3, open_conflicts: 0, data: { build: { status: 'yellow' } } });
  expect((await send<ContextHistory>('contexts/global/history')).items[0]!.merged).toHaveLength(1);
  expect(await send<ContextDiff>(`${own}/diff/global`)).toEqual({
    ...{ added: [], removed: [] },
    changed: [{ path: '/build/status', old: 'green', new: 'yellow' }],
  });
});

it('a context is shared as a link, laid under the session’s own, and merged over HTTP', async () => {
  const { send, session } = await workspace();
  await send('contexts/global.plan', { updates: { step: 1, other: 1 } }, 'PATCH');
  const share = { target_session_id: session, mode: 'link', keys: ['step'], name: 'main' };
  const linked = await send<Context>('contexts/global.plan/share', share);
  expect(linked).toMatchObject({ session_id: session, links: [{ keys: ['/step'] }] });
  const effective = () => send<EffectiveContext>(`contexts/effective?session_id=${session}`);
  expect(await effective()).toMatchObject({ data: { step: 1 }, origins: [{ path: '/step' }] });
  expect((await effective()).layers.map(({ scope }) => scope)).toEqual(['session', 'global']);
  await send(`contexts/session.${session}/links/global.plan`, undefined, 'DELETE');
  expect((await effective()).data).toEqual({});
  const body = { context_ids: ['global.plan', `session.${session}`], strategy: 'prefer_source' };
  expect(await send<Context>('contexts/merge', body)).toMatchObject({ data: { step: 1, other: 1 }, version: 2 });
  expect((await send<Problem>(`contexts/global.plan/promote`, {})).code).toBe('context_scope_mismatch');
});
