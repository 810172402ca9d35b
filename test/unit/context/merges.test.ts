import { describe, expect, it } from 'vitest';
import { effectiveContext } from '../../../src/application/context/effective-context.ts';
import { contextAt, contextOf } from '../../../src/application/context/identity.ts';
import { mergeContexts } from '../../../src/application/context/merge-contexts.ts';
import { promoteContext, shareContext } from '../../../src/application/context/share-context.ts';
import type { Call } from '../../../src/ports/calls.ts';
import { ok, refuse } from '../../../src/protocol/common/errors.ts';
import type { ContextData } from '../../../src/protocol/context/context.ts';
import type { MergeStrategy, ShareContextRequest } from '../../../src/protocol/context/merge.ts';
import { CountingPlatform } from '../../bench/counting-platform.ts';
import { ContextsInProcess } from '../../support/contexts-in-process.ts';
import { everyStatement } from '../../support/every-statement.ts';
import { valueIn } from '../../support/value-in.ts';
import { callIn } from '../ports/workspace.contract.ts';
import { CALL, home, update } from './home.ts';

const SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';

/** Contexts whose owners exist. */
function world() {
  const contexts = new ContextsInProcess();
  const owners = {
    contexts,
    sessions: { at: () => ({ read: async () => ok(null) }) } as never,
    agentRegistries: { of: () => ({ agent: async () => ok(null) }) } as never,
  };
  const write = async (ref: string, updates: ContextData) => {
    const { home: found, create } = await contextAt(contexts, CALL, ref);
    return valueIn(await found.update(CALL, { updates }, create));
  };
  const read = async (ref: string) => valueIn(await (await contextAt(contexts, CALL, ref)).home.read(CALL));
  const conflicts = async (ref: string) =>
    valueIn(await (await contextAt(contexts, CALL, ref)).home.conflicts(CALL)).items;
  const resolve = async (ref: string, n: number, request: { choose?: 'current' | 'source'; value?: unknown }) =>
    (await contextAt(contexts, CALL, ref)).home.resolve(CALL, n, request);
  const merge = (context_ids: string[], strategy: MergeStrategy = 'manual', call: Call = CALL) =>
    mergeContexts(contexts, call, { context_ids, strategy });
  return { contexts, owners, write, read, conflicts, resolve, merge };
}

describe('a merge', () => {
  it('without a common ancestor adds what is missing, and leaves what differs open until it is decided', async () => {
    const { write, read, conflicts, resolve, merge } = world();
    const source = await write('global.source', { a: 1, b: { x: 1 }, same: [] });
    await write('global', { a: 2, b: { y: 1 }, same: [] });
    const merged = valueIn(await merge(['global.source', 'global']));
    expect(merged).toMatchObject({
      ...{ name: 'main', version: 2, data: { a: 2, b: { x: 1, y: 1 }, same: [] }, open_conflicts: 1 },
      parents: [{ id: source.id, version: 1, own_version: 2, keys: null }],
    });
    const open = await conflicts('global');
    expect(open).toMatchObject([{ n: 1, path: '/a', current: 2, source: 1, source_id: source.id, at_version: 2 }]);
    expect(open[0]).not.toHaveProperty('base');
    const resolved = valueIn(await resolve('global', 1, { choose: 'source' }));
    expect(resolved).toMatchObject({ version: 3, data: { a: 1 }, open_conflicts: 0 });
    expect(await resolve('global', 1, { choose: 'source' })).toMatchObject({ failure: { code: 'not_found' } });
    expect(valueIn(await merge(['global.source', 'global']))).toMatchObject({ version: 3, open_conflicts: 0 });
    expect(await read('global.source')).toEqual(source);
  });

  it('leaves nothing of its context to the next one with that name', async () => {
    const { contexts, write, read, merge } = world();
    await write('global.source', { a: 1 });
    const { id } = await write('global', { a: 2 });
    expect(valueIn(await merge(['global.source', 'global']))).toMatchObject({ open_conflicts: 1 });
    expect(await read('global')).toMatchObject({ parents: [{ version: 1 }], open_conflicts: 1 });
    valueIn(await contexts.home(id).call('remove', CALL));
    await write('global', { a: 3 });
    expect(await read('global')).toMatchObject({ parents: [], open_conflicts: 0 });
  });

  it('that is repeated gets its first answer, also after its source was deleted', async () => {
    const { contexts, write, merge } = world();
    const source = await write('global.source', { a: 1 });
    await write('global', { b: 1 });
    const again = callIn('default', 'again');
    const first = valueIn(await merge(['global.source', 'global'], 'manual', again));
    await write('global', { b: 2 });
    valueIn(await contexts.home(source.id).call('remove', CALL));
    expect(valueIn(await merge(['global.source', 'global'], 'manual', again))).toEqual(first);
    const other = await merge(['global.source', 'global'], 'manual', callIn('default', 'other'));
    expect(other).toMatchObject({ failure: { code: 'context_not_found' } });
    expect(await merge(['global.source', 'global'])).toMatchObject({ failure: { code: 'context_not_found' } });
  });

  it('finds the version that was merged last without reading the history', async () => {
    const platform = new CountingPlatform();
    const source = home({ n: 0 }, platform);
    valueIn(await source.call('snapshot', CALL, []));
    for (let n = 1; n <= 50; n++) valueIn(update(source, { n }));
    const before = platform.writes.statements;
    expect(valueIn(await source.call('snapshot', CALL, [1])).versions).toEqual([{ n: 0 }]);
    // That of the parents.
    expect(platform.writes.statements - before).toBe(1);
  });

  it('closes a conflict of an earlier one if both sides have the same there by now', async () => {
    for (const [side, decided] of [
      ['global', { a: 1, b: null }],
      ['global.source', { a: 2, b: null }],
    ] as const) {
      const { write, conflicts, merge } = world();
      await write('global.source', { a: 1, b: 1, c: 1 });
      await write('global', { a: 2, b: 2, c: 2 });
      valueIn(await merge(['global.source', 'global']));
      await write(side === 'global' ? 'global.source' : 'global', { b: null });
      await write(side, decided);
      expect(valueIn(await merge(['global.source', 'global'])).open_conflicts).toBe(1);
      expect(await conflicts('global')).toMatchObject([{ path: '/c', current: 2, source: 1 }]);
    }
  });

  it('after another one is three-way: what one side alone has changed is taken, removals too', async () => {
    const { write, merge, conflicts } = world();
    await write('global.source', { a: 1, b: 1, c: 1, text: 'one\ntwo\nthree' });
    await write('global', {});
    valueIn(await merge(['global.source', 'global']));
    await write('global.source', { a: 2, b: null, c: 2, text: '1\ntwo\nthree' });
    await write('global', { c: 3, d: 1, text: 'one\ntwo\n3' });
    const merged = valueIn(await merge(['global.source', 'global']));
    expect(merged.data).toEqual({ a: 2, c: 3, d: 1, text: '1\ntwo\n3' });
    expect(await conflicts('global')).toMatchObject([{ path: '/c', base: 1, current: 3, source: 2 }]);
    // And back: the target has everything of the source by now.
    const back = valueIn(await merge(['global', 'global.source']));
    expect(back.data).toEqual(merged.data);
    expect(back.open_conflicts).toBe(0);
  });

  it('of two copies goes out from what they were copied from', async () => {
    const { owners, contexts, write, merge } = world();
    await write('global.plan', { a: 1, b: 1 });
    for (const name of ['x', 'y']) {
      const share = { target_session_id: SESSION, mode: 'copy', name } as const;
      valueIn(await shareContext(owners, CALL, 'global.plan', share));
    }
    await write(`session.${SESSION}.x`, { a: 2 });
    await write(`session.${SESSION}.y`, { b: 2 });
    const merged = valueIn(await merge([`session.${SESSION}.x`, `session.${SESSION}.y`]));
    expect(merged).toMatchObject({ data: { a: 2, b: 2 }, open_conflicts: 0 });
    expect(contexts.homes.size).toBe(3);
  });

  it('whose ancestor is no longer kept overwrites nothing', async () => {
    const { write, merge, conflicts } = world();
    await write('global.source', { a: 1, b: 1, old: 1 });
    await write('global', {});
    valueIn(await merge(['global.source', 'global']));
    for (let n = 0; n < 420; n++) await write('global.source', { n, a: 2 });
    await write('global', { old: 2, b: 5 });
    const merged = valueIn(await merge(['global.source', 'global']));
    expect(merged.data).toEqual({ a: 1, b: 5, old: 2 });
    expect((await conflicts('global')).map(({ path }) => path).sort()).toEqual(['/a', '/n']);
  });

  it('with a strategy decides all, and names its sources in the history', async () => {
    const { contexts, write, merge } = world();
    const first = await write('global.one', { a: 1, list: [1] });
    const second = await write('global.two', { a: 2, list: [2] });
    await write('global', { list: [3] });
    const merged = valueIn(await merge(['global.one', 'global.two', 'global'], 'deep_merge'));
    expect(merged).toMatchObject({ data: { a: 2, list: [3, 1, 2] }, open_conflicts: 0 });
    const { home: main } = await contextAt(contexts, CALL, 'global');
    expect(valueIn(await main.history(CALL)).items[0]).toMatchObject({
      merged: [
        { id: first.id, version: 1 },
        { id: second.id, version: 1 },
      ],
    });
  });

  it('is found again if somebody merges the same contexts meanwhile, and is done once for one key', async () => {
    const { contexts, write, merge } = world();
    await write('global.source', { a: 1 });
    const target = await write('global', { b: 1 });
    let between = 0;
    contexts.before = async (id, method) => {
      if (id !== target.id || method !== 'merge' || between++ > 0) return;
      valueIn(await merge(['global.source', 'global']));
      await write('global.source', { a: 2 });
    };
    const call = callIn('default', 'once');
    const merged = valueIn(await merge(['global.source', 'global'], 'manual', call));
    expect(merged).toMatchObject({ data: { a: 2, b: 1 }, open_conflicts: 0 });
    expect(between).toBe(3);
    contexts.before = () => {};
    await write('global', { c: 1 });
    expect(valueIn(await merge(['global.source', 'global'], 'manual', call)).version).toBe(merged.version);
  });

  it('that is interrupted has changed nothing', async () => {
    const { contexts, write, read, merge } = world();
    await write('global.source', { a: 1 });
    const target = await write('global', { b: 1 });
    contexts.before = (_, method) => {
      if (method === 'merge') throw new Error('lost');
    };
    await expect(merge(['global.source', 'global'])).rejects.toThrow('lost');
    contexts.before = () => {};
    expect(await read('global')).toEqual(target);
  });

  it.each([
    ['of one context with itself', ['global', 'global'], 'validation_failed'],
    ['with one that does not exist', ['global.none', 'global'], 'context_not_found'],
    ['into one that does not exist', ['global', 'global.none'], 'context_not_found'],
  ])('%s is refused', async (_, ids, code) => {
    const { write, merge } = world();
    await write('global', {});
    const detail = expect.stringMatching(code === 'context_not_found' ? 'global.none' : '');
    expect(await merge(ids)).toMatchObject({ failure: { code, detail } });
  });

  it('and the answer to a conflict are atomic', async () => {
    const stamps = { stamp: { version: 1, at: 1, by: 'x' } };
    const source = {
      id: 'S',
      version: 1,
      data: { a: 2, b: 1 },
      secret_paths: [],
      stamps,
      keys: null,
      base: null,
      taken: null,
    };
    const state = ({ runtime }: ReturnType<typeof home>) => [runtime.read(CALL), runtime.conflicts(CALL)];
    await everyStatement(
      (platform) => home({ a: 1 }, platform),
      ({ runtime }) => runtime.merge(CALL, { strategy: 'manual', sources: [source] }),
      state,
    );
    await everyStatement(
      (platform) => {
        const context = home({ a: 1 }, platform);
        valueIn(context.runtime.merge(CALL, { strategy: 'manual', sources: [source] }));
        return context;
      },
      ({ runtime }) => runtime.resolve(CALL, 1, { choose: 'source' }),
      state,
    );
  });

  it('leaves a conflict open if somebody has changed its place since, and says so', async () => {
    const stamps = { stamp: { version: 1, at: 1, by: 'x' } };
    const source = {
      id: 'S',
      version: 1,
      data: { a: 2 },
      secret_paths: [],
      stamps,
      keys: null,
      base: null,
      taken: null,
    };
    const context = home({ a: 1 });
    valueIn(context.runtime.merge(CALL, { strategy: 'manual', sources: [source] }));
    update(context, { a: 3, other: 1 });
    expect(context.runtime.resolve(CALL, 1, { choose: 'source' })).toMatchObject({
      failure: {
        code: 'context_conflict',
        detail: expect.stringContaining('Choose current to keep what it has now.'),
        current: { version: 2, keys: [{ path: '/a', current: 3, yours: 2 }] },
      },
    });
    expect(valueIn(context.runtime.resolve({ ...CALL, if_match: [2] }, 1, { value: 9 })).data.a).toBe(9);
  });
});

describe('a share', () => {
  it('as a copy has the given places, and takes later changes of them without conflicts', async () => {
    const { owners, write } = world();
    await write('global', { a: { x: 1 }, b: 1 });
    const share = () =>
      shareContext(owners, CALL, 'global', { target_session_id: SESSION, mode: 'copy', keys: ['a'], name: 'got' });
    expect(valueIn(await share())).toMatchObject({ scope: 'session', name: 'got', version: 1, data: { a: { x: 1 } } });
    await write('global', { a: { x: 2 }, b: 2 });
    expect(valueIn(await share())).toMatchObject({ data: { a: { x: 2 } }, open_conflicts: 0 });
  });

  it('and a promotion of places that give nothing are refused with their names, and make no context', async () => {
    const { owners, contexts, write } = world();
    const ref = `session.${SESSION}`;
    await write(ref, { a: { b: [{ c: 1 }] } });
    const keys = ['a/b', 'typo', 'a/b/0', 'a/b/0/c', 'a/b/9', '/a/x'];
    const errors = [1, 2, 3, 4, 5].map((n) => ({
      path: `keys.${n}`,
      message: expect.stringMatching(n === 1 || n === 5 ? 'names nothing' : 'into an array'),
    }));
    const refused = { failure: { code: 'validation_failed', errors } };
    for (const mode of ['copy', 'link'] as const) {
      const request = { target_session_id: SESSION, mode, name: 'got', keys };
      expect(await shareContext(owners, CALL, ref, request)).toMatchObject(refused);
    }
    expect(await promoteContext(owners, CALL, ref, { scope: 'global', keys })).toMatchObject(refused);
    for (const made of [`${ref}.got`, 'global']) {
      const { home: none } = await contextAt(contexts, CALL, made);
      expect(await none.read(CALL)).toMatchObject({ failure: { code: 'context_not_found' } });
    }
  });

  it('as a link shows what the context has at each read', async () => {
    const { owners, contexts, write } = world();
    const linked = await write('global.plan', { step: 1, secret: 1 });
    const request: ShareContextRequest = { target_session_id: SESSION, mode: 'link', keys: ['/step'] };
    const target = valueIn(await shareContext(owners, CALL, 'global.plan', request));
    expect(target).toMatchObject({ name: 'main', version: 1, data: {}, links: [{ id: linked.id, keys: ['/step'] }] });
    await write('global.plan', { step: 2 });
    const effective = async () => valueIn(await effectiveContext(contexts, CALL, { session_id: SESSION })).data;
    expect(await effective()).toEqual({ step: 2 });
    await write(`session.${SESSION}`, { step: 3 });
    expect(await effective()).toEqual({ step: 3 });
    await write(`session.${SESSION}`, { step: null });
    valueIn(await (await contextAt(contexts, CALL, target.id)).home.unlink(CALL, linked.id));
    expect(await effective()).toEqual({});
  });
});

it('what cannot be read now is neither left out of what is effective, nor taken for no ancestor', async () => {
  const { owners, contexts, write, read, merge } = world();
  const plan = await write('global.plan', { a: 1, b: 1 });
  for (const name of ['x', 'y'])
    valueIn(await shareContext(owners, CALL, 'global.plan', { target_session_id: SESSION, mode: 'copy', name }));
  await write(`session.${SESSION}.x`, { a: 2 });
  const target = await write(`session.${SESSION}.y`, { b: 2 });
  valueIn(await shareContext(owners, CALL, 'global.plan', { target_session_id: SESSION, mode: 'link', name: 'main' }));
  const at = contexts.at.bind(contexts);
  const away = async () => refuse('unavailable', 'Postgres does not answer.', { retry_after_seconds: 1 });
  contexts.at = (workspace, id) =>
    id === plan.id ? ({ snapshot: away, readMasked: away } as never) : at(workspace, id);
  const unavailable = { failure: { code: 'unavailable', retry_after_seconds: 1 } };
  expect(await effectiveContext(contexts, CALL, { session_id: SESSION })).toMatchObject(unavailable);
  const both = [`session.${SESSION}.x`, `session.${SESSION}.y`];
  expect(await merge(both, 'prefer_source')).toMatchObject(unavailable);
  expect(await read(both[1]!)).toEqual(target);
  contexts.at = at;
  expect(valueIn(await merge(both, 'prefer_source')).data).toEqual({ a: 2, b: 2 });
});

describe('the condition of a share, a promotion and the end of a link', () => {
  it('is about the context that is given, or has the link, and not about the one that gets it', async () => {
    const { owners, contexts, write, read } = world();
    await write('global.plan', { a: 1 });
    await write('global.plan', { a: 2 });
    const own = await write(`session.${SESSION}`, { b: 1 });
    const [stale, fresh] = [1, 2].map((version) => ({ ...CALL, if_match: [version] })) as [Call, Call];
    for (const mode of ['link', 'copy'] as const) {
      const share = (call: Call) =>
        shareContext(owners, call, 'global.plan', { target_session_id: SESSION, mode, name: 'main' });
      const before = await read(`session.${SESSION}`);
      expect(await share(stale)).toMatchObject({ failure: { code: 'context_conflict', current: { version: 2 } } });
      expect(await read(`session.${SESSION}`)).toEqual(before);
      expect(valueIn(await share(fresh)).id).toBe(own.id);
    }
    const { home: linked } = await contextAt(contexts, CALL, own.id);
    const { id } = (await read(own.id)).links[0]!;
    expect(await linked.unlink(stale, id)).toMatchObject({ failure: { code: 'context_conflict' } });
    expect(await linked.unlink(fresh, id)).toMatchObject({ ok: true });
    const promote = (call: Call) => promoteContext(owners, call, own.id, { scope: 'global' });
    expect(await promote(stale)).toMatchObject({ failure: { code: 'context_conflict', current: { version: 2 } } });
    expect(valueIn(await promote(fresh))).toMatchObject({ scope: 'global', version: 1 });
  });
});

describe('a promotion', () => {
  it('gives a wider scope what is in a context, and overwrites nothing', async () => {
    const { owners, write, read } = world();
    await write(`session.${SESSION}`, { a: 1, b: 1 });
    await write('global', { a: 2 });
    const promoted = valueIn(await promoteContext(owners, CALL, `session.${SESSION}`, { scope: 'global' }));
    expect(promoted).toMatchObject({ scope: 'global', data: { a: 2, b: 1 }, open_conflicts: 1 });
    expect(await read(`session.${SESSION}`)).toMatchObject({ version: 1, data: { a: 1, b: 1 } });
    const back = await promoteContext(owners, CALL, 'global', { scope: 'session', session_id: SESSION });
    expect(back).toMatchObject({ failure: { code: 'context_scope_mismatch' } });
  });
});

it('what is effective is of each key the nearest value, and says whence it is', async () => {
  const { contexts, write } = world();
  const agent_id = '8a52f0e1-3f0e-4f0c-9d0b-0d6f3a1b2c3d';
  const owner = { scope: 'temporary', session_id: SESSION, agent_id: null, name: 'main' } as const;
  const { home: near, create } = await contextOf(contexts, CALL, owner);
  const temporary = valueIn(await near.create(CALL, create!, { a: { t: 1 } }));
  const session = await write(`session.${SESSION}`, { a: { t: 2, s: 2 }, list: [] });
  const own = await write(`agent.${agent_id}`, { a: { s: 3, g: 3 }, list: [1] });
  const global = await write('global', { a: { g: 4, w: 0 }, only: { here: 1 } });
  const effective = valueIn(await effectiveContext(contexts, CALL, { session_id: SESSION, agent_id }));
  expect(effective.data).toEqual({ a: { t: 1, s: 2, g: 3, w: 0 }, list: [], only: { here: 1 } });
  expect(effective.layers.map(({ context_id }) => context_id)).toEqual([temporary.id, session.id, own.id, global.id]);
  expect(Object.fromEntries(effective.origins.map(({ path, context_id }) => [path, context_id]))).toEqual({
    ...{ '/a/t': temporary.id, '/a/s': session.id, '/a/g': own.id, '/a/w': global.id },
    ...{ '/list': session.id, '/only': global.id },
  });
  expect(valueIn(await effectiveContext(contexts, CALL, {})).data).toEqual(global.data);
  const agent: Call = { ...CALL, principal: { ...CALL.principal, role: 'agent' } };
  expect(await effectiveContext(contexts, agent, { session_id: SESSION })).toMatchObject({
    failure: { code: 'context_scope_mismatch' },
  });
});
