import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import { REGISTRY_SCHEMA } from '../../durable-objects/agent-registry/schema.ts';
import { CONTEXT_SCHEMA } from '../../durable-objects/context/schema.ts';
import { DIRECTORY_SCHEMA } from '../../durable-objects/directory/schema.ts';
import type { Destination } from '../../durable-objects/kit/delivery/outbox.ts';
import { acceptSocket, durablePlatform } from '../../durable-objects/kit/platform/durable-object.ts';
import { buildKit, type ObjectKit, runAlarm } from '../../durable-objects/kit/runtime.ts';
import type { ObjectSchema } from '../../durable-objects/kit/storage/schema.ts';
import { SESSION_SCHEMA } from '../../durable-objects/session/schema.ts';
import { WORKSPACE_SCHEMA } from '../../durable-objects/workspace/schema.ts';
import { consoleLogger } from '../../src/adapters/console-logger.ts';
import { directoryName } from '../../src/adapters/objects/names.ts';
import { eventually } from '../support/eventually.ts';
import { hello, slotRequest } from '../unit/ports/agent-registry.fixture.ts';
import { controlLink, openControl, registryObject } from './support/registry-in-workerd.ts';

const SCHEMA: ObjectSchema = {
  object: 'Test',
  steps: [{ id: 'test/0001_notes', sql: 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);' }],
};

/** Runs `test` with the kit inside a new object, on the platform's storage. */
function inObject<T>(
  test: (kit: ObjectKit, state: DurableObjectState) => T | Promise<T>,
  destinations: Destination[] = [],
  schema = SCHEMA,
): Promise<T> {
  const stub = env.DIRECTORY.getByName(directoryName(`kit-${crypto.randomUUID()}`));
  return runInDurableObject(stub, (_instance, state) => {
    const kit = buildKit(durablePlatform(state, consoleLogger('warn')), schema, destinations);
    kit.store.create(() => {});
    return test(kit, state);
  });
}

function notes(kit: ObjectKit): unknown[] {
  return kit.store.rows<{ text: string }>(`SELECT text FROM notes`).map(({ text }) => text);
}

function note(kit: ObjectKit, text: string): void {
  kit.store.rows(`INSERT INTO notes (text) VALUES (?)`, text);
}

describe('the kit on the platform’s own storage', () => {
  // The platform rejects some statements that SQLite accepts, and a new object does not run the steps.
  it.each([SESSION_SCHEMA, REGISTRY_SCHEMA, CONTEXT_SCHEMA, DIRECTORY_SCHEMA, WORKSPACE_SCHEMA])(
    'applies every step of $object',
    ({ object, steps }) => inObject(({ store }) => expect(store.created).toBe(true), [], { object, steps }),
  );

  it('rolls back the alarm and the rows of a transaction that throws', () =>
    inObject(async (kit, state) => {
      const at = Date.now() + 3_600_000;
      expect(() =>
        kit.store.transact(() => {
          note(kit, 'lost');
          kit.deadlines.set('later', at);
          state.storage.setAlarm(at);
          throw new Error('no');
        }),
      ).toThrow('no');
      expect([notes(kit), await state.storage.getAlarm()]).toEqual([[], null]);
      kit.store.transact(() => kit.deadlines.set('later', at));
      expect(await state.storage.getAlarm()).toBe(at);
    }));

  it('keeps the alarm at the earliest deadline, and deletes it with the last one', () =>
    inObject(async (kit, state) => {
      const { store, deadlines } = kit;
      const now = Date.now();
      const armed = async (change: () => void) => {
        store.transact(change);
        return await state.storage.getAlarm();
      };
      expect(await armed(() => deadlines.set('a', now + 60_000))).toBe(now + 60_000);
      expect(await armed(() => deadlines.set('b', now + 30_000))).toBe(now + 30_000);
      expect(await armed(() => deadlines.clear('b'))).toBe(now + 60_000);
      expect(await armed(() => deadlines.clear('a'))).toBeNull();
    }));

  it('runs a deadline’s handler again from the start if it was interrupted', () =>
    inObject((kit) => {
      kit.store.transact(() => kit.deadlines.set('x', Date.now() - 1));
      let attempts = 0;
      const handle = () => {
        attempts++;
        note(kit, `attempt ${attempts}`);
        if (attempts === 1) throw new Error('the process dies here');
      };
      runAlarm(kit, handle);
      expect(notes(kit)).toEqual([]);
      kit.store.transact(() => kit.deadlines.set('x', Date.now() - 1));
      runAlarm(kit, handle);
      runAlarm(kit, handle);
      expect(notes(kit)).toEqual(['attempt 2']);
    }));

  it('refuses a value over 1 MiB, although this runtime would accept it', () =>
    inObject((kit, state) => {
      const large = 'x'.repeat(1_048_577);
      expect(() => kit.store.transact(() => note(kit, large))).toThrow(/1048576/);
      state.storage.sql.exec(`INSERT INTO notes (text) VALUES (?)`, large);
      expect(notes(kit)).toEqual([large]);
    }));

  it('applies a new migration step to an existing object, and refuses an edited one', () =>
    inObject((_kit, state) => {
      const platform = durablePlatform(state, consoleLogger('warn'));
      const more = { id: 'test/0002_more', sql: 'CREATE TABLE more (id INTEGER PRIMARY KEY);' };
      const edited = { id: 'test/0001_notes', sql: 'CREATE TABLE other (id INTEGER);' };
      expect(() => buildKit(platform, { object: 'Test', steps: [edited, more] }, [])).toThrow(/test\/0001_notes/);
      const kit = buildKit(platform, { object: 'Test', steps: [...SCHEMA.steps, more] }, []);
      expect(kit.store.rows(`SELECT * FROM more`)).toEqual([]);
    }));

  it('refuses a frame over 1 MiB on a socket', () =>
    inObject((_kit, state) => {
      const { socket } = acceptSocket(state, ['tag'], { any: 'thing' });
      expect(() => socket.send('x'.repeat(1_048_577))).toThrow(/1048576/);
      socket.send('x'.repeat(1_048_576));
      expect(
        durablePlatform(state, consoleLogger('warn'))
          .sockets('tag')
          .map((open) => open.attachment()),
      ).toEqual([{ any: 'thing' }]);
      socket.close(1000, 'done');
    }));

  it('runs deadlines while a destination never answers', async () => {
    const asked: string[] = [];
    const dead: Destination = { name: 'dead', deliver: (key) => new Promise(() => void asked.push(key)) };
    await inObject(
      async (kit) => {
        kit.store.transact(() => {
          kit.outbox.put('dead', 'a', 1);
          kit.deadlines.set('local', Date.now() - 1);
        });
        await eventually(() => expect(asked).toEqual(['a']));
        runAlarm(kit, (name) => note(kit, name));
        expect(notes(kit)).toEqual(['local']);
        expect(kit.outbox.undelivered()).toMatchObject([{ destination: 'dead', waiting: 1, parked: 0 }]);
      },
      [dead],
    );
  });
});

it('the alarm of a real object runs due deadlines, has the same result when it runs twice, and is set again', async () => {
  const { workspace, stub } = registryObject();
  const agent = controlLink(await openControl(stub, workspace, crypto.randomUUID()));
  agent.send(hello());
  await eventually(() => expect(agent.frames).toHaveLength(1));
  await stub.reserve(slotRequest(1));
  const state = () =>
    runInDurableObject(stub, async (_instance, { storage }) => ({
      alarm: await storage.getAlarm(),
      slots: storage.sql.exec(`SELECT state FROM slots`).toArray(),
      due: Math.min(
        ...Object.values(JSON.parse(String(storage.sql.exec(`SELECT due FROM deadlines`).one().due)) as object),
      ),
    }));
  const offered = await state();
  expect(offered).toMatchObject({ slots: [{ state: 'offered' }], alarm: offered.due });

  vi.useFakeTimers({ toFake: ['Date'], now: offered.alarm! });
  try {
    await runDurableObjectAlarm(stub);
    const after = await state();
    expect(after).toMatchObject({ slots: [{ state: 'queued' }], alarm: after.due });
    await runDurableObjectAlarm(stub);
    expect(await state()).toEqual(after);
  } finally {
    vi.useRealTimers();
  }
});
