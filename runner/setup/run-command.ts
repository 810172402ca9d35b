import { stripVTControlCharacters } from 'node:util';
import { spawnGuarded } from '../process/guarded-process.ts';
import { endOfWorktree, worktreeMark } from '../process/lease-mark.ts';

const MAX_TAIL_CHARS = 1_400;

export interface ToolCommand {
  command: string;
  worktree: string;
  /** What OpenCode starts its tools with: its `SHELL` makes the environment of tools from it. */
  environment: Record<string, string>;
  limitMs: number;
  /** Ends the command. */
  signal: AbortSignal;
}

export interface CommandEnd {
  how: 'exited' | 'timed_out' | 'interrupted';
  exitCode: number;
  ms: number;
  /** The end of what it printed, as plain text. */
  tail: string;
}

/**
 * Runs a command in a worktree as a tool runs: in the environment of tools, and as a part of the lease. It ends with this
 * process. At the limit, all processes that it has started end.
 *
 * @throws when the command cannot be started
 */
export async function runAsTool(options: ToolCommand): Promise<CommandEnd> {
  const { command, worktree, environment, limitMs, signal } = options;
  const startedAt = performance.now();
  let output = '';
  const running = await spawnGuarded({
    command: environment.SHELL ?? '/bin/sh',
    args: ['-c', command],
    env: environment,
    cwd: worktree,
    onOutput: (chunk) => {
      output = (output + chunk).slice(-4 * MAX_TAIL_CHARS);
    },
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
  if (how !== 'exited') await endOfWorktree(worktreeMark(worktree));
  return { how, exitCode: code, ms: performance.now() - startedAt, tail: tailOf(output) };
}

/** Without colours, and without what a progress bar has overwritten. */
function tailOf(output: string): string {
  const plain = stripVTControlCharacters(output)
    .replaceAll('\r\n', '\n')
    .replaceAll(/[^\n]*\r/g, '');
  return plain.trim().slice(-MAX_TAIL_CHARS);
}
