/**
 * Runs one command, and ends it when the process that started this guard ends.
 *
 *     node guard.ts [--stdin] [--marker=NAME=value] <command> [argument…]
 *
 * The guard's stdin is a pipe that the parent holds open and never writes to. The kernel closes the pipe even when
 * SIGKILL ends the parent. The guard then sends SIGTERM to the command's process group, waits two seconds, and sends
 * SIGKILL. Processes that the command started in other process sessions are found by the variable that the marker
 * names, and ended after the command. With `--stdin`, the command reads from file descriptor 4, and else from nothing.
 *
 * The guard exits with the command's exit code. If it has an IPC channel, it reports the command's process id there.
 */
import { spawn } from 'node:child_process';
import { signalGroup } from './process-group.ts';

const GRACE_MS = 2_000;
const COMMAND_NOT_STARTED = 127;
const SIGNAL_NUMBERS: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

const STDIN_OPTION = '--stdin';
const STDIN_FD = 4;
const MARKER_OPTION = '--marker=';

const words = process.argv.slice(2);
const stdin = words[0] === STDIN_OPTION && words.shift() ? STDIN_FD : 'ignore';
const marker = words[0]?.startsWith(MARKER_OPTION) ? words.shift()?.slice(MARKER_OPTION.length) : undefined;
const [command, ...args] = words;
if (command === undefined) {
  process.stderr.write('usage: node guard.ts [--stdin] [--marker=NAME=value] <command> [argument…]\n');
  process.exit(2);
}

const child = spawn(command, args, { stdio: [stdin, 'inherit', 'inherit'], detached: true });

function signalCommand(signal: NodeJS.Signals): void {
  if (child.pid !== undefined) signalGroup(child.pid, signal);
}

let ending = false;
function end(): void {
  if (ending) return;
  ending = true;
  signalCommand('SIGTERM');
  setTimeout(() => signalCommand('SIGKILL'), GRACE_MS);
}

process.stdin.on('end', end).on('error', end).on('close', end).resume();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);

/** Imports its code late, so that it does not delay the command's start. */
async function endMarkedBy(variable: string): Promise<void> {
  const { endMarked } = await import('./processes.ts');
  const equals = variable.indexOf('=');
  await endMarked(variable.slice(0, equals), variable.slice(equals + 1));
}

child.once('spawn', () => {
  process.send?.({ child_pid: child.pid }, () => process.disconnect());
});
child.once('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(COMMAND_NOT_STARTED);
});
child.once('exit', async (code, signal) => {
  // Helpers that the command left in its group would keep its ports and files open.
  signalCommand('SIGKILL');
  if (marker !== undefined) await endMarkedBy(marker).catch(() => undefined);
  process.exit(code ?? 128 + (SIGNAL_NUMBERS[signal ?? 'SIGTERM'] ?? 0));
});
