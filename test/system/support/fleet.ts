import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { vi } from 'vitest';
import { scriptedModelConfig } from '../../../cli/demo/scripted-model.ts';
import { projectFile } from '../../../cli/launcher/project.ts';

/** `oio agent` as a process of its own, on the scripted model. */
export class AgentProcess {
  readonly name: string;
  output = '';
  readonly #start: () => ChildProcess;
  #process: ChildProcess;

  constructor(options: {
    name: string;
    url: string;
    token: string;
    directory: string;
    home: string;
    modelUrl: string;
  }) {
    this.name = options.name;
    const config = `${options.home}.opencode.json`;
    writeFileSync(config, JSON.stringify(scriptedModelConfig(options.modelUrl)));
    const args = ['agent', '--url', options.url, '--dir', options.directory, '--data', options.home];
    const more = ['--name', options.name, '--capacity', '8', '--opencode-config', config];
    const env = { PATH: process.env.PATH ?? '', HOME: options.home, OIO_AGENT_TOKEN: options.token };
    this.#start = () => {
      const child = spawn(process.execPath, [projectFile('cli/main.ts'), ...args, ...more], { env });
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          this.output += chunk;
        });
      }
      return child;
    };
    this.#process = this.#start();
  }

  /** Resolves when the agent has said hello since its last start. */
  async connected(): Promise<void> {
    await vi.waitFor(
      () => {
        if (!this.output.includes('connected to')) throw new Error(`${this.name} is not connected:\n${this.output}`);
      },
      { timeout: 120_000, interval: 100 },
    );
  }

  /** SIGKILL: no handler runs, nothing is said. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }

  async restart(): Promise<void> {
    this.output = '';
    this.#process = this.#start();
    await this.connected();
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGTERM');
    await once(this.#process, 'exit');
  }
}

/** A line between an agent and the control plane that can be made to lose what the agent sends. */
export class LossyLine {
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((near) => this.#join(near));
  #loses = false;

  constructor(target: string) {
    this.#target = new URL(target);
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on nothing that the agent sends arrives; what it hears goes on. */
  loseUpstream(): void {
    this.#loses = true;
  }

  /** New connections, and only they, are whole again. */
  mend(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#loses = false;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(near: Socket): void {
    const far = connect(Number(this.#target.port), this.#target.hostname);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          this.#sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
    }
    near.on('data', (chunk) => {
      if (!this.#loses) far.write(chunk);
    });
    far.pipe(near);
  }
}

/** Numbers that look random and follow from the seed, 0 ≤ x < 1 (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
