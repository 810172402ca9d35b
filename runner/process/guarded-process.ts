import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const GUARD = fileURLToPath(new URL('./guard.ts', import.meta.url));
/** Longer than the guard's own grace, so that it is the guard that decides how its command ends. */
const STOP_LIMIT_MS = 10_000;
/** So long the last output of a guard that has ended may take to arrive. */
const DRAIN_MS = 1_000;
/** The exit code of what SIGKILL ended. */
const KILLED = 128 + 9;

/** What {@link spawnGuarded} needs to know. The environment is passed as it is: nothing is inherited. */
export interface GuardedCommand {
  command: string;
  args: string[];
  env: Record<string, string>;
  cwd?: string;
  /** A variable of `env` by which the command's own children are known; those that outlive the command end after it. */
  marker?: string;
  onOutput: (chunk: string, stream: 'stdout' | 'stderr') => void;
}

/** How a guarded command ended: its exit code (128 + n when signal n ended it). */
export interface GuardedExit {
  code: number;
}

/** A running command that ends when this process does. */
export interface GuardedProcess {
  /** Process id of the command itself, not of its guard. */
  readonly pid: number;
  /** Resolves when the command has ended, whoever ended it. */
  readonly exited: Promise<GuardedExit>;
  /** SIGTERM, two seconds, SIGKILL; resolves when the command is gone. */
  stop(): Promise<GuardedExit>;
}

/**
 * Starts a command under `guard.ts`, so that it cannot outlive this process, not even after SIGKILL.
 *
 * @throws when the command cannot be started at all
 */
export async function spawnGuarded(options: GuardedCommand): Promise<GuardedProcess> {
  const marker = options.marker === undefined ? [] : [`--marker=${options.marker}=${options.env[options.marker]}`];
  const guard = spawn(process.execPath, [GUARD, ...marker, options.command, ...options.args], {
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    // A Ctrl-C in the terminal is for us to hear: the guard ends its command when we say so.
    detached: process.platform !== 'win32',
    env: options.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let lastError = '';
  guard.stdout?.setEncoding('utf8').on('data', (chunk: string) => options.onOutput(chunk, 'stdout'));
  guard.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    lastError = chunk;
    options.onOutput(chunk, 'stderr');
  });
  // Writing never happens; a guard that ends first must not surface as an unhandled pipe error.
  guard.stdin?.on('error', () => undefined);
  let pid: number | null = null;
  const exited = new Promise<GuardedExit>((resolve) => {
    guard.once('exit', (code) => {
      // A guard that was killed has left its command running, and that holds the pipes, so that no `close` comes.
      if (code === null && pid !== null) killGroup(pid);
      const timer = setTimeout(() => resolve({ code: code ?? KILLED }), DRAIN_MS);
      guard.once('close', () => {
        clearTimeout(timer);
        resolve({ code: code ?? KILLED });
      });
    });
  });
  pid = await childPid(guard, exited, () => `${options.command} did not start: ${lastError.trim()}`);
  return { pid, exited, stop: () => stopGuard(guard, exited) };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in the group.
  }
}

async function childPid(guard: ChildProcess, exited: Promise<GuardedExit>, reason: () => string): Promise<number> {
  const reported = new Promise<number>((resolve, reject) => {
    guard.once('message', (message: { child_pid: number }) => resolve(message.child_pid));
    guard.once('error', reject);
  });
  const failed = exited.then(() => {
    throw new Error(reason());
  });
  failed.catch(() => undefined);
  return Promise.race([reported, failed]);
}

async function stopGuard(guard: ChildProcess, exited: Promise<GuardedExit>): Promise<GuardedExit> {
  guard.stdin?.end();
  const timer = setTimeout(() => guard.kill('SIGKILL'), STOP_LIMIT_MS);
  try {
    return await exited;
  } finally {
    clearTimeout(timer);
  }
}
