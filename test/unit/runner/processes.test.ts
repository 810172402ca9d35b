import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { endProcesses, findByEnvironment, findStripped, isRunning } from '../../../runner/process/processes.ts';

async function startMarked(value: string, script: string): Promise<number> {
  const child = spawn('sh', ['-c', script], {
    detached: true,
    stdio: 'ignore',
    env: { PATH: process.env.PATH ?? '', OIO_TEST_MARKER: value },
  });
  await once(child, 'spawn');
  return child.pid as number;
}

test('processes are found by the whole value of a variable in their environment', async () => {
  const value = `unit-${process.pid}-find`;
  const pid = await startMarked(value, 'exec sleep 300');
  try {
    expect(findByEnvironment('OIO_TEST_MARKER', value)).toEqual([pid]);
    expect(findByEnvironment('OIO_TEST_MARKER', value.slice(0, -1))).toEqual([]);
  } finally {
    await endProcesses([pid]);
  }
});

test('ending processes also ends one that ignores SIGTERM', async () => {
  const pid = await startMarked(`unit-${process.pid}-end`, `trap '' TERM; while :; do sleep 0.1; done`);
  expect(await endProcesses([pid])).toBe(1);
  expect(isRunning(pid)).toBe(false);
});

test.runIf(process.platform === 'linux')('a process without its environment is found by its directory', async () => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'oio-stripped-')));
  const inside = join(directory, 'inside');
  mkdirSync(inside);
  const start = (cwd: string, env: Record<string, string>) => {
    const child = spawn('/bin/sleep', ['300'], { cwd, env, detached: true, stdio: 'ignore' });
    return once(child, 'spawn').then(() => child.pid as number);
  };
  const daemon = await start(inside, {});
  const shell = await start(inside, { HOME: '/home/me' });
  const elsewhere = await start(tmpdir(), {});
  try {
    expect(findStripped(directory)).toEqual([daemon]);
  } finally {
    await endProcesses([daemon, shell, elsewhere]);
    rmSync(directory, { recursive: true });
  }
});

test('a process that does not exist is not running', () => {
  expect(isRunning(2 ** 22 + 1)).toBe(false);
});
