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

test('processes are found by a variable of their environment, and only by its whole value', async () => {
  const value = `unit-${process.pid}-find`;
  const pid = await startMarked(value, 'exec sleep 300');
  try {
    expect(findByEnvironment('OIO_TEST_MARKER', value)).toEqual([pid]);
    expect(findByEnvironment('OIO_TEST_MARKER', value.slice(0, -1))).toEqual([]);
  } finally {
    await endProcesses([pid]);
  }
});

test('ending processes ends one that ignores SIGTERM', async () => {
  const pid = await startMarked(`unit-${process.pid}-end`, `trap '' TERM; while :; do sleep 0.1; done`);
  expect(await endProcesses([pid])).toBe(1);
  expect(isRunning(pid)).toBe(false);
});

test('a process that does not exist does not run', () => {
  expect(isRunning(2 ** 22 + 1)).toBe(false);
});
