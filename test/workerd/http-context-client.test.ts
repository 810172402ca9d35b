import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { clientsOfWorkspace } from './support/clients.ts';

describe('the client', () => {
  it('reads and writes the places of a context, compares its versions and goes back to one', async () => {
    const { contexts } = (await clientsOfWorkspace()).client;
    const { id } = await contexts.create({ scope: 'global', name: 'plan', data: { steps: [] } });
    expect(await contexts.putKey(id, 'steps/-', { value: { id: 'a' } })).toMatchObject({
      path: '/steps/0',
      version: 2,
    });
    expect(await contexts.patch(id, [{ op: 'add', path: '/owner', value: 'ada' }])).toMatchObject({ version: 3 });
    expect(await contexts.getKey('global.plan', 'steps/0/id')).toMatchObject({ value: 'a', changed: { version: 2 } });
    await contexts.removeKey(id, 'owner');
    expect(await contexts.diff(id, { from: 3, to: 4 })).toMatchObject({ removed: [{ path: '/owner', value: 'ada' }] });
    expect(await contexts.revert(id, { version: 3 })).toMatchObject({ version: 5, data: { owner: 'ada' } });
    expect((await contexts.history(id, { page_size: 1 })).items).toMatchObject([{ version: 5 }]);
    expect(await contexts.get(id, { version: 1 })).toMatchObject({ version: 1, data: { steps: [] } });
    await contexts.remove(id);
    await expect(contexts.get(id)).rejects.toMatchObject({ code: 'context_not_found' });
  });

  it('merges, decides conflicts, shares, unlinks and promotes', async () => {
    const { client, post } = await clientsOfWorkspace();
    const { contexts } = client;
    const { id: session } = await post<{ id: string }>('sessions', { title: 'A session', initial_prompt: 'Do' });
    await contexts.create({ scope: 'global', name: 'a', data: { n: 1, a: 1 } });
    const b = await contexts.create({ scope: 'global', name: 'b', data: { n: 2 } });
    expect(await contexts.merge({ context_ids: ['global.a', 'global.b'] })).toMatchObject({
      id: b.id,
      open_conflicts: 1,
    });
    expect(await contexts.conflicts(b.id)).toMatchObject([{ n: 1, path: '/n', current: 2, source: 1 }]);
    expect(await contexts.resolve(b.id, 1, { value: 3 })).toMatchObject({ data: { n: 3, a: 1 }, open_conflicts: 0 });
    expect(await contexts.compare('global.a', 'global.b')).toMatchObject({ changed: [{ path: '/n', old: 1, new: 3 }] });
    const copy = { target_session_id: session, keys: ['a'], name: 'main' };
    expect(await contexts.share(b.id, copy)).toMatchObject({ session_id: session, data: { a: 1 } });
    await contexts.share(b.id, { target_session_id: session, mode: 'link', name: 'main' });
    expect(await contexts.effective({ session_id: session })).toMatchObject({ data: { a: 1, n: 3 } });
    await contexts.unlink(`session.${session}`, b.id);
    expect((await contexts.effective({ session_id: session })).data).toEqual({ a: 1 });
    expect(await contexts.promote(`session.${session}`)).toMatchObject({
      scope: 'global',
      name: 'main',
      data: { a: 1 },
    });
    await expect(contexts.list()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('shows secrets to an operator by the context and its places alone, and to a viewer never', async () => {
    const { client, clientOf, listed } = await clientsOfWorkspace();
    const data = { token: 'n33dle', build: 'green' };
    const { id } = await client.contexts.create({ scope: 'global', name: 'deploy', data, secret_paths: ['token'] });
    await client.contexts.putKey(id, 'key', { value: 'n33dle-2', secret: true });
    await client.contexts.update(id, { updates: { later: 'n33dle-3' }, secret_paths: ['/later'] });
    const operator = await client.contexts.get(id);
    expect(operator).toMatchObject({ data: { token: 'n33dle' }, secret_paths: ['/key', '/later', '/token'] });
    expect(await client.contexts.getKey(id, 'key')).toMatchObject({ value: 'n33dle-2' });
    const viewer = clientOf((await listed('viewer')).token);
    const watch = viewer.watchContext(id);
    await eventually(() => expect(watch.value).toBeDefined());
    await client.contexts.update(id, { updates: { token: 'n33dle-4' } });
    await eventually(() => expect(watch.version).toBe(4));
    const shown = [
      await viewer.contexts.get(id),
      await viewer.contexts.getKey(id, 'token'),
      await client.contexts.history(id),
      await client.contexts.diff(id, { from: 1, to: 4 }),
      await client.contexts
        .update(id, { updates: { token: 'mine' }, expected_version: 1 })
        .catch(({ problem }) => problem),
      watch.value,
    ];
    watch.close();
    expect(shown[0]).toMatchObject({ data: { token: '[secret]', key: '[secret]', build: 'green' } });
    expect(shown[4]).toMatchObject({ code: 'context_conflict' });
    expect(JSON.stringify(shown)).not.toContain('n33dle');
  });
});
