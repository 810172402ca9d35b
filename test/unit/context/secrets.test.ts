import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Outcome } from '../../../src/protocol/common/errors.ts';
import type { ContextDiff } from '../../../src/protocol/context/context.ts';
import type { UpdateContextRequest } from '../../../src/protocol/context/requests.ts';
import { runs } from '../../support/seeds.ts';
import { valueIn } from '../../support/value-in.ts';
import { CALL } from './home.ts';
import { callOf, LEASED, REFS, SESSION, SecretWorld } from './secret-world.ts';

const NEEDLE = 'n33dle';
const MARKS = ['/token', 'creds', '/list/0/pin'];
const PLACES = ['/token', '/creds', '/creds/x', '/creds/y', '/list', '/list/0', '/list/0/pin', '/moved', '/deep'];

async function world() {
  const all = new SecretWorld();
  const { id, create } = await all.named('global');
  const data = { token: NEEDLE, creds: { x: NEEDLE, [NEEDLE]: 1 }, list: [{ id: 'a', pin: NEEDLE }], n: 0 };
  valueIn(await all.at('default', id).create(CALL, create!, data, MARKS));
  const update = (ref: string, request: UpdateContextRequest) =>
    all.on(ref, async (home) => home.update(CALL, request, (await all.named(ref)).create));
  return { all, data, update };
}

describe('secret values', () => {
  it('are shown to people who may write and to agents under a lease, and masked for all others', async () => {
    const { all, data } = await world();
    const read = async (call = CALL) => valueIn(await all.on('global', (home) => home.read(call)));
    expect((await read()).data).toEqual(data);
    expect((await read(LEASED)).data).toEqual(data);
    const masked = { token: '[secret]', creds: '[secret]', list: '[secret]', n: 0 };
    for (const call of [callOf('viewer'), callOf('agent')]) {
      expect(await read(call)).toMatchObject({ data: masked, secret_paths: ['/creds', '/list', '/token'] });
    }
    const key = (path: string, call = callOf('viewer')) => all.on('global', (home) => home.readKey(call, path));
    expect(valueIn(await key('/creds/x', CALL)).value).toBe(NEEDLE);
    expect(valueIn(await key('/creds/x'))).toMatchObject({ path: '/creds', value: '[secret]' });
    expect(await key('/creds/none')).toEqual(await key('/creds/x'));
  });

  it('are masked in history, differences, conflicts, errors and what is effective, also for those who may see them', async () => {
    const { all, update } = await world();
    await update('global', { updates: { token: `${NEEDLE}-2`, n: 1 } });
    const { items } = valueIn(await all.on('global', (home) => home.history(CALL)));
    expect(items[0]!.edits).toEqual([
      { path: '/token', value: '[secret]' },
      { path: '/n', value: 1 },
    ]);
    const stale = await update('global', { updates: { creds: { x: 'mine' }, n: 2 }, expected_version: 1 });
    expect(stale).toMatchObject({ ok: false, failure: { code: 'context_conflict' } });
    const again = await update('global', { updates: { token: 'mine', creds: { y: 1 } }, expected_version: 1 });
    expect(again).toMatchObject({
      failure: { current: { keys: [{ path: '/token', current: '[secret]', yours: '[secret]' }] } },
    });
    expect(valueIn(await all.on('global', (home) => home.diff(CALL, 1, 2)))).toEqual({
      ...{ added: [], removed: [] },
      changed: [
        { path: '/token', old: '[secret]', new: '[secret]' },
        { path: '/n', old: 0, new: 1 },
      ],
    });
    expect(valueIn(await all.effective(CALL)).data).toMatchObject({ token: '[secret]', creds: '[secret]' });
  });

  it('stay secret in the contexts that get them, whole or in part, and where a JSON Patch moves them', async () => {
    const { all, update } = await world();
    await update('global.other', { updates: { token: 'plain' } });
    valueIn(await all.merge(['global', 'global.other'], 'manual'));
    valueIn(await all.share('global', 'copy', ['creds/x']));
    const patch = [{ op: 'copy', from: '/creds/x', path: '/moved' }];
    valueIn(await all.on('global', (home) => home.update(CALL, { operations: patch as never })));
    const marks = async (ref: string) => valueIn(await all.on(ref, (home) => home.read(CALL))).secret_paths;
    expect(await marks('global.other')).toEqual(['/creds', '/list', '/token']);
    expect(await marks(`session.${SESSION}`)).toEqual(['/creds/x']);
    expect(await marks('global')).toEqual(['/creds', '/list', '/moved', '/token']);
  });

  it('are marked later, too, with their past, as a version of their own', async () => {
    const { all, update } = await world();
    await update('global', { updates: { later: NEEDLE } });
    const marked = valueIn(await update('global', { updates: {}, secret_paths: ['later'] }));
    expect(marked).toMatchObject({ version: 3, data: { later: NEEDLE } });
    expect(valueIn(await update('global', { updates: {}, secret_paths: ['later'] })).version).toBe(3);
    const { items } = valueIn(await all.on('global', (home) => home.history(CALL)));
    expect(items.map(({ edits }) => edits)).toEqual([[], [{ path: '/later', value: '[secret]' }]]);
    valueIn(await all.on('global', (home) => home.putKey(CALL, '/key', { value: NEEDLE, secret: true })));
    expect(await all.everything(['/key', '/later'])).not.toContain(NEEDLE);
  });

  it('are in no copy of Redis, also if they were before they were marked', async () => {
    const { all, update } = await world();
    const ref = `session.${SESSION}`;
    valueIn(await update(ref, { updates: { later: NEEDLE } }));
    const { id } = await all.named(ref);
    await all.home(id).advance(0);
    expect((await all.copies.get('default', id))?.text).toContain(NEEDLE);
    valueIn(await update(ref, { updates: {}, secret_paths: ['later'] }));
    await all.home(id).advance(0);
    expect(await all.copies.get('default', id)).toMatchObject({ text: null });
    valueIn(await all.on(ref, (home) => home.read(CALL)));
    await all.home(id).advance(100 * 86_400_000);
    expect(await all.copies.get('default', id)).toMatchObject({ text: null });
    expect(JSON.stringify([...all.archive.rows])).not.toContain(NEEDLE);
    expect(valueIn(await all.on(ref, (home) => home.read(CALL))).data).toEqual({ later: NEEDLE });
  });

  it('of two contexts are compared without a value, for a caller that may see those of both', async () => {
    const { all, update } = await world();
    const ref = `session.${SESSION}`;
    await update(ref, { updates: { token: 'other', creds: { y: 1 }, n: 1 }, secret_paths: ['token'] });
    const token = { path: '/token', old: '[secret]', new: '[secret]' };
    const paths = ({ added, changed, removed }: ContextDiff) =>
      [...added, ...changed, ...removed].map(({ path }) => path);
    const seen = valueIn(await all.diff(CALL, 'global', ref));
    expect(seen.changed).toContainEqual(token);
    expect(paths(seen)).toContain('/creds');
    expect(JSON.stringify(seen)).not.toContain(NEEDLE);
    expect(paths(valueIn(await all.diff(callOf('viewer'), 'global', ref)))).not.toContain('/token');
    await update(ref, { updates: valueIn(await all.on('global', (home) => home.read(CALL))).data });
    expect(paths(valueIn(await all.diff(CALL, 'global', ref)))).toEqual(['/creds']);
  });

  it('are not overwritten with the mask, and there is a bound of them', async () => {
    const { all, update } = await world();
    const before = valueIn(await all.on('global', (home) => home.read(CALL)));
    const refused = await update('global', { updates: { n: 5, creds: '[secret]' } });
    expect(refused).toMatchObject({ failure: { code: 'validation_failed', errors: [{ path: '/creds' }] } });
    const many = Array.from({ length: 98 }, (_, n) => `secret-${n}`);
    expect(await update('global', { updates: { n: 5 }, secret_paths: many })).toMatchObject({
      failure: { code: 'limit_reached' },
    });
    expect(valueIn(await all.on('global', (home) => home.read(CALL)))).toEqual(before);
  });

  it('are not merged by an agent that may not see them', async () => {
    const { all } = await world();
    const agent = callOf('agent');
    expect(await all.on('global', (home) => home.snapshot(agent, []))).toMatchObject({
      failure: { code: 'context_scope_mismatch', detail: expect.stringContaining('secret') },
    });
  });

  it('are forgotten with the context', async () => {
    const { all, update } = await world();
    await all.on('global', (home) => home.remove(CALL));
    const again = valueIn(await update('global', { updates: { token: 'plain' } }));
    expect(again).toMatchObject({ data: { token: 'plain' }, secret_paths: [] });
  });
});

/** What people do with contexts whose secrets are in the places that `world` has marked. */
const ref = fc.constantFrom(...REFS);
const secret = fc.constantFrom(NEEDLE, `${NEEDLE}-b`);
const strategy = fc.constantFrom('manual', 'deep_merge', 'last_write_wins', 'prefer_source', 'prefer_target');
const updates = fc.oneof(
  fc.record({ token: secret }),
  fc.record({ creds: fc.dictionary(fc.oneof(fc.constantFrom('x', 'y'), secret), secret, { maxKeys: 2 }) }),
  fc.record({ list: fc.array(fc.record({ id: fc.constantFrom('a', 'b'), pin: secret }), { maxLength: 2 }) }),
  fc.constantFrom({ token: null }, { creds: null }, { n: 1 }, { n: 2, deep: { k: 1 } }),
);
const moves = fc.record({
  op: fc.constantFrom('copy', 'move'),
  from: fc.constantFrom('/token', '/creds', '/creds/x', '/list', '/list/0', '/list/0/pin', '/moved'),
  path: fc.constantFrom('/moved', '/deep/a', '/arr/-', '/token', '/moved/inner'),
});
const plain = fc.constantFrom({ token: 'p' }, { creds: { x: 'p' } }, { creds: 'p' }, { list: [{ id: 'a', pin: 1 }] });
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('update' as const), updates, stale: fc.boolean() }) },
  fc.record({ do: fc.constant('move' as const), moves }),
  fc.record({ do: fc.constant('plain' as const), plain, ref: fc.constantFrom(...REFS.slice(1)) }),
  fc.record({ do: fc.constant('merge' as const), from: ref, to: ref, strategy }),
  fc.record({ do: fc.constant('share' as const), keys: fc.option(fc.constantFrom(['creds/x'], ['token'], ['list'])) }),
  fc.record({ do: fc.constant('link' as const) }),
  fc.record({ do: fc.constant('promote' as const) }),
  fc.record({ do: fc.constant('revert' as const), version: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('resolve' as const), ref, n: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ do: fc.constant('watch' as const), ref, path: fc.constantFrom('', ...PLACES) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

test('no secret ever leaves its home for a caller that may not see it, or for a place where nobody may', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const { all, update } = await world();
      const refusals: unknown[] = [];
      for (const one of steps) {
        const outcome = await perform(one, all, update).catch((error: unknown) => ({ thrown: String(error) }));
        if (!(outcome as Outcome<unknown>)?.ok) refusals.push(outcome);
      }
      expect(JSON.stringify(refusals)).not.toContain(NEEDLE);
      expect(await all.everything(PLACES)).not.toContain(NEEDLE);
    }),
    runs(60),
  );
});

function perform(one: Step, all: SecretWorld, update: Awaited<ReturnType<typeof world>>['update']): Promise<unknown> {
  switch (one.do) {
    case 'update':
      return update('global', { updates: one.updates, ...(one.stale && { expected_version: 1 }) });
    case 'move':
      return all.on('global', (home) => home.update(CALL, { operations: [one.moves] as never }));
    case 'plain':
      return update(one.ref, { updates: one.plain });
    case 'merge':
      return all.merge([one.from, one.to], one.strategy as never);
    case 'share':
      return all.share('global', 'copy', one.keys ? [...one.keys] : undefined);
    case 'link':
      return all.share('global', 'link');
    case 'promote':
      return all.promote(`session.${SESSION}`);
    case 'revert':
      return all.on('global', (home) => home.revert(CALL, { version: one.version }));
    case 'resolve':
      return all.on(one.ref, (home) => home.resolve(CALL, one.n, { choose: 'source' }));
    case 'watch':
      return all.watch(one.ref, one.path);
  }
}
