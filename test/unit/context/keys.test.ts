import { expect, test } from 'vitest';
import type { ContextData } from '../../../src/protocol/context/context.ts';
import { ContextInProcess } from '../../support/context-in-process.ts';
import { everyStatement } from '../../support/every-statement.ts';
import { valueIn } from '../../support/value-in.ts';
import { callIn } from '../ports/workspace.contract.ts';
import { CALL, CONTEXT, home, update } from './home.ts';

const put = ({ runtime }: ContextInProcess, path: string, value: unknown, expected_version?: number) =>
  runtime.putKey(CALL, path, { value, expected_version });

test('a key is read with the last change at it or below it', () => {
  const context = home({ a: { b: [1, { c: 2 }] }, d: 1 });
  update(context, { a: { e: 1 } });
  const key = (path: string) => valueIn(context.runtime.readKey(CALL, path));
  expect(key('/a/b/1/c')).toMatchObject({ value: 2, version: 2, changed: { version: 1, by: 'static' } });
  expect(key('/a')).toMatchObject({ value: { b: [1, { c: 2 }], e: 1 }, changed: { version: 2 } });
  for (const path of ['/x', '/a/b/2', '/d/x', '/toString', '/__proto__']) {
    expect(context.runtime.readKey(CALL, path)).toMatchObject({ failure: { code: 'not_found' } });
  }
});

test('a key is put with the objects on its way, also the first of a context, and removed', () => {
  const context = new ContextInProcess();
  const first = valueIn(context.runtime.putKey(CALL, '/a/b/c', { value: [] }, CONTEXT));
  expect(first).toMatchObject({ path: '/a/b/c', value: [], version: 1 });
  expect(valueIn(put(context, '/a/b/c/-', 'x'))).toMatchObject({ version: 2 });
  expect(valueIn(put(context, '/a/b/c/0', 'y'))).toMatchObject({ value: 'y', version: 3 });
  expect(valueIn(put(context, '/a/b/c/0', 'y'))).toMatchObject({ version: 3 });
  expect(valueIn(context.runtime.read(CALL)).data).toEqual({ a: { b: { c: ['y'] } } });
  expect(context.runtime.removeKey(CALL, '/a/b')).toMatchObject({ ok: true });
  expect(valueIn(context.runtime.read(CALL))).toMatchObject({ version: 4, data: { a: {} } });
  expect(context.runtime.removeKey(CALL, '/a/b')).toMatchObject({ failure: { code: 'not_found' } });
});

test.each([
  ['/d/x', 1],
  ['/list/7', 1],
  ['/__proto__', {}],
  ['/new/constructor/x', 1],
  ['/new/prototype', 1],
  ['/big', 'x'.repeat(300_000)],
])('a key at %s that cannot be there is refused, and changes nothing', (path, value) => {
  const context = home({ d: 1, list: [] });
  const before = context.platform.dump();
  expect(put(context, path, value)).toMatchObject({ failure: { code: 'validation_failed' } });
  expect(context.platform.dump()).toEqual(before);
  expect({}).not.toHaveProperty('x');
});

test('a condition of a key is about its place alone', () => {
  const context = home({ a: 1, b: 1 });
  update(context, { b: 2 });
  expect(valueIn(put(context, '/a', 2, 1))).toMatchObject({ version: 3 });
  expect(put(context, '/b', 3, 1)).toMatchObject({
    failure: { code: 'context_conflict', current: { version: 3, keys: [{ path: '/b', current: 2, yours: 3 }] } },
  });
  expect(context.runtime.removeKey({ ...CALL, if_match: [1] }, '/b')).toMatchObject({ ok: false });
  expect(context.runtime.removeKey({ ...CALL, if_match: [2] }, '/b')).toMatchObject({ ok: true });
});

test('a put that is repeated with its idempotency key is done once', () => {
  const context = home({ list: [] } as ContextData);
  const call = callIn('default', 'once');
  const first = context.runtime.putKey(call, '/list/-', { value: 1 });
  expect(context.runtime.putKey(call, '/list/-', { value: 1 })).toEqual(first);
  expect(valueIn(context.runtime.read(CALL)).data).toEqual({ list: [1] });
});

test('a put is atomic', async () => {
  await everyStatement(
    (platform) => home({ a: 1 }, platform),
    (context) => put(context, '/a', 2),
    ({ runtime }) => valueIn(runtime.read(CALL)).data,
  );
});

test('what nobody has put into a new object is no conflict, by whatever request', () => {
  const context = home({ z: 1 });
  put(context, '/build/status', true);
  const operations = [{ op: 'add', path: '/build', value: { status: true, since: 1 } }] as const;
  expect(valueIn(put(context, '/build/by', 'me', 1))).toMatchObject({ version: 3 });
  expect(update(context, { build: { at: 1 } }, 1)).toMatchObject({
    failure: { current: { can_merge: true, keys: [] } },
  });
  expect(context.runtime.update({ ...CALL, if_match: [1] }, { operations: [...operations] })).toMatchObject({
    failure: { current: { can_merge: false, keys: [{ path: '/build/by' }] } },
  });
});

test('a place in an object that somebody has put over another value, or has removed, is in conflict', () => {
  const context = home({ text: 'x', gone: { a: 1 } });
  put(context, '/text', { a: 1 });
  expect(put(context, '/text/b', 1, 1)).toMatchObject({ failure: { current: { keys: [{ path: '/text/b' }] } } });
  context.runtime.removeKey(CALL, '/gone');
  expect(put(context, '/gone/b', 1, 1)).toMatchObject({ failure: { current: { keys: [{ path: '/gone' }] } } });
  put(context, '/gone/c', 1);
  expect(put(context, '/gone/b', 1, 2)).toMatchObject({ failure: { current: { keys: [{ path: '/gone/b' }] } } });
  expect(put(context, '/gone/b', 1, 3)).toMatchObject({ ok: true });
});

test('a conflict names the places that were changed, with their versions', () => {
  const context = home({});
  put(context, '/build', { status: 1, jobs: { a: 1 } });
  put(context, '/build/jobs/b', 1);
  const changed = [
    { path: '/build/status', version: 2 },
    { path: '/build/jobs/a', version: 2 },
    { path: '/build/jobs/b', version: 3 },
  ];
  expect(put(context, '/build', 'x', 1)).toMatchObject({
    failure: { current: { keys: [{ path: '/build', changed }] } },
  });
  update(context, { build: Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`n${n}`, n])) });
  const whole = [{ path: '/build', version: 4 }];
  expect(put(context, '/build', 'x', 1)).toMatchObject({ failure: { current: { keys: [{ changed: whole }] } } });
});
