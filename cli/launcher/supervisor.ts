import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../../runner/process/backoff.ts';
import { type GuardedProcess, spawnGuarded } from '../../runner/process/guarded-process.ts';
import { type LogLine, toLogLine } from './log-file.ts';
import type { ProcessLedger } from './process-ledger.ts';

/** A process to keep running. */
export interface SupervisedCommand {
  name: string;
  command: string;
  args: string[];
  cwd?: string;
  env: Record<string, string>;
  /** Exit codes after which a restart cannot help: the work is done, or the command line or the machine is wrong. */
  finalCodes: readonly number[];
  /** The time between SIGTERM and SIGKILL at a stop; two seconds by default. */
  graceMs?: number;
}

export interface SupervisorHooks {
  /** Called for every line of the process's output. */
  onLine(line: LogLine): void;
  /** Called when the process ended by itself. `restartInMs` is undefined if it will not be restarted. */
  onExit(exit: { code: number; restartInMs: number | undefined }): void;
}

/** A process that ran this long was healthy, so its exit resets the backoff. */
const steadyAfterMs = 30_000;

/** Keeps one process running until `stop`: restarts it with growing pauses whenever it ends. */
export class Supervisor {
  readonly #command: SupervisedCommand;
  readonly #ledger: ProcessLedger;
  readonly #hooks: SupervisorHooks;
  readonly #stopping = new AbortController();
  #current: GuardedProcess | undefined;
  #loop: Promise<void> | undefined;

  constructor(command: SupervisedCommand, ledger: ProcessLedger, hooks: SupervisorHooks) {
    this.#command = command;
    this.#ledger = ledger;
    this.#hooks = hooks;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Sends SIGTERM and, after the command's grace period, SIGKILL. Resolves when the process has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    // The ledger ends the process, because that works even when the guard was killed.
    await this.#ledger.end(this.#command.name, this.#command.graceMs);
    await this.#current?.stop();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; ) {
      const startedAt = performance.now();
      const code = await this.#runOnce();
      if (signal.aborted) return;
      failures = performance.now() - startedAt > steadyAfterMs ? 1 : failures + 1;
      const restartInMs = this.#command.finalCodes.includes(code) ? undefined : backoffMs(failures);
      this.#hooks.onExit({ code, restartInMs });
      if (restartInMs === undefined) return;
      await sleep(restartInMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Runs the process until it ends. @returns its exit code */
  async #runOnce(): Promise<number> {
    const { name, command, args, cwd, env } = this.#command;
    const lines = new LineReader((text, stream) =>
      this.#hooks.onLine(toLogLine(text, { process: name, stream, time: new Date().toISOString() })),
    );
    try {
      // Processes that an earlier run left behind would still use the port and files.
      await this.#ledger.end(name);
      this.#current = await spawnGuarded({
        command,
        args,
        env,
        ...(cwd === undefined ? {} : { cwd }),
        onOutput: (chunk, stream) => lines.add(chunk, stream),
      });
      this.#ledger.record(name, this.#current.pid);
      if (this.#stopping.signal.aborted) void this.#current.stop();
      return (await this.#current.exited).code;
    } catch (error) {
      lines.add(`${error instanceof Error ? error.message : error}\n`, 'stderr');
      return 127;
    } finally {
      lines.end();
      this.#current = undefined;
    }
  }
}

type OutputStream = 'stdout' | 'stderr';

/** Splits chunks of output into lines. */
class LineReader {
  readonly #partial: Record<OutputStream, string> = { stdout: '', stderr: '' };
  readonly #onLine: (text: string, stream: OutputStream) => void;

  constructor(onLine: (text: string, stream: OutputStream) => void) {
    this.#onLine = onLine;
  }

  add(chunk: string, stream: OutputStream): void {
    const lines = (this.#partial[stream] + chunk).split('\n');
    this.#partial[stream] = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.#onLine(line, stream);
  }

  end(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#partial[stream] !== '') this.add('\n', stream);
    }
  }
}
