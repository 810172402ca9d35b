import { randomUUID } from 'node:crypto';
import { spawnGuarded } from './guarded-process.ts';

/** The processes of one command have an id of their own in this variable, in whatever session or group they run. */
const RUN_VARIABLE = 'OIO_RUN';

export interface ToolCommand {
  command: string;
  /** A worktree, or a directory inside it. */
  directory: string;
  /** What OpenCode starts its tools with: its `SHELL` makes the environment of tools from it. */
  environment: Record<string, string>;
  limitMs: number;
  /** Ends the command. */
  signal: AbortSignal;
  /** Gets what it prints, on both streams. Bytes that are not UTF-8 come as U+FFFD. */
  onOutput(text: string): void;
  /** Whether what it has started in process sessions of their own lives on when it has ended. It ends with the lease. */
  keepsServices: boolean;
}

export interface CommandEnd {
  how: 'exited' | 'timed_out' | 'interrupted';
  /** 128 + n when the signal n ended it. */
  exitCode: number;
  ms: number;
}

/**
 * Runs a command in a worktree as a tool runs: in the environment of tools, and as a part of the lease. It has no input,
 * and ends with this process. Its process group ends with it, and at the limit.
 *
 * @throws when the command cannot be started
 */
export async function runAsTool(options: ToolCommand): Promise<CommandEnd> {
  const { command, directory, environment, limitMs, signal, onOutput, keepsServices } = options;
  const startedAt = performance.now();
  const id = randomUUID();
  const running = await spawnGuarded({
    command: environment.SHELL ?? '/bin/sh',
    args: ['-c', command],
    env: { ...environment, [RUN_VARIABLE]: id },
    cwd: directory,
    onOutput,
    ...(keepsServices ? {} : { marker: RUN_VARIABLE }),
  });
  let how: CommandEnd['how'] = 'exited';
  const end = (why: CommandEnd['how']) => {
    how = why;
    void running.stop();
  };
  const onAbort = () => end('interrupted');
  const timer = setTimeout(() => end('timed_out'), limitMs);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const { code } = await running.exited;
  clearTimeout(timer);
  signal.removeEventListener('abort', onAbort);
  return { how, exitCode: code, ms: performance.now() - startedAt };
}
