import { describe, expect, it } from 'vitest';
import { buildKit, type ObjectKit, runAlarm } from '../../../../durable-objects/kit/runtime.ts';
import type { ObjectSchema } from '../../../../durable-objects/kit/storage/schema.ts';
import { everyStatement } from '../../../support/every-statement.ts';
import { InjectedFault, NodePlatform } from '../../../support/node-platform.ts';

const SCHEMA: ObjectSchema = {
  object: 'Test',
  steps: [{ id: 'test/0001_notes', sql: 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);' }],
};

function created(platform: NodePlatform): ObjectKit {
  const kit = buildKit(platform, SCHEMA, []);
  kit.store.create(() => {});
  return kit;
}

function note(kit: ObjectKit, text: string): void {
  kit.store.rows(`INSERT INTO notes (text) VALUES (?)`, text);
}

describe('a transaction of the kit', () => {
  it('commits rows, deadlines and the alarm together: a throw before any step leaves none of them', async () => {
    const steps = await everyStatement(created, ({ store, deadlines }, platform) =>
      store.transact(() => {
        note({ store, deadlines } as ObjectKit, 'a');
        deadlines.set('later', platform.now() + 1_000);
      }),
    );
    // The note, the deadlines read and written, the question of what is due in the outbox, the alarm, the commit.
    expect(steps).toBe(6);
  });

  it('does not query the earliest deadline if no deadline changed', () => {
    const platform = new NodePlatform();
    const kit = created(platform);
    const asked: string[] = [];
    const { exec } = platform;
    platform.exec = (query, bindings) => {
      asked.push(query);
      return exec.call(platform, query, bindings);
    };
    kit.store.transact(() => {
      note(kit, 'a');
      kit.deadlines.clear('never set');
    });
    expect(asked.filter((query) => query.includes('MIN('))).toEqual([]);
    kit.store.transact(() => kit.deadlines.set('later', platform.now() + 1_000));
    expect(asked.filter((query) => query.includes('MIN('))).toHaveLength(1);
    expect(platform.alarm).toBe(platform.now() + 1_000);
  });

  it('creates all tables or none', async () => {
    const steps = await everyStatement(
      (platform) => buildKit(platform, SCHEMA, []),
      (kit) => kit.store.create(() => note(kit, 'first')),
      (kit) => kit.store.created,
    );
    expect(steps).toBeGreaterThan(5);
  });

  it('runs its after-commit callbacks after the commit, and drops them when it throws', () => {
    const platform = new NodePlatform();
    const kit = created(platform);
    const told: string[] = [];
    const tell = (what: string) => () => {
      told.push(`${what}: ${platform.exec('SELECT COUNT(*) AS n FROM notes', [])[0]?.n}`);
    };
    expect(() =>
      kit.store.transact(() => {
        kit.store.afterCommit(tell('lost'));
        throw new Error('no');
      }),
    ).toThrow('no');
    kit.store.transact(() => {
      kit.store.afterCommit(tell('committed'));
      note(kit, 'a');
    });
    expect(told).toEqual(['committed: 1']);
  });

  it('refuses a stored value over 1 MiB, counted in bytes', () => {
    const kit = created(new NodePlatform());
    kit.store.transact(() => note(kit, 'é'.repeat(524_288)));
    expect(() => kit.store.transact(() => note(kit, 'é'.repeat(524_289)))).toThrow(RangeError);
  });
});

describe('deadlines', () => {
  it('set the alarm again at the next start if a kill between rows and alarm lost it', () => {
    const platform = new NodePlatform();
    const kit = created(platform);
    kit.store.transact(() => kit.deadlines.set('later', platform.now() + 1_000));
    platform.alarm = null;
    buildKit(platform, SCHEMA, []);
    expect(platform.alarm).toBe(platform.now() + 1_000);
  });

  it('run once each in the order of their times, even if the alarm is late', () => {
    const platform = new NodePlatform();
    const kit = created(platform);
    kit.store.transact(() => {
      kit.deadlines.set('second', platform.now() + 20);
      kit.deadlines.set('first', platform.now() + 10);
      kit.deadlines.set('far', platform.now() + 100_000);
    });
    const ran: string[] = [];
    platform.clock += 5_000;
    platform.fireAlarm(() => runAlarm(kit, (name) => ran.push(name)));
    platform.fireAlarm(() => runAlarm(kit, (name) => ran.push(name)));
    expect(ran).toEqual(['first', 'second']);
    expect(platform.alarm).toBe(kit.deadlines.dueAt('far'));
  });

  it('that are later than an alarm which fires soon do not move it; when it fires, it is set to the earliest', () => {
    const platform = new NodePlatform();
    const kit = created(platform);
    const now = platform.now();
    const armedAfter = (change: () => void) => {
      kit.store.transact(change);
      return platform.alarm;
    };
    expect(armedAfter(() => kit.deadlines.set('a', now + 60_000))).toBe(now + 60_000);
    expect(
      armedAfter(() => kit.deadlines.set('a', now + 50_000)),
      'sooner',
    ).toBe(now + 50_000);
    expect(
      armedAfter(() => kit.deadlines.set('a', now + 70_000)),
      'later, from a time far ahead',
    ).toBe(now + 70_000);
    expect(armedAfter(() => kit.deadlines.set('a', now + 5_000))).toBe(now + 5_000);
    expect(
      armedAfter(() => kit.deadlines.set('a', now + 80_000)),
      'later, from a time near by',
    ).toBe(now + 5_000);
    expect(
      armedAfter(() => kit.deadlines.clear('a')),
      'no longer needed',
    ).toBe(now + 5_000);
    expect(armedAfter(() => kit.deadlines.set('a', now + 90_000))).toBe(now + 5_000);
    platform.clock = now + 5_000;
    platform.fireAlarm(() => runAlarm(kit, () => expect.unreachable('nothing is due')));
    expect(platform.alarm).toBe(now + 90_000);
  });

  it('set the alarm again with the next change if the platform has lost it', () => {
    const platform = new NodePlatform();
    const kit = created(platform);
    kit.store.transact(() => kit.deadlines.set('a', platform.now() + 1_000));
    platform.alarm = null;
    platform.clock += 60_000;
    kit.store.transact(() => kit.deadlines.set('a', platform.now() + 1_000));
    expect(platform.alarm).toBe(platform.now() + 1_000);
  });

  it('never set the alarm to now or a time before', () => {
    const platform = new NodePlatform();
    const kit = created(platform);
    const now = platform.now();
    kit.store.transact(() => kit.deadlines.set('at once', now));
    expect(platform.alarm).toBe(now + 1);
    platform.clock += 1;
    platform.fireAlarm(() => runAlarm(kit, () => kit.deadlines.set('overdue', now)));
    expect(platform.alarm).toBe(now + 2);
  });

  it('set the alarm again with any change when its time has passed and it has not fired', () => {
    const platform = new NodePlatform();
    const kit = created(platform);
    kit.store.transact(() => kit.deadlines.set('a', platform.now() + 1_000));
    platform.alarm = null;
    platform.clock += 86_400_000;
    kit.store.transact(() => note(kit, 'a'));
    expect(platform.alarm).toBe(platform.now() + 1);
  });

  it('are tried again if their handler throws, which changes nothing and delays no other deadline', () => {
    const platform = new NodePlatform();
    const kit = created(platform);
    const at = platform.now() + 10;
    kit.store.transact(() => {
      kit.deadlines.set('bad', at);
      kit.deadlines.set('good', at + 1);
    });
    platform.clock += 1_000;
    platform.fireAlarm(() =>
      runAlarm(kit, (name) => {
        note(kit, name);
        if (name === 'bad') throw new Error('bug');
      }),
    );
    expect(kit.store.rows(`SELECT text FROM notes`)).toEqual([{ text: 'good' }]);
    expect(kit.deadlines.dueAt('bad')).toBeGreaterThan(platform.now());
    expect(platform.alarm).toBe(kit.deadlines.dueAt('bad'));
  });

  it('set the alarm again, without a throw, when storage fails during the alarm', () => {
    const platform = new NodePlatform();
    const kit = created(platform);
    kit.store.transact(() => kit.deadlines.set('x', platform.now() + 10));
    platform.clock += 1_000;
    for (let step = 1; step <= 12; step++) {
      platform.failAt(step);
      expect(() => platform.fireAlarm(() => runAlarm(kit, () => {})), `fault at step ${step}`).not.toThrow();
      platform.failAt(Number.POSITIVE_INFINITY);
      const waiting = kit.deadlines.dueAt('x');
      if (waiting !== null) expect(platform.alarm, `fault at step ${step}`).not.toBeNull();
      kit.store.transact(() => kit.deadlines.set('x', platform.now()));
    }
  });
});

it('an injected fault of the test platform is thrown once', () => {
  const platform = new NodePlatform();
  const kit = created(platform);
  platform.failAt(1);
  expect(() => kit.store.transact(() => note(kit, 'a'))).toThrow(InjectedFault);
  kit.store.transact(() => note(kit, 'b'));
  expect(kit.store.rows(`SELECT text FROM notes`)).toEqual([{ text: 'b' }]);
});
