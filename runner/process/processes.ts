import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { platform } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

const GRACE_MS = 2_000;
const POLL_MS = 25;

/** Whether a process is running. A zombie, which has ended but not been collected by its parent, is not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  if (platform() !== 'linux') return true;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return false;
  }
}

/**
 * This user's processes whose environment has `name=value`. Tool processes that outlive the server which started them
 * can be found in no other way: each has its own process session, and process 1 adopts it.
 */
export function findByEnvironment(name: string, value: string): number[] {
  const marker = `${name}=${value}`;
  const pids = platform() === 'linux' ? searchProc(marker) : searchPs(marker);
  return pids.filter((pid) => pid !== process.pid && isRunning(pid));
}

function searchProc(marker: string): number[] {
  const carriesMarker = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(marker);
    } catch {
      return false; // The process has ended meanwhile, or belongs to another user.
    }
  };
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && carriesMarker(entry))
    .map(Number);
}

function searchPs(marker: string): number[] {
  if (platform() === 'win32') return [];
  const listing = execFileSync('ps', ['-x', '-E', '-ww', '-o', 'pid=,command='], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return listing
    .split('\n')
    .filter((line) => line.split(/\s+/).includes(marker))
    .map((line) => Number.parseInt(line, 10));
}

/** Sends SIGTERM and, two seconds later, SIGKILL. Resolves when the processes have ended, with their number. */
export async function endProcesses(pids: number[]): Promise<number> {
  signalAll(pids, 'SIGTERM');
  if (!(await ended(pids, GRACE_MS))) {
    signalAll(pids.filter(isRunning), 'SIGKILL');
    await ended(pids, GRACE_MS);
  }
  return pids.length;
}

function signalAll(pids: number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // The process has ended meanwhile.
    }
  }
}

async function ended(pids: number[], withinMs: number): Promise<boolean> {
  const polls = Math.ceil(withinMs / POLL_MS);
  for (let poll = 0; poll < polls; poll++) {
    if (!pids.some(isRunning)) return true;
    await delay(POLL_MS);
  }
  return !pids.some(isRunning);
}
