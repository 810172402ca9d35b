import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { appendFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs } from '../process/backoff.ts';
import { freePort } from '../process/free-port.ts';
import { type GuardedProcess, spawnGuarded } from '../process/guarded-process.ts';
import { endMarked } from '../process/processes.ts';
import { removeTree } from '../process/remove-tree.ts';
import { resolveOpenCode } from './binary.ts';
import type { ConfigurationSource } from './configuration.ts';
import { HEALTH_LIMITS, type HealthLimits, untilHung } from './health.ts';
import { MARKER_VARIABLE, prepareHome, temporaryDirectory } from './home.ts';
import { moveDamagedDatabase } from './storage.ts';

const START_LIMIT_MS = 60_000;
/** A server that ran this long was healthy, so its exit resets the backoff. */
const HEALTHY_AFTER_MS = 60_000;
const DISPOSE_LIMIT_MS = 2_000;
const MAX_LOG_BYTES = 10 * 1_048_576;
const MAX_OUTPUT_CHARS = 4_000;
const USER = 'opencode';

export interface OpenCodeServerOptions {
  /** The directory of the server's home and log. */
  directory: string;
  source: ConfigurationSource;
  /** The parent directory of worktrees. Each command is marked with the worktree in which it starts. */
  worktrees: string;
  /** Identifies this agent's processes. */
  marker: string;
  /** The environment of tools; see `toolEnvironment`. */
  tools: Readonly<Record<string, string>>;
  /** Replaces the binary from npm. */
  binary?: string;
  log?: (line: string) => void;
  /** Replaces the limits of the health probe. */
  health?: HealthLimits;
}

/** The address of the running server. Each start has a new generation and port. */
export interface ServerAddress {
  url: string;
  authorization: string;
  generation: number;
  pid: number;
}

/**
 * Starts the OpenCode server with its own home, a free port and a random password. Restarts it with backoff when it
 * exits, and ends it when it hangs. Emits `up` with the address after each start, and `down` when the server and all its tools have ended.
 */
export class OpenCodeServer extends EventEmitter<{ up: [ServerAddress]; down: [] }> {
  readonly #options: OpenCodeServerOptions;
  readonly #password = randomBytes(24).toString('base64url');
  readonly #logFile: string;
  #process: GuardedProcess | null = null;
  #address: ServerAddress | null = null;
  #environment: Record<string, string> = {};
  #generation = 0;
  #misses = 0;
  readonly #stopped = new AbortController();
  #supervision: Promise<void> = Promise.resolve();

  constructor(options: OpenCodeServerOptions) {
    super();
    this.#options = options;
    this.#logFile = join(options.directory, 'opencode.log');
  }

  /** The running server's address; null while it is down. */
  get address(): ServerAddress | null {
    return this.#address;
  }

  /** The environment of the last start. Its `SHELL` gives a command the environment of tools; see `prepareHome`. */
  get environment(): Record<string, string> {
    return this.#environment;
  }

  /** Whether the server runs and has answered the last probe of its health. */
  get isHealthy(): boolean {
    return this.#address !== null && this.#misses === 0;
  }

  /**
   * Ends the processes that a killed predecessor left running, then starts the server.
   *
   * @throws MissingDependencyError, or an error with the server's output if it does not start
   */
  async start(): Promise<ServerAddress> {
    await this.#endOrphans();
    const address = await this.#launch();
    this.#supervision = this.#supervise();
    return address;
  }

  /** Resolves with the address, after a restart if the server is down. */
  async ready(signal?: AbortSignal): Promise<ServerAddress> {
    if (this.#address !== null) return this.#address;
    return new Promise((resolve, reject) => {
      const onUp = (address: ServerAddress) => {
        signal?.removeEventListener('abort', onAbort);
        resolve(address);
      };
      const onAbort = () => {
        this.off('up', onUp);
        reject(signal?.reason);
      };
      this.once('up', onUp);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Ends all runs and their tools, then the server. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#dispose();
    await this.#process?.stop();
    await this.#supervision;
    await this.#endOrphans();
  }

  /** Starts the process; once more with a new database if the old one is damaged. */
  async #launch(): Promise<ServerAddress> {
    try {
      return await this.#startProcess();
    } catch (error) {
      const moved = moveDamagedDatabase(join(this.#options.directory, 'home', 'data'));
      if (moved === null) throw error;
      this.#report(`OpenCode's database is damaged: moved it to ${moved}; sessions continue from their checkpoints`);
      return this.#startProcess();
    }
  }

  async #startProcess(): Promise<ServerAddress> {
    const { directory, ...options } = this.#options;
    // The processes of an earlier server have ended.
    await removeTree(temporaryDirectory(join(directory, 'home'))).catch((error: Error) =>
      this.#report(`OpenCode's temporary directory cannot be emptied: ${error.message}`),
    );
    const home = prepareHome({ ...options, directory: join(directory, 'home'), password: this.#password });
    this.#environment = home.environment;
    // OpenCode would read `--port 0` as 4096 if that port is free.
    const port = await freePort();
    let output = '';
    let announce: () => void = () => undefined;
    const listening = new Promise<void>((resolve) => {
      announce = resolve;
    });
    const guarded = await spawnGuarded({
      command: this.#options.binary ?? resolveOpenCode(),
      args: ['serve', '--hostname', '127.0.0.1', '--port', String(port)],
      env: home.environment,
      cwd: directory,
      marker: MARKER_VARIABLE,
      onOutput: (chunk) => {
        this.#log(chunk);
        output = (output + chunk).slice(-MAX_OUTPUT_CHARS);
        if (output.includes('server listening on')) announce();
      },
    });
    this.#process = guarded;
    const outcome = await Promise.race([
      listening.then(() => 'listening' as const),
      guarded.exited.then(() => 'exited' as const),
      delay(START_LIMIT_MS, 'late' as const, { ref: false }),
    ]);
    if (outcome !== 'listening') {
      await guarded.stop();
      throw new Error(`OpenCode did not start (${outcome}). Its output:\n${output.trim() || 'none'}`);
    }
    this.#generation += 1;
    const credentials = Buffer.from(`${USER}:${this.#password}`).toString('base64');
    this.#address = {
      url: `http://127.0.0.1:${port}`,
      authorization: `Basic ${credentials}`,
      generation: this.#generation,
      pid: guarded.pid,
    };
    this.emit('up', this.#address);
    return this.#address;
  }

  async #supervise(): Promise<void> {
    let failures = 0;
    while (!this.#stopped.signal.aborted) {
      const startedAt = performance.now();
      const exited = new AbortController();
      void this.#endIfHung(exited.signal);
      const exit = await this.#process?.exited;
      exited.abort();
      this.#address = null;
      await this.#endOrphans();
      this.emit('down');
      if (this.#stopped.signal.aborted) return;
      failures = performance.now() - startedAt > HEALTHY_AFTER_MS ? 1 : failures + 1;
      const pauseMs = backoffMs(failures);
      this.#report(`OpenCode exited with code ${exit?.code}; restarting it in ${pauseMs} ms`);
      await delay(pauseMs, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
      if (!this.#stopped.signal.aborted) await this.#launch().catch((error: Error) => this.#report(error.message));
    }
    await this.#process?.stop();
  }

  /** @param exited aborted when the process has exited */
  async #endIfHung(exited: AbortSignal): Promise<void> {
    const [running, address] = [this.#process, this.#address];
    if (!running || !address) return;
    this.#misses = 0;
    const { authorization, url } = address;
    const probe = (signal: AbortSignal) => fetch(`${url}/global/health`, { headers: { authorization }, signal });
    const onMisses = (misses: number) => {
      this.#misses = misses;
    };
    const isHung = await untilHung(probe, onMisses, exited, this.#options.health ?? HEALTH_LIMITS);
    if (!isHung) return;
    this.#report('OpenCode does not answer; ending it');
    await running.stop();
  }

  /** Ends runs gracefully. On SIGTERM, the server would exit at once and leave its tools running. */
  async #dispose(): Promise<void> {
    const address = this.#address;
    if (address === null) return;
    await fetch(`${address.url}/global/dispose`, {
      method: 'POST',
      headers: { authorization: address.authorization },
      signal: AbortSignal.timeout(DISPOSE_LIMIT_MS),
    }).catch(() => undefined);
  }

  async #endOrphans(): Promise<void> {
    const ended = await endMarked(MARKER_VARIABLE, this.#options.marker);
    if (ended > 0) this.#report(`ended ${ended} leftover processes`);
  }

  #report(line: string): void {
    this.#options.log?.(line);
    this.#log(`[oio] ${line}\n`);
  }

  #log(text: string): void {
    try {
      const size = statSync(this.#logFile, { throwIfNoEntry: false })?.size ?? 0;
      if (size > MAX_LOG_BYTES) renameSync(this.#logFile, `${this.#logFile}.1`);
      appendFileSync(this.#logFile, text, { mode: 0o600 });
    } catch {
      // A log that cannot be written must not end the agent.
    }
  }
}
