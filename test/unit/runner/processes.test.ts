import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { endProcesses, findByEnvironment, isRunning } from '../../../runner/process/processes.ts';

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

test('a process that does not exist is not running', () => {
  expect(isRunning(2 ** 22 + 1)).toBe(false);
});
