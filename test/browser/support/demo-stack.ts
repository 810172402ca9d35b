import { type Client, createClient } from '../../../src/client/client.ts';
import { countServer } from '../../support/servers.ts';
import { Launcher } from '../../system/support/launcher.ts';
import { scratchDirectory } from '../../system/support/rig.ts';

/** `oio demo` as a user starts it: everything is real except the model. */
export class DemoStack {
  /** A directory for what the tests' prompts read and write. */
  readonly path: string;
  readonly url: string;
  /** A client with the admin token. */
  readonly client: Client;
  readonly #launcher: Launcher;
  readonly #remove: () => void;

  private constructor(launcher: Launcher, scratch: ReturnType<typeof scratchDirectory>) {
    const { url, token } = launcher.server();
    this.path = scratch.path;
    this.url = url;
    this.client = createClient({ baseUrl: url, token });
    this.#launcher = launcher;
    this.#remove = scratch.remove;
  }

  /** Starts the demo on a free port with a new data directory. Resolves when it has printed the sign-in link. */
  static async start(): Promise<DemoStack> {
    const scratch = scratchDirectory();
    countServer('agent');
    const launcher = new Launcher({ dataDirectory: `${scratch.path}/data`, args: ['demo'] });
    try {
      await launcher.printed(/#code=/);
      return new DemoStack(launcher, scratch);
    } catch (error) {
      await launcher.end();
      throw error;
    }
  }

  /** Kills the Worker's process without warning; the launcher starts it again. */
  async killControlPlane(): Promise<void> {
    await this.#launcher.kill('worker');
  }

  async stop(): Promise<void> {
    await this.#launcher.end();
    this.#remove();
  }
}
