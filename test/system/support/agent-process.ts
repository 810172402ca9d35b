import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { projectFile } from '../../../cli/launcher/project.ts';
import { type Identity, loadIdentity } from '../../../runner/identity.ts';
import { FrameBuffer } from '../../../runner/lease/buffer.ts';
import { MARKER_VARIABLE } from '../../../runner/opencode/home.ts';
import { endProcesses, findByEnvironment } from '../../../runner/process/processes.ts';
import { eventually } from '../../support/eventually.ts';
import { countServer } from '../../support/servers.ts';
import { descendantsOf } from './launcher.ts';

export interface AgentPlace {
  /** The URL of its control plane, or of a proxy in front of it. */
  url: string;
  token: string;
  name: string;
  /** The clone in which it works. */
  clone: string;
  /** Its data directory: identity, buffers, worktrees, OpenCode's home. */
  home: string;
  configFile: string;
  capacity?: number;
  labels?: string[];
  /** Further options of `oio agent`. */
  options?: string[];
}

/** An agent as a user starts it: a separate process with its own OpenCode server, home and clone. */
export class AgentProcess {
  readonly place: AgentPlace;
  /** The output of its current process. */
  output = '';
  #child: (ChildProcess & { pid: number }) | null = null;
  #exited: Promise<unknown> = Promise.resolve();

  constructor(place: AgentPlace) {
    this.place = place;
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get id(): string {
    return this.identity().agent_id;
  }

  /** Starts it. Resolves when the control plane has accepted it. */
  async start(): Promise<this> {
    countServer('agent');
    const { url, token, name, clone, home, configFile, capacity = 10, labels = [], options = [] } = this.place;
    const args = ['agent', '--url', url, '--dir', clone, '--data', home, '--name', name];
    args.push('--capacity', String(capacity), '--opencode-config', configFile);
    for (const label of labels) args.push('--label', label);
    args.push(...options);
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, [projectFile('cli/main.ts'), ...args], {
      env: { PATH, HOME, OIO_AGENT_TOKEN: token },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        this.output += chunk;
      });
    }
    this.#child = child as ChildProcess & { pid: number };
    this.#exited = once(child, 'close');
    await this.printed('connected to ');
    return this;
  }

  /** Resolves when the current process has printed this text. */
  async printed(text: string): Promise<void> {
    await eventually(() => {
      if (!this.output.includes(text)) throw new Error(`${this.place.name} has not said "${text}": ${this.output}`);
    });
  }

  /** Sends SIGKILL, SIGSTOP or SIGCONT to the runner only, and not to its children. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#exited;
  }

  /** Asks it to stop, as a service manager does. */
  async stop(): Promise<void> {
    this.#child?.kill('SIGTERM');
    await this.#exited;
  }

  /** Resolves with its exit code when it has ended by itself. */
  async ended(): Promise<number | null> {
    await this.#exited;
    return this.#child?.exitCode ?? null;
  }

  /** Ends it and the processes that its tools left. */
  async remove(): Promise<void> {
    await this.kill();
    if (existsSync(this.place.home)) await endProcesses(this.livingProcesses());
  }

  /** Sends SIGKILL to its OpenCode server. */
  async killOpenCode(): Promise<void> {
    if (!this.#child) throw new Error(`${this.place.name} was not started`);
    const runner = this.#child.pid;
    const pid = await eventually(() => {
      const server = descendantsOf(runner).find((child) => isOpenCodeServer(child.pid));
      if (!server) throw new Error('no OpenCode server runs');
      return server.pid;
    });
    process.kill(pid, 'SIGKILL');
  }

  /** The processes of this agent, its server and its tools, including those of earlier starts. */
  livingProcesses(): number[] {
    return findByEnvironment(MARKER_VARIABLE, this.identity().marker);
  }

  /** The buffers that ended processes left on its disk. Do not call it while the agent runs. */
  leftovers(): FrameBuffer[] {
    return FrameBuffer.openAll(join(this.place.home, 'leases'));
  }

  leftoverNames(): string[] {
    const directory = join(this.place.home, 'leases');
    return existsSync(directory) ? readdirSync(directory) : [];
  }

  /** Its identity, as its data directory has it. */
  identity(): Identity {
    return loadIdentity(this.place.home);
  }
}

function isOpenCodeServer(pid: number): boolean {
  try {
    const command = execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    return command.includes('opencode serve') && !command.includes('guard.ts');
  } catch {
    return false;
  }
}
