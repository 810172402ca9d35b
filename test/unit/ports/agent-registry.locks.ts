import { describe, expect, it } from 'vitest';
import type { Call } from '../../../src/ports/calls.ts';
import type { Acquired, LockWait } from '../../../src/ports/locks.ts';
import type { Outcome } from '../../../src/protocol/common/errors.ts';
import { MAX_WAITERS_OF_LOCK } from '../../../src/protocol/common/limits.ts';
import { eventually } from '../../support/eventually.ts';
import {
  type ControlLink,
  callFrom,
  join,
  type MakeRegistry,
  type RegistryUnderTest,
} from './agent-registry.fixture.ts';

const LOCK = 'deploy:web';

/** A registry, and its locks as one token's programs use them. */
async function withLocks(make: MakeRegistry) {
  const registry = await make();
  const { api } = registry;
  const call = callFrom(registry.workspace);
  return {
    ...registry,
    registry,
    call,
    acquire: (owner: string, options: { wait?: number; ttl?: number; call?: Call; resource?: string } = {}) =>
      api.acquireLock(options.call ?? call, options.resource ?? LOCK, {
        owner,
        ttl_seconds: options.ttl ?? 30,
        wait_seconds: options.wait ?? 0,
      }),
    renew: (fencing_token: number, more: { ttl_seconds?: number } = {}) =>
      api.renewLock(call, LOCK, { fencing_token, ...more }),
    release: (fencing_token: number) => api.releaseLock(call, LOCK, { fencing_token }),
    read: async () => {
      const read = await api.readLock(call, LOCK);
      return read.ok ? read.value : null;
    },
  };
}

/** The fencing token of a grant. */
function tokenIn(acquired: Outcome<Acquired>): number {
  if (!acquired.ok || acquired.value.state !== 'held') throw new Error(`not granted: ${JSON.stringify(acquired)}`);
  return acquired.value.lock.fencing_token;
}

/** The wait of a place in the queue. */
function waitIn(acquired: Outcome<Acquired>): LockWait {
  if (!acquired.ok || acquired.value.state !== 'queued') throw new Error(`not queued: ${JSON.stringify(acquired)}`);
  return acquired.value.wait;
}

const HELD = { ok: false, failure: { code: 'lock_held' } };
const LOST = { ok: false, failure: { code: 'lock_lost' } };
const TURN = [{ type: 'turn' }];
const queuedAt = (place: number) => ({ value: { state: 'queued', place: { place } } });

/** The part of the registry's contract about locks. */
export function lockContract(make: MakeRegistry): void {
  describe('locks', () => {
    it('a lock that nobody holds is free, and has one holder after that', async () => {
      const { acquire, read } = await withLocks(make);
      expect(await read()).toEqual({ resource: LOCK, holder: null, waiters: [] });
      const token = tokenIn(await acquire('a'));
      const { holder } = (await read())!;
      expect(holder).toMatchObject({ resource: LOCK, owner: 'a', fencing_token: token, ttl_seconds: 30 });
      expect(Date.parse(holder!.expires_at) - Date.parse(holder!.acquired_at)).toBe(30_000);
      expect(await acquire('b')).toMatchObject({ failure: { code: 'lock_held', current: { holder, waiters: [] } } });
    });

    it('its owner acquires it again with the same fencing token and a new TTL', async () => {
      const { acquire, read, advance } = await withLocks(make);
      const token = tokenIn(await acquire('a'));
      await advance(20_000);
      expect(tokenIn(await acquire('a', { ttl: 60 }))).toBe(token);
      await advance(59_999);
      expect((await read())!.holder).toMatchObject({ owner: 'a', ttl_seconds: 60 });
      await advance(1);
      expect((await read())!.holder).toBeNull();
    });

    it('the same text of another token is another owner', async () => {
      const { acquire, workspace, api } = await withLocks(make);
      const token = tokenIn(await acquire('a'));
      const call = callFrom(workspace);
      const other: Call = { ...call, principal: { ...call.principal, token_id: 'other' } };
      expect(await acquire('a', { call: other })).toMatchObject(HELD);
      expect(await api.renewLock(other, LOCK, { fencing_token: token })).toMatchObject(LOST);
      expect(await api.releaseLock(other, LOCK, { fencing_token: token })).toMatchObject(LOST);
    });

    it('another workspace has another lock of the same name, which cannot be reached from here', async () => {
      const { acquire, api } = await withLocks(make);
      await acquire('a');
      const elsewhere = callFrom('elsewhere');
      const refused = { failure: { code: 'not_found' } };
      expect(await acquire('a', { call: elsewhere })).toMatchObject(refused);
      expect(await api.readLock(elsewhere, LOCK)).toMatchObject(refused);
    });

    it('a renewal extends it, by its own TTL or by a new one', async () => {
      const { acquire, renew, read, advance } = await withLocks(make);
      const token = tokenIn(await acquire('a', { ttl: 10 }));
      for (let time = 0; time < 3; time++) {
        await advance(9_999);
        expect(await renew(token)).toMatchObject({ value: { fencing_token: token, ttl_seconds: 10 } });
      }
      expect(await renew(token, { ttl_seconds: 20 })).toMatchObject({ value: { ttl_seconds: 20 } });
      await advance(19_999);
      expect((await read())!.holder).not.toBeNull();
      await advance(1);
      expect((await read())!.holder).toBeNull();
    });

    it('an owner that died loses it after its TTL, and its fencing token is stale', async () => {
      const { acquire, renew, release, advance } = await withLocks(make);
      const dead = tokenIn(await acquire('a', { ttl: 10 }));
      await advance(9_999);
      expect(await acquire('b')).toMatchObject(HELD);
      await advance(1);
      expect(await renew(dead)).toMatchObject(LOST);
      expect(tokenIn(await acquire('b'))).toBeGreaterThan(dead);
      expect(await renew(dead)).toMatchObject(LOST);
      expect(await release(dead)).toMatchObject(LOST);
      expect(await acquire('a')).toMatchObject(HELD);
    });

    it('fencing tokens only grow, also when a lock was forgotten in between', async () => {
      const { acquire, release, advance } = await withLocks(make);
      let last = 0;
      for (const resource of [LOCK, 'other', LOCK, 'third', LOCK]) {
        const token = tokenIn(await acquire('a', { resource, ttl: 1 }));
        expect(token).toBeGreaterThan(last);
        last = token;
        if (resource === LOCK) await release(token);
        await advance(3_600_000);
      }
    });

    it('waiters get it in the order in which they came, and each is told its turn', async () => {
      const { acquire, release, waitForTurn, read } = await withLocks(make);
      let token = tokenIn(await acquire('first'));
      const names = ['a', 'b', 'c'];
      const links: ControlLink[] = [];
      for (const [index, name] of names.entries()) {
        const queued = await acquire(name, { wait: 25 });
        expect(queued).toMatchObject(queuedAt(index + 1));
        links.push(await waitForTurn(waitIn(queued)));
      }
      expect(await read()).toMatchObject({ holder: { owner: 'first' }, waiters: names });
      for (const [index, name] of names.entries()) {
        await release(token);
        await eventually(() =>
          expect(links.map(({ frames }) => frames.length > 0)).toEqual(names.map((_, i) => i <= index)),
        );
        expect(links[index]!.frames).toEqual(TURN);
        for (const other of names.slice(index + 1)) {
          expect(await acquire(other, { wait: 25 }), 'it is not their turn').toMatchObject({
            value: { state: 'queued' },
          });
        }
        expect(await acquire('late'), 'without a wait').toMatchObject(HELD);
        token = tokenIn(await acquire(name, { wait: 25 }));
      }
    });

    it('a waiter whose turn has come before its socket was open is told at once', async () => {
      const { acquire, release, waitForTurn } = await withLocks(make);
      const token = tokenIn(await acquire('a'));
      const wait = waitIn(await acquire('b', { wait: 25 }));
      await release(token);
      const link = await waitForTurn(wait);
      await eventually(() => expect(link.frames).toEqual(TURN));
    });

    it('the end of a TTL is a turn, too', async () => {
      const { acquire, waitForTurn, advance } = await withLocks(make);
      await acquire('a', { ttl: 10 });
      const link = await waitForTurn(waitIn(await acquire('b', { wait: 25 })));
      await advance(10_000);
      await eventually(() => expect(link.frames).toEqual(TURN));
      tokenIn(await acquire('b', { wait: 25 }));
    });

    it('a waiter that asks again keeps its place', async () => {
      const { acquire, advance } = await withLocks(make);
      await acquire('holder', { ttl: 3_600 });
      await acquire('a', { wait: 5 });
      await acquire('b', { wait: 25 });
      for (let time = 0; time < 4; time++) {
        await advance(9_000);
        expect(await acquire('a', { wait: 5 })).toMatchObject(queuedAt(1));
        expect(await acquire('b', { wait: 25 })).toMatchObject(queuedAt(2));
      }
    });

    it('a waiter that does not ask again loses its place 5 s after its wait', async () => {
      const { acquire, read, advance } = await withLocks(make);
      await acquire('holder', { ttl: 3_600 });
      await acquire('a', { wait: 10 });
      await acquire('b', { wait: 25 });
      await advance(14_999);
      expect((await read())!.waiters).toEqual(['a', 'b']);
      await advance(1);
      expect((await read())!.waiters).toEqual(['b']);
      expect(await acquire('a', { wait: 10 })).toMatchObject(queuedAt(2));
    });

    it('a waiter that vanishes loses its place after 5 s, unless it has asked again', async () => {
      const { acquire, read, advance, waitForTurn } = await withLocks(make);
      await acquire('holder', { ttl: 3_600 });
      const [gone, back] = [waitIn(await acquire('gone', { wait: 25 })), waitIn(await acquire('back', { wait: 25 }))];
      const links = [await waitForTurn(gone), await waitForTurn(back)];
      await advance(1_000);
      await acquire('back', { wait: 25 });
      for (const link of links) link.close();
      await eventually(async () => {
        await advance(5_000);
        expect((await read())!.waiters).toEqual(['back']);
      });
    });

    it('a dead waiter holds up the others for 5 s, and never gets the lock', async () => {
      const { acquire, release, advance, waitForTurn, read } = await withLocks(make);
      const token = tokenIn(await acquire('holder'));
      await acquire('dead', { wait: 25 });
      const link = await waitForTurn(waitIn(await acquire('b', { wait: 25 })));
      await release(token);
      await advance(4_999);
      expect(await read()).toMatchObject({ holder: null, waiters: ['dead', 'b'] });
      expect(link.frames).toEqual([]);
      await advance(1);
      await eventually(() => expect(link.frames).toEqual(TURN));
      tokenIn(await acquire('b'));
    });

    it('a waiter that asks without a wait leaves the queue', async () => {
      const { acquire, read } = await withLocks(make);
      await acquire('holder');
      await acquire('a', { wait: 25 });
      expect(await acquire('a')).toMatchObject(HELD);
      expect((await read())!.waiters).toEqual([]);
    });

    it('a full queue takes no more waiters, and serves those that it has', async () => {
      const { acquire } = await withLocks(make);
      await acquire('holder');
      for (let number = 1; number <= MAX_WAITERS_OF_LOCK; number++) await acquire(`w${number}`, { wait: 25 });
      expect(await acquire('late', { wait: 25 })).toMatchObject({ failure: { code: 'too_many_requests' } });
      expect(await acquire('w7', { wait: 25 })).toMatchObject(queuedAt(7));
    });

    it('agents and waiters on the sockets of one registry do not disturb each other', async () => {
      const { acquire, release, registry, waitForTurn, api, call } = await withLocks(make);
      const token = tokenIn(await acquire('a'));
      const link = await waitForTurn(waitIn(await acquire('b', { wait: 25 })));
      const agent = await join(registry as RegistryUnderTest);
      expect(await api.agents(call)).toMatchObject({ value: { items: [{ connected: true }] } });
      link.send('nonsense');
      await release(token);
      await eventually(() => expect(link.frames).toEqual(TURN));
      expect([link.closeCode, agent.closeCode, agent.frames.length]).toEqual([null, null, 1]);
    });
  });
}
