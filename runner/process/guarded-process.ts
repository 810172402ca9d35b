import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { signalGroup } from './process-group.ts';

const GUARD = fileURLToPath(new URL('./guard.ts', import.meta.url));
/** The file descriptor of this process's standard input. */
const STANDARD_INPUT = 0;
/** Longer than the guard's own grace period, so that the guard itself ends its command. */
const STOP_LIMIT_MS = 10_000;
/** How long to wait for the last output of a guard that has exited. */
const DRAIN_MS = 1_000;
/** The exit code of a process that SIGKILL ended. */
const KILLED = 128 + 9;

/** The options of {@link spawnGuarded}. The command gets exactly this environment and inherits nothing. */
export interface GuardedCommand {
  command: string;
  args: string[];
  env: Record<string, string>;
  cwd?: string;
  /**
   * A variable of `env` that identifies the command's children. Children that outlive the command are ended after it.
   */
  marker?: string;
  /** Gets the output; the command has no input. Without it, the command has the standard streams of this process. */
  onOutput?: (chunk: string, stream: 'stdout' | 'stderr') => void;
}

/** How a guarded command ended: its exit code, or 128 + n when signal n ended it. */
export interface GuardedExit {
  code: number;
}

/** A running command that ends when this process does. */
export interface GuardedProcess {
  /** Process id of the command itself, not of its guard. */
  readonly pid: number;
  /** Resolves when the command has ended, for any reason. */
  readonly exited: Promise<GuardedExit>;
  /** Sends SIGTERM and, two seconds later, SIGKILL. Resolves when the command has ended. */
  stop(): Promise<GuardedExit>;
}

/**
 * Starts a command under `guard.ts`, so that it ends when this process ends, even by SIGKILL.
 *
 * @throws when the command cannot be started
 */
export async function spawnGuarded(options: GuardedCommand): Promise<GuardedProcess> {
  const marker = options.marker === undefined ? [] : [`--marker=${options.marker}=${options.env[options.marker]}`];
  const { onOutput } = options;
  const stdin = onOutput ? [] : ['--stdin'];
  const guard = spawn(process.execPath, [GUARD, ...stdin, ...marker, options.command, ...options.args], {
    stdio: onOutput ? ['pipe', 'pipe', 'pipe', 'ipc'] : ['pipe', 'inherit', 'inherit', 'ipc', STANDARD_INPUT],
    // Ctrl-C in the terminal must reach only this process, which then decides when the guard ends its command.
    detached: process.platform !== 'win32',
    env: options.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let lastError = '';
  guard.stdout?.setEncoding('utf8').on('data', (chunk: string) => onOutput?.(chunk, 'stdout'));
  guard.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    lastError = chunk;
    onOutput?.(chunk, 'stderr');
  });
  // Nothing is ever written. If the guard exits first, the pipe's error must not be unhandled.
  guard.stdin?.on('error', () => undefined);
  let pid: number | null = null;
  const exited = new Promise<GuardedExit>((resolve) => {
    guard.once('exit', (code) => {
      // A killed guard leaves its command running. The command holds the pipes open, so that no `close` event comes.
      if (code === null && pid !== null) signalGroup(pid, 'SIGKILL');
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
