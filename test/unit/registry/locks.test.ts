import { describe, expect, it } from 'vitest';
import { MAX_LOCK_WAITERS, MAX_LOCKS, MAX_WAITERS_OF_LOCK } from '../../../src/protocol/common/limits.ts';
import { everyStatement } from '../../support/every-statement.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { AGENT_A, callFrom, hello, slotRequest } from '../ports/agent-registry.fixture.ts';

const LOCK = 'deploy:web';
const CALL = callFrom('default');

function acquire({ runtime }: RegistryInProcess, owner: string, { resource = LOCK, ttl = 30, wait = 0 } = {}) {
  return runtime.locks.acquireLock(CALL, resource, { owner, ttl_seconds: ttl, wait_seconds: wait });
}

/** The first lock of a registry has the fencing token 1. */
const FIRST = { fencing_token: 1 };

/** `a` holds the lock for 20 s, and `b` waits for it. */
function contended(platform = new NodePlatform()) {
  const registry = new RegistryInProcess({ platform });
  acquire(registry, 'a', { ttl: 20 });
  const queued = acquire(registry, 'b', { wait: 25 });
  if (!queued.ok || queued.value.state !== 'queued') throw new Error('b does not wait');
  return { registry, link: registry.waitForTurn(queued.value.wait) };
}

describe('each change of a lock is atomic, with the frame that it sends', () => {
  it.each<[string, (set: ReturnType<typeof contended>) => unknown]>([
    ['the first grant of another lock', ({ registry }) => acquire(registry, 'a', { resource: 'other' })],
    ['a place in the queue', ({ registry }) => acquire(registry, 'c', { wait: 25 })],
    ['a place that is given up', ({ registry }) => acquire(registry, 'b')],
    ['a renewal', ({ registry }) => registry.runtime.locks.renewLock(CALL, LOCK, { ...FIRST, ttl_seconds: 60 })],
    ['a release', ({ registry }) => registry.runtime.locks.releaseLock(CALL, LOCK, FIRST)],
  ])('%s', async (_what, mutate) => {
    await everyStatement(contended, mutate, ({ link }) => link.received);
  });

  it('the first lock, which creates the registry', async () => {
    await everyStatement(
      (platform) => new RegistryInProcess({ platform }),
      (registry) => acquire(registry, 'a'),
    );
  });
});

it('a renewal changes one row and no deadline', () => {
  const { registry } = contended();
  const before = registry.platform.dump();
  registry.platform.clock += 10_000;
  registry.runtime.locks.renewLock(CALL, LOCK, FIRST);
  const after = registry.platform.dump();
  const changed = Object.keys(after).filter((table) => JSON.stringify(after[table]) !== JSON.stringify(before[table]));
  expect(changed).toEqual(['locks']);
});

it('what changes nothing writes nothing', () => {
  const { registry } = contended();
  const before = registry.platform.dump();
  expect(acquire(registry, 'c')).toMatchObject({ ok: false });
  registry.runtime.locks.renewLock(CALL, LOCK, { fencing_token: 9 });
  registry.runtime.locks.releaseLock(CALL, 'other', FIRST);
  registry.runtime.locks.readLock(CALL, LOCK);
  expect(registry.platform.dump()).toEqual(before);
});

it('holders, places and fencing tokens survive the end of the object’s process, which closes all sockets', async () => {
  const { registry, link } = contended();
  link.vanish();
  const reborn = new RegistryInProcess({ platform: registry.platform });
  expect(reborn.runtime.locks.readLock(CALL, LOCK)).toMatchObject({ value: { holder: FIRST, waiters: ['b'] } });
  await reborn.advance(16_000);
  expect(acquire(reborn, 'b', { wait: 25 })).toMatchObject({ value: { state: 'queued', place: { place: 1 } } });
  await reborn.advance(4_000);
  expect(acquire(reborn, 'c')).toMatchObject({ failure: { code: 'lock_held' } });
  expect(acquire(reborn, 'b')).toMatchObject({ value: { state: 'held', lock: { fencing_token: 2 } } });
});

it('a lock that has expired is free, and its waiters have their turns, also while the alarm does not fire', () => {
  const { registry } = contended();
  registry.platform.clock += 20_000;
  expect(registry.runtime.locks.renewLock(CALL, LOCK, FIRST)).toMatchObject({ failure: { code: 'lock_lost' } });
  expect(registry.runtime.locks.readLock(CALL, LOCK)).toMatchObject({ value: { holder: null } });
  expect(acquire(registry, 'c')).toMatchObject({ failure: { code: 'lock_held' } });
  expect(acquire(registry, 'b')).toMatchObject({ ok: true });
});

it('locks do not wait for the routing of work: its deadline fails, and a waiter gets its turn', () => {
  const { registry, link } = contended();
  const { platform } = registry;
  registry.connect(AGENT_A).send(hello());
  registry.runtime.reserve(slotRequest(1));
  // The offer lapses when the lock does, and its handler throws.
  platform.transaction(() => platform.exec(`UPDATE slots SET declined = 'no JSON'`, []));
  const failed: unknown[] = [];
  platform.logger = (_level, event, fields) => void (event === 'deadline_failed' && failed.push(fields));
  platform.clock = 20_000 + platform.clock;
  platform.fireAlarm(() => registry.runtime.alarm());
  expect(failed).toMatchObject([{ name: 'offers' }]);
  expect(link.frames()).toEqual([{ type: 'turn' }]);
});

it('a workspace has only so many locks at a time', async () => {
  const registry = new RegistryInProcess();
  for (let number = 1; number <= MAX_LOCKS; number++) acquire(registry, 'a', { resource: `r${number}` });
  const full = { failure: { code: 'too_many_requests' } };
  for (const wait of [0, 25]) expect(acquire(registry, 'a', { resource: 'late', wait })).toMatchObject(full);
  expect(acquire(registry, 'a', { resource: 'r1', ttl: 60 }), 'a lock that is held').toMatchObject({ ok: true });
  await registry.advance(30_000);
  expect(acquire(registry, 'a', { resource: 'late' })).toMatchObject({ ok: true });
  expect(registry.platform.dump().locks).toHaveLength(2);
});

it('a workspace has only so many waiters, for all its locks together', () => {
  const registry = new RegistryInProcess();
  const locks = MAX_LOCK_WAITERS / MAX_WAITERS_OF_LOCK;
  for (let number = 0; number <= locks; number++) acquire(registry, 'a', { resource: `r${number}` });
  for (let number = 0; number < MAX_LOCK_WAITERS; number++) {
    const queued = acquire(registry, `w${number}`, { resource: `r${number % locks}`, wait: 25 });
    expect(queued).toMatchObject({ value: { state: 'queued' } });
  }
  const late = acquire(registry, 'late', { resource: `r${locks}`, wait: 25 });
  expect(late).toMatchObject({ failure: { code: 'too_many_requests' } });
});
