import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '../../../src/client/client.ts';
import { countServer } from '../../support/servers.ts';

const START_LIMIT_MS = 150_000;
const STOP_LIMIT_MS = 15_000;

/** `oio demo` as a user starts it: everything is real except the model. */
export class DemoStack {
  readonly url: string;
  /** A client with the admin token. */
  readonly client: Client;
  readonly #data: string;
  readonly #launcher: ChildProcess;

  private constructor(launcher: ChildProcess, data: string) {
    const server = readServer(data);
    this.url = server.url;
    this.client = createClient({ baseUrl: server.url, token: server.token });
    this.#launcher = launcher;
    this.#data = data;
  }

  /** Starts the demo on a free port with a new data directory. Resolves when it has printed the sign-in link. */
  static async start(): Promise<DemoStack> {
    const data = mkdtempSync(join(tmpdir(), 'oio-browser-'));
    countServer('control plane');
    countServer('agent');
    const launcher = spawn(process.execPath, ['cli/main.ts', 'demo'], {
      env: { ...process.env, PORT: '0', OIO_DATA_DIR: data, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      await untilOutput(launcher, '/#code=');
      return new DemoStack(launcher, data);
    } catch (error) {
      launcher.kill('SIGTERM');
      throw error;
    }
  }

  /** Kills the Worker's process. The launcher starts it again. */
  killControlPlane(): void {
    const processes = JSON.parse(readFileSync(join(this.#data, 'processes.json'), 'utf8')) as ProcessRecord[];
    const { pid } = processes.findLast(({ name }) => name === 'worker')!;
    process.kill(pid, 'SIGKILL');
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#launcher.once('exit', resolve));
    const patience = setTimeout(() => this.#launcher.kill('SIGKILL'), STOP_LIMIT_MS);
    this.#launcher.kill('SIGTERM');
    await ended;
    clearTimeout(patience);
    rmSync(this.#data, { recursive: true, force: true });
  }
}

interface ProcessRecord {
  name: string;
  pid: number;
}

function readServer(data: string): { url: string; token: string } {
  return JSON.parse(readFileSync(join(data, 'server.json'), 'utf8'));
}

/** Resolves when the process has printed `text`. Rejects with its output when it ends or takes too long. */
function untilOutput(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const fail = (why: string) => reject(new Error(`The demo ${why}. It said:\n${output}`));
    const timer = setTimeout(() => fail('did not come up in time'), START_LIMIT_MS);
    child.once('exit', (code) => fail(`ended with code ${code}`));
    for (const stream of [child.stdout!, child.stderr!]) {
      // Keeps reading until the end, because a full pipe would stop the launcher.
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
        if (!output.includes(text)) return;
        clearTimeout(timer);
        resolve();
      });
    }
  });
}
