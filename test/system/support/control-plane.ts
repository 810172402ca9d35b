import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { checkPort } from '../../../cli/launcher/ports.ts';
import type { Client } from '../../../src/client/client.ts';
import { checkedClient } from '../../support/checked-client.ts';
import { descendantsOf, Launcher, lives, type ProcessIdentity } from './launcher.ts';

const TOKEN = 'a-token-of-the-tests-0123456789-0123456789';
/** Longer than a restart takes on a machine that is busy with others. */
export const RESTART_LIMIT_MS = 120_000;
const [FIRST_PORT, LAST_PORT] = [10_000, 30_000];

/**
 * Finds a free port below the range of outgoing connections. An outgoing connection can take a port in that range
 * while nothing listens on it, most likely of a client that keeps trying to reach the port.
 */
export async function steadyPort(): Promise<number> {
  for (;;) {
    const port = await checkPort(randomInt(FIRST_PORT, LAST_PORT)).catch(() => null);
    if (port !== null) return port;
  }
}

/** A control plane as a user starts it. Restarts keep its data directory and port. */
export class ControlPlane {
  readonly url: string;
  /** The admin token. */
  readonly token = TOKEN;
  /** A client that retries during a restart. */
  readonly client: Client;
  readonly #dataDirectory: string;
  readonly #env: Record<string, string>;
  readonly #processes: ProcessIdentity[] = [];
  #launcher: Launcher;

  private constructor(dataDirectory: string, port: number, env: Record<string, string>) {
    this.#dataDirectory = dataDirectory;
    this.#env = { ...env, PORT: String(port), OIO_TOKEN: TOKEN };
    this.url = `http://127.0.0.1:${port}`;
    this.client = checkedClient({ baseUrl: this.url, token: TOKEN, deadlineMs: RESTART_LIMIT_MS });
    this.#launcher = this.#launch();
  }

  static async start(dataDirectory: string, env: Record<string, string> = {}): Promise<ControlPlane> {
    const controlPlane = new ControlPlane(dataDirectory, await steadyPort(), env);
    await controlPlane.#launcher.ready().catch(async (error: unknown) => {
      await controlPlane.#launcher.end();
      throw error;
    });
    return controlPlane;
  }

  /** A client for another URL, such as a proxy's. */
  clientAt(url: string): Client {
    return checkedClient({ baseUrl: url, token: TOKEN, deadlineMs: RESTART_LIMIT_MS });
  }

  /** Sends SIGKILL to one of the launcher's processes, which the launcher then restarts. */
  async kill(name: 'worker' | 'postgres' | 'redis'): Promise<void> {
    this.#remember();
    await this.#launcher.kill(name);
  }

  /**
   * Sends SIGKILL to the launcher itself and starts another one on the same data and port.
   * @param awayMs the time between the two
   */
  async killLauncherAndRestart(awayMs = 0): Promise<void> {
    this.#remember();
    await this.#launcher.end('SIGKILL');
    await delay(awayMs);
    this.#launcher = this.#launch();
    await this.#launcher.ready();
  }

  /** Stops it as a user does. @throws when a process of any of its starts is left */
  async stop(): Promise<void> {
    this.#remember();
    const { exitCode, signalCode } = this.#launcher.process;
    const output = this.#launcher.output;
    if (exitCode !== null || signalCode !== null) throw new Error(`the control plane has ended by itself:\n${output}`);
    await this.#launcher.end();
    const left = this.#processes.filter(lives);
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
    if (left.length > 0) throw new Error(`processes of the control plane were left: ${JSON.stringify(left)}`);
  }

  #launch(): Launcher {
    return new Launcher({ dataDirectory: this.#dataDirectory, env: this.#env });
  }

  #remember(): void {
    this.#processes.push(...descendantsOf(this.#launcher.process.pid));
  }
}
