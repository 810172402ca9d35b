import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataDirectory } from '../../../cli/data-directory.ts';
import type { LogLine } from '../../../cli/launcher/log-file.ts';
import { processStartTime } from '../../../cli/launcher/process-identity.ts';
import { ProcessLedger } from '../../../cli/launcher/process-ledger.ts';
import { Supervisor } from '../../../cli/launcher/supervisor.ts';
import { backoffMs } from '../../../runner/process/backoff.ts';
import { eventually } from '../../support/eventually.ts';

let data: DataDirectory;
const children: ChildProcess[] = [];
beforeEach(() => {
  data = new DataDirectory(mkdtempSync(join(tmpdir(), 'oio-processes-')));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(data.path, { recursive: true, force: true });
});

async function sleeper(script = 'setInterval(() => {}, 1000)') {
  const child = spawn(process.execPath, ['-e', `${script}; console.log('up')`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout, 'data');
  return child as ChildProcess & { pid: number };
}

describe('a process’s identity', () => {
  it('stays the same, differs between processes, and is undefined after the process has ended', async () => {
    const child = await sleeper();
    const first = processStartTime(child.pid);
    expect(first).toEqual(expect.any(String));
    expect(processStartTime(child.pid)).toBe(first);
    expect(processStartTime(process.pid)).not.toBe(first);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(processStartTime(child.pid)).toBeUndefined();
  });
});

describe('the process ledger', () => {
  it('ends processes that an earlier launcher left, even if they ignore SIGTERM', async () => {
    const [willing, stubborn] = await Promise.all([
      sleeper(),
      sleeper("process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"),
    ]);
    const before = new ProcessLedger(data);
    before.record('worker', willing.pid);
    before.record('agent', stubborn.pid);

    const ended = await new ProcessLedger(data).end();
    expect(ended.map(({ name }) => name).sort()).toEqual(['agent', 'worker']);
    expect([processStartTime(willing.pid), processStartTime(stubborn.pid)]).toEqual([undefined, undefined]);
    expect(await new ProcessLedger(data).end()).toEqual([]);
  });

  it('spares a process that has a recorded pid but started at another time', async () => {
    const stranger = await sleeper();
    const entry = { name: 'worker', pid: stranger.pid, start_time: 'another boot:1' };
    data.writePrivate('processes.json', JSON.stringify([entry]));
    expect(await new ProcessLedger(data).end()).toEqual([]);
    expect(processStartTime(stranger.pid)).toEqual(expect.any(String));
  });

  it('starts empty if its file is not one that it wrote', async () => {
    data.writePrivate('processes.json', '{"half a');
    expect(await new ProcessLedger(data).end()).toEqual([]);
  });
});

describe('a supervisor', () => {
  const run = (script: string, finalCodes: number[] = []) => {
    const lines: LogLine[] = [];
    const exits: { code: number; restartInMs: number | undefined }[] = [];
    const env = { PATH: process.env.PATH ?? '' };
    const supervisor = new Supervisor(
      { name: 'sample', command: process.execPath, args: ['-e', script], env, finalCodes },
      new ProcessLedger(data),
      { onLine: (line) => lines.push(line), onExit: (exit) => exits.push(exit) },
    );
    supervisor.start();
    return { supervisor, lines, exits };
  };
  const pids = () => (data.readJson<{ pid: number }[]>('processes.json') ?? []).map(({ pid }) => pid);

  it('restarts a killed process, and records the new one in place of the old one', async () => {
    const { supervisor, lines } = run("console.log('up'); setInterval(() => {}, 1000)");
    await eventually(() => expect([lines.length, pids()]).toEqual([1, [expect.any(Number)]]));
    const first = pids()[0]!;
    process.kill(first, 'SIGKILL');
    await eventually(() => expect([lines.length, pids()]).toEqual([2, [expect.any(Number)]]));
    expect(pids()).not.toEqual([first]);
    await supervisor.stop();
    expect(pids()).toEqual([]);
  });

  it('does not restart a process that exited with a final code', async () => {
    const { supervisor, exits } = run('process.exit(3)', [3]);
    await eventually(() => expect(exits).toEqual([{ code: 3, restartInMs: undefined }]));
    await supervisor.stop();
  });

  it('reports a command that cannot be started', async () => {
    const lines: LogLine[] = [];
    const supervisor = new Supervisor(
      { name: 'absent', command: join(data.path, 'absent'), args: [], env: {}, finalCodes: [127] },
      new ProcessLedger(data),
      { onLine: (line) => lines.push(line), onExit: () => undefined },
    );
    supervisor.start();
    await eventually(() => expect(lines.map(({ message }) => message).join()).toContain('ENOENT'));
    await supervisor.stop();
  });
});

it('the pause before a restart grows with each failure, up to a limit', () => {
  expect([1, 2, 3, 50].map(backoffMs)).toEqual([250, 500, 1_000, 15_000]);
});
