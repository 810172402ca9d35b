import { expect, it } from 'vitest';
import { Calls } from '../../../../durable-objects/kit/calls/calls.ts';
import { buildKit } from '../../../../durable-objects/kit/runtime.ts';
import type { Call } from '../../../../src/ports/calls.ts';
import { type Outcome, ok, refuse } from '../../../../src/protocol/common/errors.ts';
import { NodePlatform } from '../../../support/node-platform.ts';

const ABSENT = refuse('not_found', 'There is nothing here.');
const SCHEMA = {
  object: 'Test',
  steps: [{ id: 'test/0001_effects', sql: 'CREATE TABLE effects (id INTEGER PRIMARY KEY, name TEXT NOT NULL);' }],
};

function call(changes: { workspace?: string; key?: string } = {}): Call {
  const { workspace = 'acme', key } = changes;
  return {
    principal: { workspace, role: 'operator', token_id: 'token' },
    request_id: 'request',
    idempotency: key === undefined ? null : { key, fingerprint: 'body' },
  };
}

function fixture({ created = true } = {}) {
  const platform = new NodePlatform();
  const lines: Record<string, unknown>[] = [];
  platform.logger = (level, event, fields) => void lines.push({ level, event, ...fields });
  const kit = buildKit(platform, SCHEMA, []);
  if (created) kit.store.create(() => {});
  const state = { exists: true };
  const calls = new Calls(kit, { workspace: 'acme', absent: ABSENT, exists: () => state.exists });
  const effect = (name: string) => (): Outcome<string> => {
    kit.store.rows('INSERT INTO effects (name) VALUES (?)', name);
    return ok(name);
  };
  const effects = () => kit.store.rows<{ name: string }>('SELECT name FROM effects').map(({ name }) => name);
  return { platform, kit, state, calls, effect, effects, lines };
}

it('a call from another workspace gets not_found and changes nothing', () => {
  const { calls, effect, effects } = fixture();
  const foreign = call({ workspace: 'elsewhere' });
  expect(calls.read('read', foreign, () => ok(1))).toEqual(ABSENT);
  expect(calls.change('act', foreign, effect('a'))).toEqual(ABSENT);
  expect(calls.create('create', foreign, effect('a'))).toEqual(ABSENT);
  expect(effects()).toEqual([]);
});

it('a call on an object that was never created creates no tables', () => {
  const { platform, calls, effect } = fixture({ created: false });
  expect(calls.change('act', call(), effect('a'))).toEqual(ABSENT);
  expect(platform.dump()).toEqual({ $alarm: null });
  expect(calls.create('create', call(), effect('a'))).toEqual(ok('a'));
});

it('an idempotency key returns the first response even after its subject was deleted', () => {
  const { calls, effect, effects, state } = fixture();
  expect(calls.change('act', call({ key: 'k' }), effect('a'))).toEqual(ok('a'));
  state.exists = false;
  expect(calls.change('act', call({ key: 'k' }), effect('b'))).toEqual(ok('a'));
  expect(calls.change('act', call({ key: 'other' }), effect('b'))).toEqual(ABSENT);
  expect(calls.read('read', call(), () => ok(1))).toEqual(ABSENT);
  expect(effects()).toEqual(['a']);
});

it('each call writes one line, at info if it changes something and at debug if it reads', () => {
  const { calls, effect, lines } = fixture();
  calls.read('read', call(), () => ok(1));
  calls.change('act', call(), effect('a'));
  calls.change('act', call(), () => refuse('illegal_transition', 'Not now.'));
  calls.internal('info', 'release', { task_id: 't' }, () => {});
  const who = { event: 'object_call', request_id: 'request', token_id: 'token' };
  expect(lines).toEqual([
    { ...who, level: 'debug', method: 'read', outcome: 'ok' },
    { ...who, level: 'info', method: 'act', outcome: 'ok' },
    { ...who, level: 'info', method: 'act', outcome: 'illegal_transition' },
    { event: 'object_call', level: 'info', method: 'release', outcome: 'ok', task_id: 't' },
  ]);
});

it('an error of a call is logged with its causes and rethrown', () => {
  const { calls, lines } = fixture();
  const bug = () => {
    throw new Error('bug', { cause: new Error('its cause') });
  };
  expect(() => calls.change('act', call(), bug)).toThrow('bug');
  expect(lines).toMatchObject([
    {
      level: 'error',
      outcome: 'error',
      request_id: 'request',
      error: {
        name: 'Error',
        message: 'bug',
        stack: expect.stringContaining('calls.test.ts'),
        causes: ['Error: its cause'],
      },
    },
  ]);
});
