import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { checkPort } from '../../../cli/launcher/ports.ts';
import { type Client, createClient } from '../../../src/client/client.ts';
import { descendantsOf, Launcher, lives, type ProcessIdentity } from './launcher.ts';
import { until } from './until.ts';

const TOKEN = 'a-token-of-the-tests-0123456789-0123456789';
const [FIRST_PORT, LAST_PORT] = [10_000, 30_000];

/**
 * Finds a free port below the range of outgoing connections. A port in that range can be taken by an outgoing connection
 * while nothing listens on it, most likely by a client that keeps trying to reach it.
 */
export async function standingPort(): Promise<number> {
  for (;;) {
    const port = await checkPort(randomInt(FIRST_PORT, LAST_PORT)).catch(() => null);
    if (port !== null) return port;
  }
}

/** A control plane as a person starts it, on a data directory and a port that stay over its restarts. */
export class ControlPlane {
  readonly url: string;
  /** The admin's. */
  readonly token = TOKEN;
  /** Waits out a restart. */
  readonly client: Client;
  readonly #dataDirectory: string;
  readonly #env: Record<string, string>;
  readonly #processes: ProcessIdentity[] = [];
  #launcher: Launcher;

  private constructor(dataDirectory: string, port: number, env: Record<string, string>) {
    this.#dataDirectory = dataDirectory;
    this.#env = { ...env, PORT: String(port), OIO_TOKEN: TOKEN };
    this.url = `http://127.0.0.1:${port}`;
    this.client = createClient({ baseUrl: this.url, token: TOKEN, deadlineMs: 60_000 });
    this.#launcher = this.#launch();
  }

  static async start(dataDirectory: string, env: Record<string, string> = {}): Promise<ControlPlane> {
    const controlPlane = new ControlPlane(dataDirectory, await standingPort(), env);
    await controlPlane.#launcher.ready();
    return controlPlane;
  }

  /** A client by way of something else, such as a proxy. */
  clientAt(url: string): Client {
    return createClient({ baseUrl: url, token: TOKEN, deadlineMs: 60_000 });
  }

  /** Sends SIGKILL to one of the launcher's processes, which starts it again. */
  async kill(name: 'worker' | 'postgres'): Promise<void> {
    const pid = await until(() => {
      const found = this.#launcher.pidOf(name);
      if (found === undefined) throw new Error(`${name} is not recorded`);
      return found;
    });
    this.#remember();
    process.kill(pid, 'SIGKILL');
  }

  /**
   * Sends SIGKILL to the launcher itself and starts another one on the same data and port.
   * @param awayMs how long nothing runs in between
   */
  async killLauncherAndRestart(awayMs = 0): Promise<void> {
    this.#remember();
    await this.#launcher.end('SIGKILL');
    await delay(awayMs);
    this.#launcher = this.#launch();
    await this.#launcher.ready();
  }

  /** Stops as a person does. @throws when a process of any of its lives is left */
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
