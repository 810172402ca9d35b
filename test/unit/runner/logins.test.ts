import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { updateLogins } from '../../../runner/opencode/logins.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-logins-'));
  for (const name of ['user', 'server']) mkdirSync(join(scratch, name, 'opencode'), { recursive: true });
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const file = (whose: 'user' | 'server') => join(scratch, whose, 'opencode', 'auth.json');
const write = (whose: 'user' | 'server', logins: object) => writeFileSync(file(whose), JSON.stringify(logins));
const read = () => JSON.parse(readFileSync(file('server'), 'utf8')) as unknown;
const update = () => updateLogins({ XDG_DATA_HOME: join(scratch, 'user') }, join(scratch, 'server'));
const oauth = (refresh: string, expires: number) => ({ type: 'oauth', refresh, access: 'a', expires });

test('a server gets the user’s logins, readable only by its user', () => {
  write('user', { a: oauth('r1', 100), b: { type: 'api', key: 'k' } });
  update();
  expect(read()).toEqual({ a: oauth('r1', 100), b: { type: 'api', key: 'k' } });
  expect(statSync(file('server')).mode & 0o777).toBe(0o600);
});

test('a login that the server has refreshed survives a restart, also with data of an older version', () => {
  write('user', { a: oauth('r1', 100) });
  write('server', { a: oauth('r2', 200) });
  update();
  update();
  expect(read()).toEqual({ a: oauth('r2', 200) });
});

test('a refreshed login without an expiry survives a restart', () => {
  write('user', { a: oauth('r1', 0) });
  update();
  write('server', { a: oauth('r2', 0) });
  update();
  expect(read()).toEqual({ a: oauth('r2', 0) });
});

test('a newer login of the user replaces the server’s', () => {
  write('user', { a: oauth('r1', 100), b: { type: 'api', key: 'old' } });
  update();
  write('server', { a: oauth('r2', 200), b: { type: 'api', key: 'old' } });
  write('user', { a: oauth('r3', 300), b: { type: 'api', key: 'new' } });
  update();
  expect(read()).toEqual({ a: oauth('r3', 300), b: { type: 'api', key: 'new' } });
});

test('a login that the user has removed is removed', () => {
  write('user', { a: oauth('r1', 100), b: { type: 'api', key: 'k' } });
  update();
  write('user', { b: { type: 'api', key: 'k' } });
  update();
  expect(read()).toEqual({ b: { type: 'api', key: 'k' } });
  rmSync(file('user'));
  update();
  expect(read()).toEqual({});
});

test('a file that the user’s OpenCode is writing changes nothing', () => {
  write('user', { a: oauth('r1', 100) });
  update();
  writeFileSync(file('user'), '{"a":');
  update();
  expect(read()).toEqual({ a: oauth('r1', 100) });
});
