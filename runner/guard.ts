/**
 * Runs one command and never lets it outlive the process that asked for it.
 *
 *     node guard.ts <command> [argument…]      (stdin: a pipe that the parent holds open and never writes to)
 *
 * When that pipe closes, which the kernel does even when the parent dies by SIGKILL, the command's whole process
 * group gets SIGTERM, two seconds to end, then SIGKILL. The command's exit code becomes the guard's own.
 * Reports the command's process id over the IPC channel when there is one.
 */
import { spawn } from 'node:child_process';

const GRACE_MS = 2_000;
const COMMAND_NOT_STARTED = 127;
const SIGNAL_NUMBERS: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

const [command, ...args] = process.argv.slice(2);
if (command === undefined) {
  process.stderr.write('usage: node guard.ts <command> [argument…]\n');
  process.exit(2);
}

const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], detached: true });

function signalGroup(signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Nobody is left in the group, which is what was wanted.
  }
}

let ending = false;
function end(): void {
  if (ending) return;
  ending = true;
  signalGroup('SIGTERM');
  setTimeout(() => signalGroup('SIGKILL'), GRACE_MS);
}

process.stdin.on('end', end).on('error', end).on('close', end).resume();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);

child.once('spawn', () => {
  process.send?.({ child_pid: child.pid }, () => process.disconnect());
});
child.once('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(COMMAND_NOT_STARTED);
});
child.once('exit', (code, signal) => {
  // Helpers that the command left in its group would hold its ports and files: they end with it.
  signalGroup('SIGKILL');
  process.exit(code ?? 128 + (SIGNAL_NUMBERS[signal ?? 'SIGTERM'] ?? 0));
});
