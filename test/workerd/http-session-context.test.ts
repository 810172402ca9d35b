import { expect, it } from 'vitest';
import type { Context } from '../../src/protocol/context/context.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';

it('a session says what its context has, also after its end', async () => {
  const token = await signToken('operator', newWorkspace());
  const send = async <T>(path: string, body: object, method = 'POST') =>
    (await (await ask(`/api/v1/${path}`, { token, body, method })).json()) as T;
  const read = async (include = '?include=context') =>
    (await (await ask(`/api/v1/sessions/${id}${include}`, { token })).json()) as SessionView;
  const { id } = await send<SessionView>('sessions', { title: 'A session', initial_prompt: 'Do' });
  expect(await read()).toMatchObject({ context: null });
  const updates = { build: { status: 'green', steps: [1, 2] }, notes: {} };
  const context = await send<Context>(`contexts/session.${id}`, { updates }, 'PATCH');
  const counts = { id: context.id, version: 1, keys: 3, open_conflicts: 0 };
  expect(await read()).toMatchObject({ context: counts });
  await send(`sessions/${id}/cancel`, {});
  expect(await read()).toMatchObject({ status: 'cancelled', context: counts });
  expect(await read('')).not.toHaveProperty('context');
});
