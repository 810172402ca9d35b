import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { projectFile } from '../../../cli/launcher/project.ts';
import type { Identity } from '../../../runner/identity.ts';
import { FrameBuffer } from '../../../runner/lease/buffer.ts';
import { MARKER_VARIABLE } from '../../../runner/opencode/home.ts';
import { endProcesses, findByEnvironment } from '../../../runner/process/processes.ts';
import { countServer } from '../../support/servers.ts';
import { descendantsOf } from './launcher.ts';
import { until } from './until.ts';

export interface AgentPlace {
  /** Its control plane, or a proxy before that. */
  url: string;
  token: string;
  name: string;
  /** The clone that it works in. */
  clone: string;
  /** Its data directory: identity, buffers, worktrees, OpenCode's home. */
  home: string;
  configFile: string;
  capacity?: number;
  labels?: string[];
}

/** An agent as a person starts it: a process of its own with its own OpenCode server, home and clone. */
export class AgentProcess {
  readonly place: AgentPlace;
  /** Everything that its present process printed. */
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
    return this.#identity().agent_id;
  }

  /** Starts it; resolves when the control plane has let it in. */
  async start(): Promise<this> {
    countServer('agent');
    const { url, token, name, clone, home, configFile, capacity = 10, labels = [] } = this.place;
    const args = ['agent', '--url', url, '--dir', clone, '--data', home, '--name', name];
    args.push('--capacity', String(capacity), '--opencode-config', configFile);
    for (const label of labels) args.push('--label', label);
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

  /** Resolves when the present process has printed this text. */
  async printed(text: string): Promise<void> {
    await until(() => {
      if (!this.output.includes(text)) throw new Error(`${this.place.name} has not said "${text}": ${this.output}`);
    });
  }

  /** SIGKILL, SIGSTOP or SIGCONT to the runner alone: what becomes of its children is its own affair. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#exited;
  }

  /** Asks it to end as a service manager does. */
  async stop(): Promise<void> {
    this.#child?.kill('SIGTERM');
    await this.#exited;
  }

  /** Ends it and whatever its tools left. */
  async remove(): Promise<void> {
    await this.kill();
    if (existsSync(this.place.home)) await endProcesses(this.livingProcesses());
  }

  /** Sends SIGKILL to its OpenCode server. */
  async killOpenCode(): Promise<void> {
    const runner = this.#child?.pid ?? 0;
    const pid = await until(() => {
      const server = descendantsOf(runner).find((child) => isOpenCodeServer(child.pid));
      if (!server) throw new Error('no OpenCode server runs');
      return server.pid;
    });
    process.kill(pid, 'SIGKILL');
  }

  /** Processes of this agent, its server and its tools, of whatever life of it. */
  livingProcesses(): number[] {
    return findByEnvironment(MARKER_VARIABLE, this.#identity().marker);
  }

  /** What the leases of ended processes left on its disk. Not to be called while it runs. */
  leftovers(): FrameBuffer[] {
    return FrameBuffer.openAll(join(this.place.home, 'leases'));
  }

  /** Resolves when a frame of this type is on its disk and not acknowledged. */
  async buffered(type: string): Promise<void> {
    await until(() => {
      const paths = this.leftoverNames().filter((name) => name.endsWith('.lease'));
      const bodies = paths.flatMap((name) => readFrames(join(this.place.home, 'leases', name)));
      if (!bodies.some((body) => JSON.parse(body).type === type)) throw new Error(`no ${type} is on disk`);
    });
  }

  leftoverNames(): string[] {
    const directory = join(this.place.home, 'leases');
    return existsSync(directory) ? readdirSync(directory) : [];
  }

  #identity(): Identity {
    return JSON.parse(readFileSync(join(this.place.home, 'agent.json'), 'utf8')) as Identity;
  }
}

function readFrames(path: string): string[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return database
      .prepare('SELECT body FROM frames')
      .all()
      .map((row) => String(row.body));
  } catch {
    return []; // Only just made.
  } finally {
    database.close();
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
