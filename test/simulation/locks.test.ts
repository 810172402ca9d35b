import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { runs } from '../support/seeds.ts';
import { type Delays, LockWorld } from './support/lock-world.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const HOUR_MS = 3_600_000;

type Step =
  | { do: 'acquire'; client: number; ttl: number; wait: number; delays: Delays }
  | { do: 'renew' | 'release'; client: number; delays: Delays }
  | { do: 'write'; client: number; ms: number }
  | { do: 'die'; client: number }
  | { do: 'pass'; ms: number }
  | { do: 'step'; ms: number }
  | { do: 'evict' };

const client = fc.integer({ min: 0, max: NAMES.length - 1 });
/** Mostly short, and sometimes longer than any TTL. */
const delay = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 800 }) }, fc.integer({ min: 0, max: 30_000 }));
const delays: fc.Arbitrary<Delays> = fc.record({ there: delay, back: delay, twice: fc.option(delay, { freq: 3 }) });

/** @param stepMs the steps of the registry's clock */
const stepsWith = (stepMs: fc.Arbitrary<number>): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant('acquire' as const),
          client,
          ttl: fc.integer({ min: 1, max: 10 }),
          wait: fc.integer({ min: 0, max: 25 }),
          delays,
        }),
      },
      { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('renew', 'release'), client, delays }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('write' as const), client, ms: delay }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), client }) },
      { weight: 8, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 4_000 }) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('step' as const), ms: stepMs }) },
      { weight: 1, arbitrary: fc.constant({ do: 'evict' } as const) },
    ),
    { minLength: 10, maxLength: 80, size: 'max' },
  );

function run(steps: readonly Step[], afterEach: (world: LockWorld) => void): LockWorld {
  const world = new LockWorld(NAMES);
  for (const step of steps) {
    if (step.do === 'pass') world.pass(step.ms);
    else if (step.do === 'step') world.step(step.ms);
    else if (step.do === 'evict') world.evict();
    else actOn(world, step);
    afterEach(world);
  }
  world.pass(HOUR_MS);
  afterEach(world);
  return world;
}

function actOn(world: LockWorld, step: Exclude<Step, { do: 'pass' | 'step' | 'evict' }>): void {
  const actor = world.clients[step.client]!;
  if (step.do === 'acquire') world.acquire(actor, step.ttl, step.wait, step.delays);
  else if (step.do === 'renew') world.renew(actor, step.delays);
  else if (step.do === 'release') world.release(actor, step.delays);
  else if (step.do === 'write') world.write(actor, step.ms);
  else world.die(actor);
}

function expectOrder(world: LockWorld): void {
  expect(world.granted, 'each grant has a higher fencing token').toEqual(world.granted.toSorted((a, b) => a - b));
  expect(world.written).toEqual(world.written.toSorted((a, b) => a - b));
}

it('two clients never hold a lock at once, with deaths, late and repeated messages, and a clock that steps back', async () => {
  let grants = 0;
  await fc.assert(
    fc.property(stepsWith(fc.integer({ min: -HOUR_MS, max: 0 })), (steps) => {
      const world = run(steps, ({ faults }) => expect(faults).toEqual([]));
      expectOrder(world);
      grants += world.granted.length;
    }),
    runs(100),
  );
  expect(grants).toBeGreaterThan(200);
});

it('fencing tokens tell a stale holder from the present one when the clock steps to the future, too', async () => {
  await fc.assert(
    fc.property(stepsWith(fc.integer({ min: -HOUR_MS, max: HOUR_MS })), (steps) => {
      const world = run(steps, ({ faults }) => {
        expect(faults.filter((fault) => !fault.startsWith('two holders'))).toEqual([]);
      });
      expectOrder(world);
    }),
    runs(100),
  );
});

it('after any events, the lock comes free by itself', async () => {
  await fc.assert(
    fc.property(stepsWith(fc.integer({ min: -10_000, max: HOUR_MS })), (steps) => {
      const world = run(steps, () => {});
      for (const one of world.clients) world.die(one);
      world.pass(HOUR_MS);
      const [last] = world.clients;
      world.acquire(last!, 10, 0, { there: 0, back: 0, twice: null });
      world.pass(1);
      expect(world.holders()).toEqual([last]);
      world.die(last!);
      world.pass(HOUR_MS);
      expect(world.platform.dump()).toMatchObject({ locks: [], lock_waiters: [], $alarm: null });
    }),
    runs(50),
  );
});
