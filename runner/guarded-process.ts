import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const GUARD = fileURLToPath(new URL('./guard.ts', import.meta.url));
/** Longer than the guard's own grace, so that it is the guard that decides how its command ends. */
const STOP_LIMIT_MS = 5_000;

/** What {@link spawnGuarded} needs to know. The environment is passed as it is: nothing is inherited. */
export interface GuardedCommand {
  command: string;
  args: string[];
  env: Record<string, string>;
  cwd?: string;
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
  const guard = spawn(process.execPath, [GUARD, options.command, ...options.args], {
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
  const exited = new Promise<GuardedExit>((resolve) => {
    guard.once('close', (code) => resolve({ code: code ?? 128 + 9 }));
  });
  const pid = await childPid(guard, exited, () => `${options.command} did not start: ${lastError.trim()}`);
  return { pid, exited, stop: () => stopGuard(guard, exited) };
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
