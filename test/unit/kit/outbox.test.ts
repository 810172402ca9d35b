import { expect, it, vi } from 'vitest';
import type { Lane } from '../../../durable-objects/kit/outbox.ts';
import { buildKit, type ObjectKit, runAlarm } from '../../../durable-objects/kit/runtime.ts';
import { Rejected } from '../../../src/ports/rejected.ts';
import { eventually } from '../../support/eventually.ts';
import { NodePlatform } from '../../support/node-platform.ts';

const NO_TABLES = { object: 'Test', steps: [] };

/** A destination that keeps what it is given, and fails as it is told to. */
function destination(name = 'far') {
  const arrived: [string, unknown][] = [];
  const state = { fail: null as null | ((key: string) => Error | Promise<never> | null) };
  const lane: Lane = {
    name,
    deliver: async (key, payload) => {
      const failure = await state.fail?.(key);
      if (failure) throw failure;
      arrived.push([key, payload]);
    },
  };
  return { lane, arrived, state };
}

function objectWith(...lanes: Lane[]): { platform: NodePlatform; kit: ObjectKit; alarm: () => void } {
  const platform = new NodePlatform();
  const kit = buildKit(platform, NO_TABLES, lanes);
  kit.store.create(() => {});
  return { platform, kit, alarm: () => runAlarm(kit, () => {}) };
}

function put(kit: ObjectKit, key: string, payload: unknown, lane = 'far'): void {
  kit.store.transact(() => kit.outbox.put(lane, key, payload));
}

it('delivers after the commit, with no alarm left behind', async () => {
  const { lane, arrived } = destination();
  const { platform, kit } = objectWith(lane);
  put(kit, 'a', { n: 1 });
  expect(platform.alarm).not.toBeNull();
  await platform.settle();
  expect(arrived).toEqual([['a', { n: 1 }]]);
  expect(kit.outbox.backlog()).toEqual([]);
  expect(platform.alarm).toBeNull();
});

it('a row of a transaction that throws is never delivered', async () => {
  const { lane, arrived } = destination();
  const { platform, kit } = objectWith(lane);
  expect(() =>
    kit.store.transact(() => {
      kit.outbox.put('far', 'a', 1);
      throw new Error('no');
    }),
  ).toThrow('no');
  await platform.settle();
  expect(arrived).toEqual([]);
  expect(platform.alarm).toBeNull();
});

it('a row that is replaced while it is on its way goes again with its newest payload', async () => {
  const { lane, arrived, state } = destination();
  const { platform, kit } = objectWith(lane);
  let replaced = false;
  state.fail = () => {
    if (!replaced) put(kit, 'a', 'new');
    replaced = true;
    return null;
  };
  put(kit, 'a', 'old');
  await platform.settle();
  expect(arrived).toEqual([
    ['a', 'old'],
    ['a', 'new'],
  ]);
  expect(kit.outbox.backlog()).toEqual([]);
});

it('a destination that is away is tried ever more slowly, for ever, and gets everything once it is back', async () => {
  const { lane, arrived, state } = destination();
  const { platform, kit, alarm } = objectWith(lane);
  let attempts = 0;
  state.fail = () => {
    attempts++;
    return new Error('connection refused');
  };
  for (const key of ['a', 'b', 'c']) put(kit, key, key);
  await platform.settle();
  expect(attempts).toBe(1);

  const pauses: number[] = [];
  for (let i = 0; i < 30; i++) {
    const pause = platform.alarm! - platform.clock;
    pauses.push(pause);
    await platform.advance(pause, alarm);
  }
  expect(attempts).toBe(31);
  expect(pauses.every((pause) => pause <= 300_000)).toBe(true);
  expect(pauses.at(-1)).toBeGreaterThan(150_000 - 1);

  put(kit, 'd', 'd');
  await platform.settle();
  expect(attempts, 'a new row does not hammer a dead destination').toBe(31);

  state.fail = null;
  await platform.advance(300_000, alarm);
  expect(arrived.map(([key]) => key).sort()).toEqual(['a', 'b', 'c', 'd']);
  expect(platform.alarm).toBeNull();
});

it('a row that is refused ten times is parked, visibly, and the others go on', async () => {
  const { lane, arrived, state } = destination();
  const { platform, kit, alarm } = objectWith(lane);
  state.fail = (key) => (key.startsWith('bad') ? new Rejected('no such column') : null);
  for (let i = 0; i < 60; i++) put(kit, `bad-${i}`, i);
  put(kit, 'good', 1);
  await platform.settle();
  await platform.advance(1_000, alarm);
  expect(arrived, 'what is refused goes to the end of the line').toEqual([['good', 1]]);

  await platform.advance(3_600_000, alarm);
  expect(kit.outbox.backlog()).toEqual([{ lane: 'far', waiting: 0, parked: 60 }]);
  expect(platform.alarm, 'what is parked needs no alarm').toBeNull();

  state.fail = null;
  put(kit, 'bad-0', 'mended');
  await platform.settle();
  expect(arrived.at(-1)).toEqual(['bad-0', 'mended']);
});

it('a destination that hangs delays neither another lane nor a local deadline, and is given up after its time', async () => {
  vi.useFakeTimers();
  try {
    const dead = destination('dead');
    const live = destination('live');
    const { platform, kit } = objectWith(dead.lane, live.lane);
    dead.state.fail = () => new Promise<never>(() => {});
    put(kit, 'a', 1, 'dead');
    kit.store.transact(() => kit.deadlines.set('local', platform.now() + 10));
    put(kit, 'b', 2, 'live');
    await vi.advanceTimersByTimeAsync(0);
    expect(live.arrived).toEqual([['b', 2]]);

    platform.clock += 10;
    const ran: string[] = [];
    platform.fireAlarm(() => runAlarm(kit, (name) => ran.push(name)));
    expect(ran).toEqual(['local']);

    await vi.advanceTimersByTimeAsync(5_000);
    await platform.settle();
    expect(vi.getTimerCount(), 'no timer outlives its call').toBe(0);
    expect(kit.outbox.backlog()).toEqual([{ lane: 'dead', waiting: 1, parked: 0 }]);
  } finally {
    vi.useRealTimers();
  }
});

it('a drain that died with its process is repeated by the alarm', async () => {
  const first = destination();
  const platform = new NodePlatform();
  const dying = buildKit(platform, NO_TABLES, [{ name: 'far', deliver: () => new Promise(() => {}) }]);
  dying.store.create(() => dying.outbox.put('far', 'a', 1));
  const reborn = buildKit(platform, NO_TABLES, [first.lane]);
  platform.clock = platform.alarm!;
  platform.fireAlarm(() => runAlarm(reborn, () => {}));
  await eventually(() => expect(first.arrived).toEqual([['a', 1]]));
});

it('writes nothing for a destination that is not configured, and lets go of one that no longer is', async () => {
  const { platform, kit } = objectWith();
  put(kit, 'a', 1, 'nowhere');
  expect(kit.outbox.backlog()).toEqual([]);

  const { lane, state } = destination();
  state.fail = () => new Error('away');
  const once = buildKit(platform, NO_TABLES, [lane]);
  once.store.transact(() => once.outbox.put('far', 'a', 1));
  await platform.settle();
  const later = buildKit(platform, NO_TABLES, []);
  platform.clock = platform.alarm!;
  platform.fireAlarm(() => runAlarm(later, () => {}));
  expect(platform.alarm).toBeNull();
  expect(later.outbox.backlog()).toEqual([{ lane: 'far', waiting: 1, parked: 0 }]);
});
