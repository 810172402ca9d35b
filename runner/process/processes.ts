import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { platform } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

const GRACE_MS = 2_000;
const POLL_MS = 25;
/** A process can start others while it is being ended. One that never stops doing so must not hold up its end. */
const MAX_ROUNDS = 5;

/** Whether a process is running. A zombie, which has ended but not been collected by its parent, is not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return platform() !== 'linux' || (statOf(pid)[0] ?? 'Z') !== 'Z';
}

/** The process that started this one, or that has adopted it since; null when the process has ended. */
export function parentOf(pid: number): number | null {
  const parent = platform() === 'linux' ? statOf(pid)[1] : ps('-o', 'ppid=', '-p', String(pid)).trim();
  return parent ? Number(parent) : null;
}

/** The process group of a process; null when it has ended. */
export function groupOf(pid: number): number | null {
  const group = platform() === 'linux' ? statOf(pid)[2] : ps('-o', 'pgid=', '-p', String(pid)).trim();
  return group ? Number(group) : null;
}

/** The fields of a Linux process after its name: state, parent, group and so on; none when the process has ended. */
function statOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** The words with which a process was started; none when it has ended. */
export function commandLineOf(pid: number): string {
  if (platform() !== 'linux') return ps('-ww', '-o', 'command=', '-p', String(pid)).trim();
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** Whether the variable is in the environment with which the process was started. */
export function hasVariable(pid: number, name: string): boolean {
  if (platform() === 'linux') return environmentOf(pid).some((entry) => entry.startsWith(`${name}=`));
  return ps('-E', '-ww', '-o', 'command=', '-p', String(pid)).includes(` ${name}=`);
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

/**
 * This user's processes that work in a directory or below it and have lost their environment: `env -i` clears it, and
 * some daemons write their title over it. A process with a `HOME` is not such a process: it may be a person's shell. Only
 * Linux tells the directory.
 *
 * @param directory a path without symbolic links
 */
export function findStripped(directory: string): number[] {
  if (platform() !== 'linux') return [];
  return allPids().filter((pid) => {
    const place = workingDirectoryOf(pid);
    if (place !== directory && !place.startsWith(`${directory}/`)) return false;
    return !environmentOf(pid).some((entry) => entry.startsWith('HOME=')) && isRunning(pid);
  });
}

function searchProc(marker: string): number[] {
  return allPids().filter((pid) => environmentOf(pid).includes(marker));
}

function allPids(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

/** An empty text when the process has ended, or belongs to another user. */
function workingDirectoryOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

/** None when the process has ended, or belongs to another user. */
function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function ps(...args: string[]): string {
  if (platform() === 'win32') return '';
  try {
    return execFileSync('ps', args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  } catch {
    return '';
  }
}

function searchPs(marker: string): number[] {
  return ps('-x', '-E', '-ww', '-o', 'pid=,command=')
    .split('\n')
    .filter((line) => line.split(/\s+/).includes(marker))
    .map((line) => Number.parseInt(line, 10));
}

/**
 * Ends the processes whose environment has `name=value`, and those that they start meanwhile. Resolves with their
 * number.
 */
export function endMarked(name: string, value: string): Promise<number> {
  return endAll(() => findByEnvironment(name, value));
}

/** Ends the processes that `find` finds, and again those that they start meanwhile. Resolves with their number. */
export async function endAll(find: () => number[]): Promise<number> {
  let ended = 0;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const pids = find();
    if (pids.length === 0) break;
    ended += await endProcesses(pids);
  }
  return ended;
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
