import { describe, expect, it } from 'vitest';
import { buildDirectory } from '../../../durable-objects/directory/runtime.ts';
import { PRIORITY_RANK, STATUS_RANK } from '../../../src/domain/ranks.ts';
import type { Call } from '../../../src/ports/calls.ts';
import type { SessionPriority, SessionStatus } from '../../../src/protocol/common/enums.ts';
import { ListSessionsQuery, type SessionSummary } from '../../../src/protocol/session/list.ts';
import { DirectoryInProcess } from '../../support/directory-in-process.ts';
import { everyStatement } from '../../support/every-statement.ts';
import { parsed } from '../../support/json-text.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { directoryEntry } from '../ports/directory.contract.ts';

const CALL: Call = {
  principal: { workspace: 'default', role: 'viewer', token_id: 'token' },
  request_id: 'request',
  idempotency: null,
};

const entry = directoryEntry(1, { rev: 2 });

function holdingOne(platform: NodePlatform): DirectoryInProcess {
  const directory = new DirectoryInProcess({ platform });
  directory.runtime.put(entry);
  return directory;
}

describe('each change of the directory is atomic', () => {
  it.each<[string, (platform: NodePlatform) => DirectoryInProcess, (directory: DirectoryInProcess) => void]>([
    [
      'the first entry, which creates the directory',
      (platform) => new DirectoryInProcess({ platform }),
      ({ runtime }) => runtime.put(entry),
    ],
    ['a newer entry', holdingOne, ({ runtime }) => runtime.put(directoryEntry(1, { rev: 3 }))],
    ['an older entry', holdingOne, ({ runtime }) => runtime.put(directoryEntry(1, { rev: 1 }))],
    ['a removal', holdingOne, ({ runtime }) => runtime.remove(entry.summary.id, 3)],
  ])('%s', async (_what, setup, mutate) => {
    expect(await everyStatement(setup, mutate)).toBeGreaterThan(1);
  });
});

it('the directory stores an entry in one row', () => {
  const { platform } = holdingOne(new NodePlatform());
  const written = () => platform.exec('SELECT total_changes() AS rows', [])[0]?.rows as number;
  const before = written();
  new DirectoryInProcess({ platform }).runtime.put(directoryEntry(1, { rev: 3, title: 'Renamed' }));
  expect(written() - before).toBe(1);
});

describe('after a release adds a value in the middle of an enumeration', () => {
  const priority = { ...PRIORITY_RANK, urgent: (PRIORITY_RANK.critical + PRIORITY_RANK.high) / 2 };
  const status = { ...STATUS_RANK, blocked: (STATUS_RANK.queued + STATUS_RANK.running) / 2 };
  const stored: Pick<SessionSummary, 'priority' | 'status'>[] = [
    { priority: 'low', status: 'cancelled' },
    { priority: 'critical', status: 'running' },
    { priority: 'high', status: 'queued' },
    { priority: 'medium', status: 'completed' },
  ];

  it.each(['priority', 'status'] as const)(
    'rows stored before keep their %s, and sort around the new value',
    (member) => {
      const platform = new NodePlatform();
      const { runtime: before } = new DirectoryInProcess({ platform });
      stored.forEach((values, index) => void before.put(directoryEntry(index + 1, values)));
      const after = buildDirectory('default', platform, { priority, status });
      const added = { priority: 'urgent' as SessionPriority, status: 'blocked' as SessionStatus };
      after.put(directoryEntry(9, added));

      const listed = (query: Record<string, unknown>) => {
        const outcome = after.list(CALL, { ...ListSessionsQuery().parse({}), ...query });
        return outcome.ok ? parsed(outcome.value.text).items.map((item) => item[member]) : [];
      };
      const words = {
        priority: ['critical', 'urgent', 'high', 'medium', 'low'],
        status: ['queued', 'blocked', 'running', 'completed', 'cancelled'],
      }[member];
      expect(listed({ sort: member })).toEqual(words);
      expect(listed({ sort: `-${member}` })).toEqual(words.toReversed());
      for (const word of words) {
        expect(listed({ [member]: member === 'status' ? [word] : word }), `filtered by ${word}`).toEqual([word]);
      }
    },
  );

  it('rows of a newer release sort last after a rollback', () => {
    const { runtime } = holdingOne(new NodePlatform());
    runtime.put(directoryEntry(2, { priority: 'urgent' as SessionPriority }));
    runtime.put(directoryEntry(3, { priority: 'deferred' }));
    const outcome = runtime.list(CALL, ListSessionsQuery().parse({ sort: 'priority' }));
    const priorities = outcome.ok ? parsed(outcome.value.text).items.map(({ priority }) => priority) : [];
    expect(priorities).toEqual(['medium', 'deferred', 'urgent']);
  });
});

it('the directory writes nothing for an entry that arrives again', () => {
  const directory = new DirectoryInProcess();
  holdingOne(directory.platform);
  const before = directory.platform.dump();
  directory.runtime.put({ ...entry, search_text: 'again' });
  expect(directory.platform.dump()).toEqual(before);
});

it('the directory keeps a tombstone for a week, and then has no alarm', async () => {
  const directory = new DirectoryInProcess();
  const { platform, runtime } = directory;
  runtime.put(entry);
  expect(platform.alarm, 'a directory with nothing to do has no alarm').toBeNull();
  runtime.remove(entry.summary.id, 3);
  await platform.advance(7 * 86_400_000 - 1, () => runtime.alarm());
  expect(platform.dump().removed).toHaveLength(1);
  await platform.advance(1, () => runtime.alarm());
  expect(platform.dump()).toMatchObject({ removed: [], sessions: [], $alarm: null });
});

it('tombstones of sessions that were deleted one by one are purged at most hourly', async () => {
  const platform = new NodePlatform();
  const { runtime } = new DirectoryInProcess({ platform });
  const deleted = Array.from({ length: 200 }, (_, index) => directoryEntry(index + 1, { rev: 1 }).summary.id);
  for (const id of deleted) {
    runtime.remove(id, 2);
    platform.clock += 60_000;
  }
  let alarms = 0;
  await platform.advance(8 * 86_400_000, () => {
    alarms++;
    runtime.alarm();
  });
  expect(alarms).toBeLessThanOrEqual(6);
  expect(platform.dump()).toMatchObject({ removed: [], $alarm: null });
});
