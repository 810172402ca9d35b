import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { applyEdits, applyMergePatch } from '../../../src/domain/context/edits.ts';
import type { JsonObject } from '../../../src/domain/context/json.ts';
import type { Call } from '../../../src/ports/calls.ts';
import type { PageQuery } from '../../../src/protocol/common/page.ts';
import type { ContextData } from '../../../src/protocol/context/context.ts';
import { ContextInProcess } from '../../support/context-in-process.ts';
import { everyStatement } from '../../support/every-statement.ts';
import { InjectedFault, type NodePlatform } from '../../support/node-platform.ts';
import { runs } from '../../support/seeds.ts';
import { valueIn } from '../../support/value-in.ts';
import { contextValue } from '../domain/context/context.arbitrary.ts';
import { callIn } from '../ports/workspace.contract.ts';
import { CALL, CONTEXT, home, update } from './home.ts';

describe('versions', () => {
  it('start at 1, and each change makes the next one, with who and what', () => {
    const context = home({ a: 1 });
    expect(valueIn(context.runtime.read(CALL))).toMatchObject({ version: 1, data: { a: 1 } });
    expect(valueIn(update(context, { b: { c: [] } }))).toMatchObject({ version: 2, data: { a: 1, b: { c: [] } } });
    expect(valueIn(update(context, { a: null }))).toMatchObject({ version: 3, data: { b: { c: [] } } });
    const { items, base_version } = valueIn(context.runtime.history(CALL));
    expect(base_version).toBe(1);
    expect(items).toMatchObject([
      { version: 3, by: { token_id: 'static' }, edits: [{ path: '/a' }] },
      { version: 2, by: { token_id: 'static' }, edits: [{ path: '/b', value: { c: [] } }] },
    ]);
    expect(items[0]!.edits[0]).not.toHaveProperty('value');
    expect(valueIn(context.runtime.read(CALL, 2)).data).toEqual({ a: 1, b: { c: [] } });
  });

  it('a change that changes nothing makes none, and writes nothing', () => {
    const context = home({ a: 1 });
    const before = context.platform.dump();
    expect(valueIn(update(context, { a: 1, b: null }))).toMatchObject({ version: 1 });
    expect(context.platform.dump()).toEqual(before);
  });

  it('a change writes one row', () => {
    const context = home({ a: 1 });
    const before = context.platform.dump();
    update(context, { b: 1 });
    const after = context.platform.dump() as Record<string, unknown[]>;
    expect(after).toEqual({ ...before, changes: [expect.anything()] });
  });

  it('a repeat with the same idempotency key changes nothing more', () => {
    const context = home();
    const call = callIn('default', 'once');
    const first = update(context, { n: 1 }, undefined, call);
    update(context, { n: 2 });
    expect(update(context, { n: 1 }, undefined, call)).toEqual(first);
    expect(valueIn(context.runtime.read(CALL))).toMatchObject({ version: 3, data: { n: 2 } });
  });

  it('a change of a full context can be repeated, and keeps little for it', () => {
    const context = home(Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, 'x'.repeat(262_100)])));
    const call = callIn('default', 'once');
    const first = valueIn(update(context, { n: 1 }, undefined, call));
    update(context, { n: 2 });
    expect(valueIn(update(context, { n: 1 }, undefined, call))).toEqual(first);
    expect(JSON.stringify(context.platform.dump()).length).toBeLessThan(1_060_000);
  });

  it('a revert is a new version with the data of an older one', () => {
    const context = home({ a: 1 });
    update(context, { a: 2, b: 3 });
    expect(valueIn(context.runtime.revert(CALL, { version: 1 }))).toMatchObject({ version: 3, data: { a: 1 } });
    expect(context.runtime.revert(CALL, { version: 9 })).toMatchObject({ failure: { code: 'validation_failed' } });
    expect(valueIn(context.runtime.diff(CALL, 2, 3))).toEqual({
      added: [],
      changed: [{ path: '/a', old: 2, new: 1 }],
      removed: [{ path: '/b', value: 3 }],
    });
  });

  it('the oldest changes become the base, from which no older version can be read', () => {
    const context = home();
    for (let n = 1; n <= 500; n++) update(context, { n });
    context.evict();
    expect(valueIn(context.runtime.read(CALL))).toMatchObject({ version: 501, data: { n: 500 } });
    const { base_version } = valueIn(context.runtime.history(CALL));
    expect(base_version).toBe(201);
    expect(valueIn(context.runtime.read(CALL, base_version)).data).toEqual({ n: 200 });
    expect(context.runtime.read(CALL, base_version - 1)).toMatchObject({ failure: { code: 'validation_failed' } });
    // Who changed which place last is known also beyond the base.
    expect(update(context, { other: 1 }, 150)).toMatchObject({ failure: { current: { can_merge: true } } });
  });
});

describe('a writer that has not seen the newest version', () => {
  it('is told what others have changed, and whether its change can be merged', () => {
    const context = home({ a: 1, b: 1 });
    update(context, { a: 2 });
    expect(update(context, { a: 3, b: 3 }, 1)).toMatchObject({
      failure: {
        code: 'context_conflict',
        current: { version: 2, can_merge: false, keys: [{ path: '/a', current: 2, yours: 3 }] },
      },
    });
    expect(update(context, { b: 3 }, 1)).toMatchObject({
      failure: { current: { version: 2, can_merge: true, keys: [] } },
    });
    expect(valueIn(update(context, { b: 3 }, 2))).toMatchObject({ version: 3, data: { a: 2, b: 3 } });
    expect(context.runtime.remove({ ...CALL, if_match: [2] })).toMatchObject({ failure: { code: 'context_conflict' } });
  });

  it('conflicts also with a change above or below its place', () => {
    const context = home({ a: { b: 1 } });
    update(context, { a: 5 });
    expect(update(context, { a: { b: 2 } }, 1)).toMatchObject({ failure: { current: { can_merge: false } } });
    const other = home({ a: { b: 1 } });
    update(other, { a: { b: 2 } });
    expect(update(other, { a: null }, 1)).toMatchObject({ failure: { current: { can_merge: false } } });
  });

  it('loses nothing of others without an expected version, if the places differ', () => {
    const context = home({ a: 1, b: 1 });
    update(context, { a: 2 });
    expect(valueIn(update(context, { b: 2 })).data).toEqual({ a: 2, b: 2 });
  });
});

test('a page of long changes, or of long conflicts, has fewer of them, and the next one goes on', () => {
  const context = home({ a: 0 });
  const stamps = { stamp: { version: 1, at: 1, by: 'x' } };
  const of = { version: 1, secret_paths: [], stamps, keys: null, base: null, taken: null };
  for (let n = 1; n <= 50; n++) {
    update(context, { a: `${n}${'ü'.repeat(100_000)}` });
    const source = { ...of, id: `S${n}`, data: { a: `${n}${'x'.repeat(200_000)}` } };
    valueIn(context.runtime.merge(CALL, { strategy: 'manual', sources: [source] }));
  }
  const { runtime } = context;
  const changes = (page: PageQuery) => {
    const { items, next_cursor } = valueIn(runtime.history(CALL, page));
    return { ids: items.map(({ version }) => version), chars: JSON.stringify(items).length, next_cursor };
  };
  const conflicts = (page: PageQuery) => {
    const { items, next_cursor } = valueIn(runtime.conflicts(CALL, page));
    return { ids: items.map(({ n }) => n), chars: JSON.stringify(items).length, next_cursor };
  };
  for (const read of [changes, conflicts]) {
    const seen: number[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const { ids, chars, next_cursor } = read({ page_size: 100, ...(cursor && { cursor }) });
      expect(chars).toBeLessThan(10_000_000);
      seen.push(...ids);
      cursor = next_cursor;
    }
    expect(seen).toHaveLength(50);
    expect(new Set(seen).size).toBe(50);
  }
});

test('of two conditions of a change, both count', () => {
  const context = home({ a: 1 });
  update(context, { a: 2 });
  const call = { ...CALL, if_match: [2] };
  expect(update(context, { b: 1 }, 1, call)).toMatchObject({ failure: { code: 'context_conflict' } });
  expect(valueIn(update(context, { b: 1 }, 2, call)).version).toBe(3);
});

test.each<[ContextData]>([
  [{ big: 'x'.repeat(300_000) }],
  [JSON.parse('{"constructor": {"a": 1}}')],
  [JSON.parse('{"b": {"__proto__": {"a": 1}}}')],
  [Object.fromEntries(Array.from({ length: 5 }, (_, n) => [`part${n}`, 'x'.repeat(250_000)]))],
])('data that is out of bounds is refused, and changes nothing', (data) => {
  const context = home({ a: 1 });
  const before = context.platform.dump();
  expect(update(context, data)).toMatchObject({ failure: { code: 'validation_failed' } });
  expect(context.platform.dump()).toEqual(before);
  const fresh = new ContextInProcess();
  expect(fresh.runtime.create(CALL, CONTEXT, data)).toMatchObject({ ok: false });
});

test('a name that would change a prototype is refused below an object that is there, and makes no version', () => {
  const context = home({ a: {} });
  const value = JSON.parse('{"__proto__":{"x":1}}');
  expect(update(context, { a: value })).toMatchObject({ failure: { code: 'validation_failed' } });
  expect(context.runtime.putKey(CALL, '/a', { value })).toMatchObject({ failure: { code: 'validation_failed' } });
  expect(valueIn(context.runtime.read(CALL))).toMatchObject({ version: 1, data: { a: {} } });
});

test('a deleted context is not found, and its data is gone', () => {
  const context = home({ gone: 'x' });
  update(context, { gone: 'y' });
  expect(context.runtime.remove(CALL)).toMatchObject({ ok: true });
  expect(JSON.stringify(context.platform.dump())).not.toContain('gone');
  expect(context.runtime.read(CALL)).toMatchObject({ failure: { code: 'context_not_found' } });
  expect(update(context, { a: 1 })).toMatchObject({ failure: { code: 'context_not_found' } });
});

describe('a name', () => {
  it('is taken while its context exists, and free after its deletion; versions go on', () => {
    const context = home({ a: 1 });
    update(context, { a: 2 });
    expect(context.runtime.create(CALL, CONTEXT, { b: 1 })).toMatchObject({
      failure: { code: 'context_exists', current: { id: CONTEXT.id, version: 2 } },
    });
    valueIn(context.runtime.remove(CALL));
    context.evict();
    expect(valueIn(context.runtime.create(CALL, CONTEXT, { b: 1 }))).toMatchObject({ version: 3, data: { b: 1 } });
    expect(update(context, { b: 2 }, 2)).toMatchObject({ failure: { current: { version: 3, can_merge: false } } });
    expect(valueIn(context.runtime.history(CALL))).toMatchObject({ items: [], base_version: 3 });
  });

  it('gets its context by the first write, but not by one that has seen another version', () => {
    const context = new ContextInProcess();
    const write = (expected_version?: number, call: Call = CALL) =>
      context.runtime.update(call, { updates: { a: 1, b: null }, expected_version }, CONTEXT);
    expect(write(1)).toMatchObject({ failure: { code: 'context_not_found' } });
    expect(context.runtime.update(CALL, { updates: { a: 1 } })).toMatchObject({ ok: false });
    expect(context.platform.dump()).toEqual(new ContextInProcess().platform.dump());
    const once = callIn('default', 'once');
    const first = write(undefined, once);
    expect(valueIn(first)).toMatchObject({ version: 1, data: { a: 1 }, name: 'main', scope: 'global' });
    expect(valueIn(write())).toMatchObject({ version: 1 });
    expect(write(undefined, once)).toEqual(first);
  });
});

describe('each change of a context is atomic', () => {
  test.each<[string, (context: ContextInProcess) => unknown]>([
    ['an update', (context) => update(context, { a: 2 })],
    ['a revert', ({ runtime }) => runtime.revert(CALL, { version: 1 })],
    ['a deletion', ({ runtime }) => runtime.remove(CALL)],
  ])('%s', async (_, mutate) => {
    const setup = (platform: NodePlatform) => {
      const context = home({ a: 1 }, platform);
      update(context, { b: 1 });
      return context;
    };
    await everyStatement(setup, mutate, ({ runtime }) => {
      const read = runtime.read(CALL);
      return read.ok ? [read.value.version, read.value.data] : read;
    });
  });
});

/** One of many writers does one thing, or something happens to the home. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('write' as const), patch: contextValue, behind: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.constant({ type: 'evict' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('fault' as const),
      patch: contextValue,
      at: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('revert' as const), back: fc.nat(3) }) },
);

test('through any writes, evictions and faults, no update is lost, versions have no gap, and the history gives the value', () => {
  fc.assert(
    fc.property(contextValue, fc.array(step, { maxLength: 40 }), (initial, steps) => {
      const context = home(initial);
      context.platform.logger = () => {};
      const versions: JsonObject[] = [initial];
      const newest = () => versions.at(-1)!;
      for (const action of steps) {
        if (action.type === 'evict') context.evict();
        else if (action.type === 'revert') {
          const version = Math.max(1, versions.length - action.back);
          const { version: now, data } = valueIn(context.runtime.revert(CALL, { version }));
          expect(data).toEqual(versions[version - 1]);
          if (now > versions.length) versions.push(data as JsonObject);
        } else if (action.type === 'fault') {
          context.platform.failAt(action.at);
          try {
            const done = update(context, action.patch);
            if (done.ok && done.value.version > versions.length) versions.push(done.value.data as JsonObject);
          } catch (error) {
            expect(error).toBeInstanceOf(InjectedFault);
          }
          context.platform.failAt(Number.POSITIVE_INFINITY);
        } else {
          const seen = Math.max(1, versions.length - action.behind);
          const done = update(context, action.patch, seen);
          if (seen < versions.length) expect(done.ok).toBe(false);
          else if (valueIn(done).version > versions.length) versions.push(applyMergePatch(newest(), action.patch));
        }
        const read = valueIn(context.runtime.read(CALL));
        expect(read.version).toBe(versions.length);
        expect(read.data).toEqual(newest());
      }
      let value = initial;
      for (const { version, edits } of valueIn(context.runtime.history(CALL)).items.toReversed()) {
        value = applyEdits(value, edits as Parameters<typeof applyEdits>[1]);
        expect(value).toEqual(versions[version - 1]);
      }
    }),
    runs(150),
  );
});

test('a conflict is retryable only if the changes merge, and names a version that does not exist', () => {
  const context = home({ a: 1, b: 1 });
  update(context, { a: 2 });
  const current = (can_merge: boolean) => ({ version: 2, can_merge });
  expect(update(context, { b: 2 }, 1)).toMatchObject({ failure: { retryable: true, current: current(true) } });
  expect(update(context, { a: 3 }, 1)).toMatchObject({ failure: { retryable: false, current: current(false) } });
  const detail = expect.stringContaining('no version 99: its newest one is 2');
  for (const refused of [
    update(context, { b: 2 }, 99),
    context.runtime.putKey(CALL, '/b', { value: 2, expected_version: 99 }),
  ])
    expect(refused).toMatchObject({ failure: { detail, retryable: false, current: { ...current(false), keys: [] } } });
});

test('a deletion of a newer version than was seen is not said to merge', () => {
  const context = home({ a: 1 });
  update(context, { a: 2 });
  const detail = expect.stringContaining('Read it, and send the request again if it shall be done all the same.');
  const refused = { failure: { code: 'context_conflict', detail, retryable: false, current: { can_merge: false } } };
  expect(context.runtime.remove({ ...CALL, if_match: [1] })).toMatchObject(refused);
  expect(context.runtime.unlink({ ...CALL, if_match: [1] }, CONTEXT.id)).toMatchObject(refused);
  expect(context.runtime.remove({ ...CALL, if_match: [2] })).toMatchObject({ ok: true });
});
