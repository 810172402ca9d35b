import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { type GuardedProcess, spawnGuarded } from '../../../runner/process/guarded-process.ts';
import { endProcesses, findByEnvironment, isRunning } from '../../../runner/process/processes.ts';
import { eventually } from '../../support/eventually.ts';

const GUARDED_PROCESS = fileURLToPath(new URL('../../../runner/process/guarded-process.ts', import.meta.url));
const env = { PATH: process.env.PATH ?? '' };
const started: GuardedProcess[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((guarded) => guarded.stop()));
});

async function run(script: string, onOutput: (chunk: string) => void = () => undefined): Promise<GuardedProcess> {
  const guarded = await spawnGuarded({ command: 'sh', args: ['-c', script], env, onOutput });
  started.push(guarded);
  return guarded;
}

test('a guarded process has its command’s exit code', async () => {
  const guarded = await run('exit 7');
  expect(await guarded.exited).toEqual({ code: 7 });
});

test('a guarded process passes on its command’s output', async () => {
  const chunks: string[] = [];
  const guarded = await run('echo out; echo err >&2', (chunk) => chunks.push(chunk));
  await guarded.exited;
  expect(chunks.join('').split('\n').sort()).toEqual(['', 'err', 'out'].sort());
});

test('a guarded process without a listener for its output has the standard streams of this process', async () => {
  const script = `
    const { spawnGuarded } = await import(${JSON.stringify(GUARDED_PROCESS)});
    const command = { command: 'sh', args: ['-c', 'cat; echo err >&2; exit 7'], env: process.env };
    process.exitCode = (await (await spawnGuarded(command)).exited).code;`;
  const parent = spawnSync(process.execPath, ['--input-type=module', '-e', script], { env, input: 'hello' });
  expect([parent.status, String(parent.stdout), String(parent.stderr)]).toEqual([7, 'hello', 'err\n']);
});

test('starting a missing command fails with an error that names it', async () => {
  const starting = spawnGuarded({ command: '/no/such/command', args: [], env, onOutput: () => undefined });
  await expect(starting).rejects.toThrow('/no/such/command did not start');
});

test('a command that ignores SIGTERM is killed with its process group', async () => {
  const lines: string[] = [];
  const guarded = await run(`trap '' TERM; sleep 300 & echo $!; wait; sleep 300`, (chunk) => lines.push(chunk));
  await eventually(() => expect(lines).toHaveLength(1));
  const grandchild = Number(lines[0]);
  await guarded.stop();
  expect(isRunning(guarded.pid)).toBe(false);
  await eventually(() => expect(isRunning(grandchild)).toBe(false));
});

test('a guarded command ends when its parent is killed by SIGKILL', async () => {
  const script = `
    const { spawnGuarded } = await import(${JSON.stringify(GUARDED_PROCESS)});
    const { pid } = await spawnGuarded({ command: 'sleep', args: ['300'], env: process.env, onOutput() {} });
    console.log(pid);`;
  const parent: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', script], { env });
  const [chunk] = (await once(parent.stdout as NonNullable<typeof parent.stdout>, 'data')) as [Buffer];
  const pid = Number(chunk.toString());
  expect(isRunning(pid)).toBe(true);
  parent.kill('SIGKILL');
  await eventually(() => expect(isRunning(pid)).toBe(false));
});

test('a command ends when its guard is killed, and a stop after that returns', async () => {
  const lines: string[] = [];
  const guarded = await run('echo $PPID; exec sleep 300', (chunk) => lines.push(chunk));
  await eventually(() => expect(lines).toHaveLength(1));
  process.kill(Number(lines[0]), 'SIGKILL');
  expect(await guarded.exited).toEqual({ code: 128 + 9 });
  await eventually(() => expect(isRunning(guarded.pid)).toBe(false));
  expect(await guarded.stop()).toEqual({ code: 128 + 9 });
});

test('when the parent is killed, processes that the command started in other process sessions end too', async () => {
  const value = `guarded-${process.pid}`;
  const tool = `require('child_process').spawn('sleep', ['300'], { detached: true, stdio: 'ignore' }); setTimeout(() => {}, 300_000)`;
  const script = `
    const { spawnGuarded } = await import(${JSON.stringify(GUARDED_PROCESS)});
    const env = { ...process.env, OIO_TEST_MARKER: ${JSON.stringify(value)} };
    const options = { command: process.execPath, args: ['-e', ${JSON.stringify(tool)}], env, marker: 'OIO_TEST_MARKER' };
    await spawnGuarded({ ...options, onOutput() {} });`;
  const parent: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', script], { env });
  const marked = () => findByEnvironment('OIO_TEST_MARKER', value);
  try {
    // The guard, the command, and the tool.
    await eventually(() => expect(marked()).toHaveLength(3));
    parent.kill('SIGKILL');
    await eventually(() => expect(marked()).toEqual([]));
  } finally {
    await endProcesses(marked());
  }
});
