import { expect, it } from 'vitest';
import { Breaker } from '../../../src/adapters/breaker.ts';
import { Rejected } from '../../../src/ports/rejected.ts';

/** A breaker before a system that fails with `error` until it is null. */
function guarded() {
  const system = { calls: 0, clock: 0, error: new Error('connection refused') as Error | null };
  const breaker = new Breaker(() => system.clock);
  const call = () =>
    breaker
      .run(async () => {
        system.calls++;
        if (system.error) throw system.error;
        return 'done';
      })
      .catch((error: Error) => error.message);
  return { system, call };
}

it('a system that fails three times in a row is not asked again before a pause, and then by one call', async () => {
  const { system, call } = guarded();
  for (let i = 0; i < 100; i++) await call();
  expect(system.calls).toBe(3);
  system.clock += 5_000;
  await Promise.all([call(), call(), call()]);
  expect(system.calls).toBe(4);
  for (let minute = 0; minute < 60; minute++) {
    system.clock += 60_000;
    await call();
    await call();
  }
  expect(system.calls).toBe(64);
});

it('a system that is back takes all calls again', async () => {
  const { system, call } = guarded();
  for (let i = 0; i < 5; i++) await call();
  system.error = null;
  expect(await call()).toContain('was skipped');
  system.clock += 60_000;
  expect([await call(), await call()]).toEqual(['done', 'done']);
});

it('a system that rejects values is there', async () => {
  const { system, call } = guarded();
  system.error = new Rejected('no such column');
  for (let i = 0; i < 10; i++) await call();
  expect(system.calls).toBe(10);
});

it('a call that never ends stops no later one', async () => {
  const clock = { now: 0 };
  const breaker = new Breaker(() => clock.now);
  for (let i = 0; i < 3; i++) await breaker.run(() => Promise.reject(new Error('away'))).catch(() => {});
  clock.now += 60_000;
  void breaker.run(() => new Promise(() => {}));
  clock.now += 60_000;
  expect(await breaker.run(async () => 'done')).toBe('done');
});
