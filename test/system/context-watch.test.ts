import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ContextChange } from '../../src/protocol/context/context.ts';
import { eventually } from '../support/eventually.ts';
import { ControlPlane } from './support/control-plane.ts';
import { NO_POSTGRES } from './support/fleet.ts';

const directory = mkdtempSync(join(tmpdir(), 'oio-context-watch-'));
let plane: ControlPlane;
beforeAll(async () => {
  plane = await ControlPlane.start(directory, NO_POSTGRES);
});
afterAll(async () => {
  await plane.stop();
  rmSync(directory, { recursive: true, force: true });
});

it('a watcher gets every change of its place once and in order, over kills of the control plane', async () => {
  const { client } = plane;
  const { id } = await client.contexts.create({ scope: 'global', name: 'watched', data: { seen: { n: 0 }, other: 0 } });
  const changes: ContextChange[] = [];
  let resets = 0;
  let connections = 0;
  const watch = client.watchContext(id, {
    path: '/seen',
    onChanges: (more) => changes.push(...more),
    onValue: (_value, _version, reset) => {
      if (reset) resets++;
    },
    onConnection: ({ status }) => {
      if (status === 'live') connections++;
    },
  });
  await eventually(() => expect(connections).toBe(1));
  for (let n = 1; n <= 30; n++) {
    await client.contexts.update(id, { updates: n % 3 === 0 ? { other: n } : { seen: { n } } });
    if (n % 10 === 5) await plane.kill('worker');
  }
  const { data, version } = await client.contexts.get(id);
  await eventually(() => expect(watch.value).toEqual(data.seen));
  const { items } = await client.contexts.history(id, { page_size: 100 });
  const ofPlace = items.filter(({ edits }) => edits.some(({ path }) => path.startsWith('/seen'))).reverse();
  expect(changes).toEqual(ofPlace);
  expect(ofPlace).toHaveLength(20);
  expect(version).toBe(31);
  expect(resets).toBe(1);
  expect(connections).toBeGreaterThan(1);
  watch.close();
  expect(await watch.ended).toBeNull();
});
