import { expect, it } from 'vitest';
import { IDEMPOTENCY_DEADLINE, Idempotency } from '../../../../durable-objects/kit/calls/idempotency.ts';
import { buildKit, runAlarm } from '../../../../durable-objects/kit/runtime.ts';
import type { ObjectSchema } from '../../../../durable-objects/kit/storage/schema.ts';
import type { Call } from '../../../../src/ports/calls.ts';
import { ok, refuse } from '../../../../src/protocol/common/errors.ts';
import { everyStatement } from '../../../support/every-statement.ts';
import { NodePlatform } from '../../../support/node-platform.ts';

const SCHEMA: ObjectSchema = {
  object: 'Test',
  steps: [{ id: 'test/0001', sql: 'CREATE TABLE effects (id INTEGER PRIMARY KEY, name TEXT NOT NULL);' }],
};
const DAY_MS = 86_400_000;

function call(key: string | null, fingerprint = 'body'): Call {
  return {
    principal: { workspace: 'default', role: 'operator', token_id: 'token' },
    request_id: 'request',
    idempotency: key === null ? null : { key, fingerprint },
  };
}

function fixture(platform = new NodePlatform()) {
  const kit = buildKit(platform, SCHEMA, []);
  kit.store.create(() => {});
  const idempotency = new Idempotency(kit.store, kit.deadlines);
  const effect = (name: string) => () => {
    kit.store.rows(`INSERT INTO effects (name) VALUES (?)`, name);
    return ok({ name });
  };
  const effects = () => kit.store.rows<{ name: string }>(`SELECT name FROM effects`).map(({ name }) => name);
  const alarm = () =>
    runAlarm(kit, (name) => {
      if (name === IDEMPOTENCY_DEADLINE) idempotency.purge();
    });
  return { platform, idempotency, effect, effects, alarm };
}

it('a repeated idempotency key gets the first response, and nothing happens again', () => {
  const { idempotency, effect, effects } = fixture();
  expect(idempotency.once(call('k'), effect('first'))).toEqual(ok({ name: 'first' }));
  expect(idempotency.once(call('k'), effect('second'))).toEqual(ok({ name: 'first' }));
  expect(effects()).toEqual(['first']);
});

it('an idempotency key with another body is refused, and nothing happens', () => {
  const { idempotency, effect, effects } = fixture();
  idempotency.once(call('k'), effect('first'));
  expect(idempotency.once(call('k', 'another body'), effect('second'))).toMatchObject({
    ok: false,
    failure: { code: 'idempotency_mismatch' },
  });
  expect(effects()).toEqual(['first']);
});

it('calls without an idempotency key are independent', () => {
  const { idempotency, effect, effects } = fixture();
  idempotency.once(call(null), effect('a'));
  idempotency.once(call(null), effect('a'));
  expect(effects()).toEqual(['a', 'a']);
});

it('a refusal is not stored under an idempotency key, so the same request may succeed later', () => {
  const { idempotency, effect, effects } = fixture();
  expect(idempotency.once(call('k'), () => refuse('illegal_transition', 'Not now.'))).toMatchObject({ ok: false });
  expect(idempotency.once(call('k'), effect('later'))).toEqual(ok({ name: 'later' }));
  expect(effects()).toEqual(['later']);
});

it('the response and the effect of an idempotency key are stored in one transaction', async () => {
  await everyStatement(
    (platform) => fixture(platform),
    ({ idempotency, effect }) => idempotency.once(call('k'), effect('first')),
  );
});

it('each idempotency key is kept for a day, and leaves no alarm', async () => {
  const { platform, idempotency, effect, effects, alarm } = fixture();
  idempotency.once(call('old'), effect('old'));
  await platform.advance(1_000, alarm);
  idempotency.once(call('new'), effect('new'));
  await platform.advance(DAY_MS - 1_000, alarm);
  idempotency.once(call('old'), effect('old again'));
  idempotency.once(call('new'), effect('new again'));
  expect(effects()).toEqual(['old', 'new', 'old again']);
  await platform.advance(2 * DAY_MS, alarm);
  expect(platform.dump()).toMatchObject({ idempotency: [], $alarm: null });
});

it('idempotency keys of a day are purged at most hourly, some at a time, and none names its request for longer', async () => {
  const { platform, idempotency, effect, effects, alarm } = fixture();
  for (let i = 0; i < 300; i++) {
    idempotency.once(call(`key ${i}`), effect('once'));
    platform.clock += 1_000;
  }
  await platform.advance(DAY_MS - 100_000, alarm);
  expect(platform.dump().idempotency, 'most wait for the next hour').toHaveLength(299);
  idempotency.once(call('key 150', 'another body'), effect('again'));
  expect(effects().at(-1)).toBe('again');
  expect(idempotency.once(call('key 150', 'another body'), effect('no'))).toEqual(ok({ name: 'again' }));
  let alarms = 0;
  await platform.advance(2 * DAY_MS, () => {
    alarms++;
    alarm();
  });
  expect(alarms).toBeLessThanOrEqual(10);
  expect(platform.dump()).toMatchObject({ idempotency: [], $alarm: null });
});
