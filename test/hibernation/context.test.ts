import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { contextName } from '../../src/adapters/objects/names.ts';
import { eventually } from '../support/eventually.ts';
import { clientsOfWorkspace } from '../workerd/support/clients.ts';
import { expectToSleep, SLEEP_TIMEOUT_MS } from './sleep.ts';

it('a context sleeps while its watcher is quiet, and then continues on the same socket', {
  timeout: SLEEP_TIMEOUT_MS,
}, async () => {
  const { workspace, client, connections } = await clientsOfWorkspace();
  const { id } = await client.contexts.create({ scope: 'global', data: { a: { n: 0 } } });
  const versions: number[] = [];
  const watch = client.watchContext(id, {
    path: '/a',
    onChanges: (changes) => versions.push(...changes.map(({ version }) => version)),
  });
  await eventually(() => expect(watch.value).toEqual({ n: 0 }));
  await client.contexts.putKey(id, 'a/n', { value: 1 });
  await expectToSleep(env.CONTEXT.getByName(contextName(workspace, id)));
  await client.contexts.putKey(id, 'a/n', { value: 2 });
  await eventually(() => expect(versions).toEqual([2, 3]));
  expect(watch.value).toEqual({ n: 2 });
  expect(connections).toHaveLength(1);
  watch.close();
});
