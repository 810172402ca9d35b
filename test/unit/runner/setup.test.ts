import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Setup, type SetupEnd } from '../../../runner/setup/setup.ts';
import { eventually } from '../../support/eventually.ts';

let scratch: string;
let setup: Setup;
let log: string[];

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-setup-'));
  log = [];
  setup = new Setup({
    choice: 'repository',
    cacheDirectory: join(scratch, 'cache'),
    environment: () => ({ PATH: process.env.PATH ?? '' }),
    log: (line) => log.push(line),
  });
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs that wait in the command for a file, and then end with the exit code in it. */
const command = 'echo run >> ../runs; until [ -s ../go ]; do sleep 0.05; done; mkdir made; exit $(cat ../go)';
const runs = () => (existsSync(join(scratch, 'runs')) ? readFileSync(join(scratch, 'runs'), 'utf8').length / 4 : 0);

function start(name: string, { signal = new AbortController().signal, isPristine = true } = {}) {
  const path = join(scratch, name);
  mkdirSync(path);
  const recipe = { command, cache: { paths: ['made'], key_files: ['lock'] } };
  const said: string[] = [];
  const end = setup.run({
    worktree: { path, base: 'base' },
    repository: { rootCommit: 'root', remotes: [], readFile: async () => JSON.stringify({ setup: recipe }) },
    isPristine,
    signal,
    waiting: () => said.push('waiting'),
    started: () => said.push('started'),
  });
  return { end, said, path };
}

const typeOf = (end: SetupEnd | null) => end?.type;

test('sessions that start at once with an empty cache run the set-up once, and the others take its result', async () => {
  const first = start('first');
  await eventually(() => expect(runs()).toBe(1));
  const others = [start('second'), start('third', { isPristine: false })];
  await eventually(() => expect(others.map(({ said }) => said)).toEqual([['waiting'], ['waiting']]));
  writeFileSync(join(scratch, 'go'), '0');
  expect(typeOf(await first.end)).toBe('ran');
  for (const { end, path } of others) {
    expect(typeOf(await end)).toBe('cached');
    expect(existsSync(join(path, 'made'))).toBe(true);
  }
  expect([runs(), log]).toEqual([1, []]);
});

test('a session whose result is not kept keeps no other one waiting', async () => {
  const first = start('first', { isPristine: false });
  await eventually(() => expect(runs()).toBe(1));
  const second = start('second');
  await eventually(() => expect(runs()).toBe(2));
  writeFileSync(join(scratch, 'go'), '0');
  expect([typeOf(await first.end), typeOf(await second.end)]).toEqual(['ran', 'ran']);
});

test('a session that waits runs the set-up itself if the other one fails, and ends at once with its lease', async () => {
  const first = start('first');
  await eventually(() => expect(runs()).toBe(1));
  const ending = new AbortController();
  const [second, ended] = [start('second'), start('ended', { signal: ending.signal })];
  await eventually(() => expect([second.said, ended.said]).toEqual([['waiting'], ['waiting']]));
  ending.abort();
  await expect(ended.end).rejects.toThrow();
  writeFileSync(join(scratch, 'go'), '1');
  expect(await first.end).toMatchObject({ type: 'ran', exitCode: 1 });
  expect(await second.end).toMatchObject({ type: 'ran', exitCode: 1 });
  expect([runs(), second.said]).toEqual([2, ['waiting', 'started']]);
});
