import { describe, expect, it } from 'vitest';
import { DirectoryInProcess } from '../../support/directory-in-process.ts';
import { everyStatement } from '../../support/every-statement.ts';
import type { NodePlatform } from '../../support/node-platform.ts';
import { directoryEntry } from '../ports/directory.contract.ts';

const entry = directoryEntry(1, { rev: 2 });

function holdingOne(platform: NodePlatform): DirectoryInProcess {
  const directory = new DirectoryInProcess({ platform });
  directory.runtime.put('default', entry);
  return directory;
}

describe('each change of the directory happens wholly or not at all', () => {
  it.each<[string, (platform: NodePlatform) => DirectoryInProcess, (directory: DirectoryInProcess) => void]>([
    [
      'the first entry, which makes the directory',
      (platform) => new DirectoryInProcess({ platform }),
      ({ runtime }) => runtime.put('default', entry),
    ],
    ['a newer entry', holdingOne, ({ runtime }) => runtime.put('default', directoryEntry(1, { rev: 3 }))],
    ['an older entry', holdingOne, ({ runtime }) => runtime.put('default', directoryEntry(1, { rev: 1 }))],
    ['a removal', holdingOne, ({ runtime }) => runtime.remove('default', entry.summary.id, 3)],
  ])('%s', async (_what, setup, mutate) => {
    expect(await everyStatement(setup, mutate)).toBeGreaterThan(2);
  });
});

it('what arrives again writes nothing', () => {
  const directory = new DirectoryInProcess();
  holdingOne(directory.platform);
  const before = directory.platform.dump();
  directory.runtime.put('default', { ...entry, search_text: 'again' });
  expect(directory.platform.dump()).toEqual(before);
});

it('a tombstone is kept for a week, then the directory sleeps', async () => {
  const directory = new DirectoryInProcess();
  const { platform, runtime } = directory;
  runtime.put('default', entry);
  expect(platform.alarm, 'a directory with nothing to do has no alarm').toBeNull();
  runtime.remove('default', entry.summary.id, 3);
  await platform.advance(7 * 86_400_000 - 1, () => runtime.alarm());
  expect(platform.dump().removed).toHaveLength(1);
  await platform.advance(1, () => runtime.alarm());
  expect(platform.dump()).toMatchObject({ removed: [], sessions: [], entries: [], $alarm: null });
});

it('belongs to the workspace that made it', () => {
  const { runtime } = new DirectoryInProcess();
  runtime.put('default', entry);
  expect(() => runtime.put('elsewhere', entry)).toThrow(/another workspace/);
});
