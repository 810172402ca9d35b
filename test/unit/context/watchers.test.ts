import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { NO_PORTS } from '../../../durable-objects/context/ports.ts';
import { pathOf } from '../../../src/domain/context/edits.ts';
import type { JsonObject } from '../../../src/domain/context/json.ts';
import { valueIn as valueAtPath } from '../../../src/domain/context/json-patch.ts';
import type { Call } from '../../../src/ports/calls.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import {
  BATCH_BYTES,
  MAX_FRAME_BYTES,
  MAX_WATCHER_LAG_BYTES,
  utf8Length,
} from '../../../src/protocol/common/limits.ts';
import { ContextWatchFrame } from '../../../src/protocol/context/watch-socket.ts';
import { runs } from '../../support/seeds.ts';
import { valueIn } from '../../support/value-in.ts';
import { contextValue } from '../domain/context/context.arbitrary.ts';
import { callIn } from '../ports/workspace.contract.ts';
import { CALL } from './home.ts';
import { WatchedHome } from './watched-home.ts';

const LONG = 'ü'.repeat(60_000);

describe('a watcher of a context', () => {
  it('starts with the value, and then gets each change with its version and writer', () => {
    const watched = new WatchedHome({ build: { status: 'red' } });
    const watcher = watched.watcher().connect().catchUp();
    expect(watcher).toMatchObject({ live: true, resets: 1, follower: { version: 1 } });
    expect(watcher.follower.value).toEqual({ build: { status: 'red' } });
    watched.set({ build: { status: 'green' } });
    watched.set({ n: [] });
    expect(watcher.catchUp().changes).toMatchObject([
      { version: 2, by: { token_id: 'static' }, edits: [{ path: '/build/status', value: 'green' }] },
      { version: 3, edits: [{ path: '/n', value: [] }] },
    ]);
    expect(watcher.follower.value).toEqual({ build: { status: 'green' }, n: [] });
  });

  it('gets nothing but the hello until it pulls', () => {
    const watched = new WatchedHome({ a: 1 });
    const client = watched.open()!;
    watched.set({ a: 2 });
    expect(client.frames()).toMatchObject([{ type: 'hello', mode: 'snapshot', version: 1, head: 1 }]);
  });

  it('gets the changes of its place alone, also those of what contains it', () => {
    const watched = new WatchedHome({ build: { status: 'red', by: 'a' }, other: 1 });
    const watcher = watched.watcher('/build/status').connect().catchUp();
    expect(watcher.follower.value).toBe('red');
    watched.set({ other: 2 });
    watched.set({ build: { by: 'b' } });
    watched.set({ build: { status: 'green' } });
    watched.set({ build: 'gone' });
    watched.set({ build: { status: { code: 1 } } });
    expect(watcher.catchUp().changes.map(({ version, edits }) => ({ version, edits }))).toEqual([
      { version: 4, edits: [{ path: '/build/status', value: 'green' }] },
      { version: 5, edits: [{ path: '/build/status' }] },
      { version: 6, edits: [{ path: '/build/status', value: { code: 1 } }] },
    ]);
    expect(watcher.follower.value).toEqual({ code: 1 });
    expect(watcher.faults).toEqual([]);
  });

  it('resumes after its version, without a gap and without a repetition, also after the object has slept', () => {
    const watched = new WatchedHome({ n: 0 });
    const watcher = watched.watcher().connect().catchUp();
    watched.set({ n: 1 });
    watcher.catchUp().client?.vanish();
    watched.set({ n: 2 });
    watched.home.evict();
    watched.set({ n: 3 });
    watcher.connect();
    watched.set({ n: 4 });
    watcher.catchUp();
    watched.set({ n: 5 });
    expect(watcher.catchUp()).toMatchObject({ versions: [2, 3, 4, 5, 6], resets: 1, faults: [] });
    watched.home.evict();
    watched.set({ n: 6 });
    expect(watcher.catchUp()).toMatchObject({ versions: [2, 3, 4, 5, 6, 7], faults: [] });
  });

  it.each([
    { reason: 'no_version', query: {} },
    { reason: 'below_base', query: { after: '3' } },
    { reason: 'beyond_head', query: { after: '999' } },
  ])('starts from a snapshot if the server cannot resume ($reason)', ({ reason, query }) => {
    const watched = new WatchedHome();
    for (let n = 0; n < 450; n++) watched.set({ n });
    const client = watched.open(query as Record<string, string>)!;
    expect(client.frames()).toMatchObject([{ type: 'hello', mode: 'snapshot', reason, version: 451 }]);
  });

  it('gets a snapshot in place of a change that is too long for a frame', () => {
    const watched = new WatchedHome({ n: 0 });
    const watcher = watched.watcher().connect().catchUp();
    const many = Object.fromEntries(Array.from({ length: 7 }, (_, index) => [`long-${index}`, LONG]));
    watched.set(many);
    watched.set({ n: 1 });
    expect(watcher.catchUp()).toMatchObject({ resets: 2, faults: [], live: true });
    expect(watcher.follower.value).toEqual({ n: 1, ...many });
  });

  it('never gets the parts of two texts as one value, if a place becomes secret in between', () => {
    const watched = new WatchedHome({ a: 'x'.repeat(70_000), b: 'y'.repeat(150_000) });
    const watcher = watched.watcher().connect();
    watcher.read(2);
    valueIn(watched.home.runtime.update(CALL, { updates: {}, secret_paths: ['a'] }));
    expect(watcher.catchUp()).toMatchObject({ live: true, faults: [] });
    expect(watcher.follower.value).toEqual({ a: '[secret]', b: 'y'.repeat(150_000) });
  });

  it('gets with the next change what a failure of another watcher has kept from it', async () => {
    const watched = new WatchedHome({ n: 0 });
    const watchers = Array.from({ length: 20 }, () => watched.watcher().connect().catchUp());
    const { socket } = watchers[17]!.client!;
    const { send } = socket;
    socket.send = () => {
      socket.send = send;
      throw new Error('broken');
    };
    watched.set({ n: 1, a: 1 });
    await watched.home.platform.settle();
    watched.set({ n: 2 });
    await watched.home.platform.settle();
    for (const watcher of watchers.slice(18)) {
      expect(watcher.catchUp()).toMatchObject({ versions: [2, 3], faults: [] });
      expect(watcher.follower.value).toEqual({ n: 2, a: 1 });
    }
  });

  it('gets frames that fit, whatever the values', () => {
    const watched = new WatchedHome();
    for (const [index, text] of ['"'.repeat(100_000), '\u0000'.repeat(40_000), '💩'.repeat(50_000), LONG].entries()) {
      watched.set({ [`text-${index}`]: text });
    }
    const sizes: number[] = [];
    for (const query of [{}, { after: '1' }]) {
      const client = watched.open(query as Record<string, string>)!;
      for (let pulls = 0; pulls < 50; pulls++) {
        for (const text of client.received.splice(0)) {
          expect(ContextWatchFrame().safeParse(JSON.parse(text)).success).toBe(true);
          sizes.push(utf8Length(text));
          const { type, mark } = JSON.parse(text);
          if (type === 'mark') client.send({ type: 'ack', mark });
        }
        client.send({ type: 'pull' });
      }
      expect(client.closedBy).toBeNull();
    }
    expect(Math.max(...sizes)).toBeLessThan(MAX_FRAME_BYTES);
    expect(sizes.length).toBeGreaterThan(8);
  });

  it('that does not acknowledge is closed before more than its bound is under way, and can resume', () => {
    const watched = new WatchedHome();
    const silent = watched.open()!;
    const reader = watched.watcher().connect().catchUp();
    silent.send({ type: 'pull' });
    silent.send({ type: 'pull' });
    for (let n = 0; n < 20; n++) {
      watched.set({ text: LONG.slice(0, 50_000) + n });
      reader.catchUp();
    }
    expect(silent.closedBy?.code).toBe(4008);
    const bytes = silent.received.reduce((sum, text) => sum + utf8Length(text), 0);
    expect(bytes).toBeLessThanOrEqual(MAX_WATCHER_LAG_BYTES + BATCH_BYTES);
    expect(reader).toMatchObject({ live: true, faults: [], versions: { length: 20 } });
  });

  it('is closed when the context is deleted, and when its token ends', () => {
    const watched = new WatchedHome({ a: 1 });
    const [gone, revoked] = [watched.open()!, watched.open({}, callIn('default'))!];
    watched.revoke('static');
    expect(revoked.closedBy?.code).toBe(4001);
    expect(gone.closedBy?.code).toBe(4001);
    const last = watched.open()!;
    valueIn(watched.home.runtime.remove(CALL));
    expect(last.closedBy?.code).toBe(4010);
    expect(watched.open()).toBeNull();
  });

  it('gets nothing of a change that is not committed', () => {
    const watched = new WatchedHome({ a: 1 });
    const watcher = watched.watcher().connect().catchUp();
    watched.home.platform.failAt(2);
    expect(() => watched.set({ a: 2 })).toThrow();
    watched.home.platform.failAt(Number.POSITIVE_INFINITY);
    expect(watcher.catchUp().changes).toEqual([]);
    watched.set({ a: 3 });
    expect(watcher.catchUp()).toMatchObject({ versions: [2] });
    expect(watcher.follower.value).toEqual({ a: 3 });
  });
});

/** Calls of an agent under a lease that its session may take away. */
function leased() {
  const task_id = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001';
  const session_id = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
  const agent_id = '0198c2f0-1a2b-4c3d-9e4f-5a6b00000002';
  const call: Call = {
    ...{ principal: { workspace: 'default', role: 'agent', token_id: 'an-agent' }, request_id: 'r', idempotency: null },
    lease: { task_id, epoch: 1, session_id, agent_id },
  };
  const session = { answer: async (): Promise<Outcome<unknown>> => ok(null), asked: 0 };
  const heldLease = (asker: Call, lease: object) => {
    session.asked++;
    expect(asker.principal).toEqual(call.principal);
    expect(lease).toEqual({ task_id, epoch: 1 });
    return session.answer();
  };
  const watched = new WatchedHome({ n: 0 }, { ...NO_PORTS, heldLease });
  const settle = () => watched.home.platform.settle();
  return { watched, session, settle, watcher: watched.watcher('', call).connect() };
}

const LOST = refuse('stale_lease', 'It was lost.');

describe('a watcher under a lease', () => {
  it('gets changes once its session has confirmed the lease, in one question for several watchers', async () => {
    const { watched, session, settle, watcher } = leased();
    expect(watcher.client).not.toBeNull();
    watcher.catchUp();
    expect(watcher.resets).toBe(0);
    for (let turn = 0; turn < 3; turn++) {
      await settle();
      watcher.catchUp();
    }
    expect(watcher.live).toBe(true);
    const { asked } = session;
    watched.set({ n: 1 });
    watched.set({ n: 2 });
    await settle();
    expect(watcher.catchUp()).toMatchObject({ versions: [2, 3], faults: [] });
    expect(session.asked).toBe(asked + 1);
  });

  it('gets nothing more after the lease is lost, and is closed at the next change', async () => {
    const { watched, session, settle, watcher } = leased();
    for (let turn = 0; turn < 4; turn++) {
      watcher.catchUp();
      await settle();
    }
    session.answer = async () => LOST;
    watched.set({ n: 1 });
    await settle();
    expect(watcher.catchUp().changes).toEqual([]);
    expect(watcher.client?.closedBy).toEqual({ code: 4011, reason: 'It was lost.' });
  });

  it('is closed within a minute if nothing changes', async () => {
    const { watched, session, settle, watcher } = leased();
    await settle();
    session.answer = async () => LOST;
    await watched.home.advance(60_001);
    expect(watcher.client?.closedBy?.code).toBe(4011);
    const { asked } = session;
    await watched.home.advance(600_000);
    expect(session.asked).toBe(asked);
  });

  it('is told to come again if the session cannot be asked', async () => {
    const { session, settle, watcher } = leased();
    session.answer = async () => {
      throw new Error('no connection');
    };
    watcher.catchUp();
    await settle();
    expect(watcher.client?.closedBy?.code).toBe(1013);
  });
});

test('a watcher of any place has its value at each version, whatever changes, and however often it connects', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ set: contextValue }) },
    fc.record({ read: fc.integer({ min: 1, max: 3 }) }),
    fc.constant('drop' as const),
    fc.constant('evict' as const),
  );
  fc.assert(
    fc.property(
      contextValue,
      fc.array(step, { maxLength: 40 }),
      fc.constantFrom('', '/a', '/a/b'),
      (data, steps, path) => {
        const watched = new WatchedHome(data);
        const watcher = watched.watcher(path).connect();
        for (const one of steps) {
          if (one === 'evict') watched.home.evict();
          else if (one === 'drop') {
            watcher.client?.vanish();
            watcher.connect();
          } else if ('read' in one) watcher.read(one.read);
          else watched.set(one.set);
        }
        watcher.catchUp();
        expect(watcher.faults).toEqual([]);
        const head = valueIn(watched.home.runtime.read(CALL)).data as JsonObject;
        expect(watcher.follower.value).toEqual(valueAtPath(head, pathOf(path)));
        expect(watcher.versions).toEqual([...new Set(watcher.versions)].sort((a, b) => a - b));
      },
    ),
    runs(100),
  );
});
