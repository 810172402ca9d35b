import { expect, it } from 'vitest';
import type { Call } from '../../../src/ports/calls.ts';
import type { ContextApi, MergeSource } from '../../../src/ports/contexts.ts';
import { valueIn } from '../../support/value-in.ts';
import { CALL } from './home.ts';
import { DAY_MS, ID, OWNERS, TieredWorld } from './tiered-world.ts';

const [SOURCE, LINKED] = ['8a52f0e1-3f0e-4f0c-9d0b-0d6f3a1b2c3d', '9a52f0e1-3f0e-4f0c-9d0b-0d6f3a1b2c3d'];
const TASK = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001';
const STAMPS = { stamp: { version: 1, at: 1, by: 'x' } };

function sourceOf(data: MergeSource['data'], more: Partial<MergeSource> = {}): MergeSource {
  return {
    id: SOURCE,
    version: 4,
    data,
    secret_paths: [],
    stamps: STAMPS,
    keys: null,
    base: null,
    taken: null,
    ...more,
  };
}

const ofAgent = (epoch: number): Call => ({
  ...CALL,
  principal: { workspace: 'default', role: 'agent', token_id: 't' },
  lease: { task_id: TASK, epoch, session_id: OWNERS.session_id!, agent_id: SOURCE },
});

/** A context with parents, links, an open conflict, and a lease that has written; it is retired. */
async function retired() {
  const world = await TieredWorld.of('session');
  const { home } = world;
  valueIn(await home.call('update', ofAgent(2), { updates: { a: 1, list: [] } }));
  valueIn(await home.call('merge', CALL, { strategy: 'manual', sources: [sourceOf({ a: 2, b: 1 })] }));
  valueIn(await home.call('link', CALL, { id: LINKED, keys: ['/x'] }));
  const before = {
    view: valueIn(await home.read(CALL)),
    history: valueIn(await home.history(CALL)),
    conflicts: valueIn(await home.call('conflicts', CALL)),
    key: valueIn(await home.call('readKey', CALL, '/a')),
    old: valueIn(await home.call('read', CALL, 2)),
  };
  world.endedAt = world.platform.clock;
  await home.advance(3 * DAY_MS);
  expect(world.isRetired).toBe(true);
  home.evict();
  return { world, home, before };
}

it('a retired context shows its parents, links and open conflicts where it is', async () => {
  const { world, home, before } = await retired();
  expect(before.view).toMatchObject({ open_conflicts: 1, parents: [{ id: SOURCE }], links: [{ id: LINKED }] });
  expect(valueIn(await home.read(CALL))).toEqual(before.view);
  expect(valueIn(await home.call('readMasked', CALL))).toEqual(before.view);
  expect(world.isRetired).toBe(true);
});

it('a retired context comes back with its history, merges, conflicts and old versions', async () => {
  const { home, before } = await retired();
  expect(before.history.items[0]).toMatchObject({ merged: [{ id: SOURCE, version: 4 }] });
  expect(valueIn(await home.history(CALL))).toEqual(before.history);
  expect(valueIn(await home.call('conflicts', CALL))).toEqual(before.conflicts);
  expect(valueIn(await home.call('read', CALL, 2))).toEqual(before.old);
  expect(valueIn(await home.read(CALL))).toEqual(before.view);
});

it('a retired context refuses a lease that is older than the last one which has written', async () => {
  const { world, home } = await retired();
  expect(await home.call('update', ofAgent(1), { updates: { a: 9 } })).toMatchObject({
    failure: { code: 'stale_lease' },
  });
  expect(valueIn(await home.call('update', ofAgent(3), { updates: { a: 9 } })).version).toBe(4);
  expect(world.isRetired).toBe(false);
});

it.each<[string, (home: ContextApi) => Promise<unknown>, object]>([
  ['a key that is read', (home) => home.readKey(CALL, '/b'), { value: 1, version: 3 }],
  ['a key that is put', (home) => home.putKey(CALL, '/c', { value: 5, expected_version: 2 }), { value: 5, version: 4 }],
  ['a key that is removed', (home) => home.removeKey(CALL, '/b'), {}],
  ['a snapshot', (home) => home.snapshot(CALL, [2]), { versions: [{ n: 0, a: 1, list: [] }] }],
  [
    'a merge from the ancestor that it has noted',
    (home) => {
      const base = { data: { a: 2, b: 1 } };
      return home.merge(CALL, {
        strategy: 'manual',
        sources: [sourceOf({ a: 2, b: 7 }, { version: 5, base, taken: 4 })],
      });
    },
    { version: 4, data: { b: 7 }, open_conflicts: 1 },
  ],
  [
    'an answer to a conflict',
    (home) => home.resolve(CALL, 1, { choose: 'source' }),
    { data: { a: 2 }, open_conflicts: 0 },
  ],
  ['a link', (home) => home.link(CALL, { id: SOURCE, keys: null }), { links: [{ id: SOURCE }, { id: LINKED }] }],
  ['the end of a link', (home) => home.unlink(CALL, LINKED), {}],
  ['a revert', (home) => home.revert(CALL, { version: 1 }), { version: 4, data: { n: 0 } }],
  ['a difference', (home) => home.diff(CALL, 2, 3), { added: [{ path: '/b' }] }],
  ['a write that may make it', (home) => home.update(CALL, { updates: { z: 1 } }), { version: 4 }],
])('%s finds a retired context', async (_, use, expected) => {
  const { world, home } = await retired();
  const answer = await use(home.api);
  expect(answer).toMatchObject({ ok: true });
  if (Object.keys(expected).length > 0) expect((answer as { value: unknown }).value).toMatchObject(expected);
  expect(world.isRetired).toBe(false);
});

it('a retired context cannot be made again', async () => {
  const { home } = await retired();
  const context = { id: ID, name: 'main', scope: 'session' as const, ...OWNERS };
  expect(await home.create(CALL, context, {})).toMatchObject({
    failure: { code: 'context_exists', current: { version: 3 } },
  });
});
