import type { ServerRecord } from '../../../cli/data-directory.ts';
import type { Client } from '../../../src/client/client.ts';
import { checkedClient } from '../../support/checked-client.ts';
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
  readonly #parts: AsyncDisposableStack;

  private constructor(path: string, { url, token }: ServerRecord, launcher: Launcher, parts: AsyncDisposableStack) {
    this.path = path;
    this.url = url;
    this.client = checkedClient({ baseUrl: url, token });
    this.#launcher = launcher;
    this.#parts = parts;
  }

  /** Starts the demo on a free port with a new data directory. Resolves when it has printed the sign-in link. */
  static async start(): Promise<DemoStack> {
    await using parts = new AsyncDisposableStack();
    const scratch = scratchDirectory();
    parts.defer(scratch.remove);
    countServer('agent');
    const launcher = new Launcher({ dataDirectory: `${scratch.path}/data`, args: ['demo'] });
    parts.defer(async () => void (await launcher.end()));
    await launcher.printed(/#code=/);
    const record = launcher.server();
    return new DemoStack(scratch.path, record, launcher, parts.move());
  }

  /** Kills the Worker's process without warning; the launcher starts it again. */
  async killControlPlane(): Promise<void> {
    await this.#launcher.kill('worker');
  }

  async stop(): Promise<void> {
    await this.#parts.disposeAsync();
  }
}
