import { AsyncLocalStorage } from 'node:async_hooks';
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { MissingDependencyError } from '../process/missing-dependency.ts';
import { pathWithoutNpm } from '../process/path-without-npm.ts';
import { unlessAborted } from '../process/unless-aborted.ts';

/** A git command failed; the message is git's own. */
export class GitError extends Error {
  override name = 'GitError';
}

/** The command did not end within its time limit. A filter of the repository may hang. */
export class GitTimeoutError extends GitError {
  override name = 'GitTimeoutError';
}

/** The output was larger than the caller's limit. */
export class OutputTooLargeError extends Error {
  override name = 'OutputTooLargeError';
}

/** The name and the value of a setting. The name may hold any character, such as the name of a submodule does. */
export type Setting = readonly [name: string, value: string];

export interface GitOptions {
  environment?: Record<string, string>;
  /** Settings for this command and those that it starts. */
  settings?: readonly Setting[];
  input?: Uint8Array;
  /** The command is killed when its output exceeds this many bytes. */
  maxBytes?: number;
  /** Replaces the time limit of the command, in milliseconds. */
  maxMs?: number;
  /** The exit codes that are no failure; 0 by default. */
  codes?: readonly number[];
  /** Gets what a command that succeeded has printed on its standard error. */
  onWarnings?: (text: string) => void;
}

const DEFAULT_MAX_BYTES = 16 * 1_048_576;
/**
 * The time limits by command, in milliseconds. Commands that read or write files can run a filter of the repository,
 * which may hang. Other commands only read git's own data.
 */
const LIMITS_MS: Readonly<Record<string, number>> = {
  worktree: 600_000,
  submodule: 600_000,
  fetch: 600_000,
  add: 300_000,
  diff: 300_000,
  apply: 300_000,
};
const QUERY_LIMIT_MS = 60_000;
/** The time between SIGTERM, on which git ends its helpers, and SIGKILL for the whole group. */
const GRACE_MS = 2_000;
/**
 * The runner's own git commands run no hooks of the repository, and the user's settings do not change the format of a
 * patch.
 */
const SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.quotePath=false',
  'core.safecrlf=false',
  'diff.suppressBlankEmpty=false',
  'apply.ignoreWhitespace=no',
  'submodule.recurse=false',
].flatMap((setting) => ['-c', setting]);

/**
 * The variables that git inherits. They must hold no secrets: the agent can write filters and other commands into the
 * clone's configuration, and git runs them. Any command can fetch the missing objects of a partial clone, so all get the
 * person's SSH agent and proxies.
 */
const INHERITED =
  /^(HOME|USER|LOGNAME|SHELL|LANG|TZ|TMPDIR|TMP|TEMP|XDG_CONFIG_HOME|SYSTEMROOT|WINDIR|COMSPEC|PATHEXT|USERPROFILE|HOMEDRIVE|HOMEPATH|APPDATA|LOCALAPPDATA|PROGRAMDATA|PROGRAMFILES|SSH_AUTH_SOCK|SSH_AGENT_PID|(HTTPS?|ALL|NO)_PROXY|GIT_SSH|GIT_SSH_COMMAND|GIT_SSL_CAINFO|GIT_SSL_CAPATH)$/i;

const interruptions = new AsyncLocalStorage<AbortSignal>();

/**
 * Does work whose git commands end when the signal is aborted, with all processes that they have started. No other one
 * starts then. A parameter would be in each function between the work and the command.
 */
export function endingGitWith<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return interruptions.run(signal, work);
}

/** The result of a promise, such as a turn in a queue. @throws the signal's reason, when it is aborted before */
export function unlessEnded<T>(promise: Promise<T>): Promise<T> {
  const signal = interruptions.getStore();
  return signal === undefined ? promise : unlessAborted(signal, promise);
}

/**
 * Runs git in a directory and returns its output. Git and all processes that it starts end within the time limit.
 *
 * @throws GitError with git's message; GitTimeoutError when the time limit is over; OutputTooLargeError beyond
 *   `maxBytes`; the signal's reason (see {@link endingGitWith})
 */
export async function git(directory: string, args: string[], options: GitOptions = {}): Promise<Buffer> {
  const name = args[0] ?? '';
  const signal = interruptions.getStore();
  signal?.throwIfAborted();
  const child = spawn('git', ['-C', directory, ...SETTINGS, ...args], {
    env: gitEnvironment(options),
    stdio: ['pipe', 'pipe', 'pipe'],
    // Git gets a separate process group, so that its filters and other helpers can be ended with it.
    detached: process.platform !== 'win32',
  });
  const output: Buffer[] = [];
  let size = 0;
  let errorOutput = '';
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.byteLength;
    if (size > (options.maxBytes ?? DEFAULT_MAX_BYTES)) signalGroup(child, 'SIGKILL');
    else output.push(chunk);
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errorOutput += chunk;
  });
  child.stdin.on('error', () => undefined).end(options.input);
  const limitMs = options.maxMs ?? LIMITS_MS[name] ?? QUERY_LIMIT_MS;
  const { code, isLate } = await ended(child, limitMs, signal);
  signal?.throwIfAborted();
  if (size > (options.maxBytes ?? DEFAULT_MAX_BYTES)) throw new OutputTooLargeError(`git ${name}: over ${size} bytes`);
  if (isLate) {
    const reason = `it did not end within ${limitMs / 1_000} s, so it was killed; a filter of the repository may hang`;
    throw new GitTimeoutError(`git ${name}: ${reason}`);
  }
  if (code === null || !(options.codes ?? [0]).includes(code))
    throw new GitError(`git ${name}: ${errorOutput.trim() || `exit code ${code}`}`);
  options.onWarnings?.(errorOutput);
  return Buffer.concat(output);
}

/** Resolves when a command has ended: by itself, at its limit, or by the signal. @throws when it could not start */
async function ended(
  child: ChildProcessWithoutNullStreams,
  limitMs: number,
  signal: AbortSignal | undefined,
): Promise<{ code: number | null; isLate: boolean }> {
  let isLate = false;
  const kill = () => {
    signalGroup(child, 'SIGKILL');
    // A helper that has left the group may hold them open.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const timers: NodeJS.Timeout[] = [];
  const end = () => {
    signalGroup(child, 'SIGTERM');
    timers.push(setTimeout(kill, GRACE_MS));
  };
  const onLimit = () => {
    isLate = true;
    end();
  };
  timers.push(setTimeout(onLimit, limitMs));
  signal?.addEventListener('abort', end, { once: true });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(startError(error)));
    child.once('close', resolve);
  }).finally(() => {
    timers.forEach(clearTimeout);
    signal?.removeEventListener('abort', end);
  });
  return { code, isLate };
}

function startError({ code, message }: NodeJS.ErrnoException): Error {
  return code === 'ENOENT'
    ? new MissingDependencyError('git is not installed or not on PATH. Install git: agents work in git worktrees.')
    : new GitError(`git cannot be run: ${message}`);
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (process.platform === 'win32' || child.pid === undefined) child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // The group has no processes left.
  }
}

function gitEnvironment({ environment = {}, settings = [] }: GitOptions): Record<string, string> {
  const inherited = Object.entries(process.env).filter(([name, value]) => value !== undefined && INHERITED.test(name));
  return {
    ...(Object.fromEntries(inherited) as Record<string, string>),
    PATH: pathWithoutNpm(process.env.PATH),
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    ...environment,
    GIT_CONFIG_COUNT: `${settings.length}`,
    ...Object.fromEntries(
      settings.flatMap(([name, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, name],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
  };
}
