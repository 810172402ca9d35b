import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { vi } from 'vitest';
import { scriptedModelConfig } from '../../../cli/demo/scripted-model.ts';
import { checkPort } from '../../../cli/launcher/ports.ts';
import { projectFile } from '../../../cli/launcher/project.ts';
import type { Identity } from '../../../runner/identity.ts';
import { FrameBuffer } from '../../../runner/lease/buffer.ts';
import { MARKER_VARIABLE } from '../../../runner/opencode/home.ts';
import { endProcesses, findByEnvironment } from '../../../runner/process/processes.ts';
import type { ConversationMessage } from '../../../runner/work/opencode-port.ts';
import { type Client, createClient } from '../../../src/client/client.ts';
import { readCheckpoint } from './agreement.ts';
import { descendantsOf, Launcher, lives, type ProcessIdentity } from './launcher.ts';
import { cloneRepository, createRepository, scratchDirectory, startScriptedModel } from './rig.ts';

/** Long enough for a process to start on a machine that is busy with others. */
const WITHIN = { timeout: 90_000, interval: 50 };
const TOKEN = 'a-token-of-the-drills-0123456789-0123456789';

/** A Postgres that is never there: embedded, it would take ten seconds of a core, and sessions do not need it. */
export const NO_POSTGRES = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' };

const SESSION_STORAGE = 'oio-Session';
const [FIRST_PORT, LAST_PORT] = [10_000, 30_000];

/**
 * A free port below those that outgoing connections are given: one of them would take it as soon as nothing listens
 * there, and whoever kept trying to reach the port would be the likeliest to.
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

  /** What OpenCode told of a session's conversation after its last turn. */
  conversationOf(sessionId: string): ConversationMessage[] {
    return readCheckpoint(join(this.#dataDirectory, 'objects', SESSION_STORAGE), sessionId);
  }

  /** Sends SIGKILL to one of the launcher's processes, which starts it again. */
  async kill(name: 'worker' | 'postgres'): Promise<void> {
    const pid = await vi.waitFor(() => {
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
    await vi.waitFor(() => {
      if (!this.output.includes(text)) throw new Error(`${this.place.name} has not said "${text}": ${this.output}`);
    }, WITHIN);
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
    const pid = await vi.waitFor(() => {
      const server = descendantsOf(runner).find((child) => isOpenCodeServer(child.pid));
      if (!server) throw new Error('no OpenCode server runs');
      return server.pid;
    }, WITHIN);
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
    await vi.waitFor(() => {
      const paths = this.leftoverNames().filter((name) => name.endsWith('.lease'));
      const bodies = paths.flatMap((name) => readFrames(join(this.place.home, 'leases', name)));
      if (!bodies.some((body) => JSON.parse(body).type === type)) throw new Error(`no ${type} is on disk`);
    }, WITHIN);
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

/** A control plane, a scripted model, and agents that share nothing else; all of it in one scratch directory. */
export interface Fleet {
  path: string;
  controlPlane: ControlPlane;
  client: Client;
  /** An agent with a clone and a home of its own, not started yet. */
  agent(name: string, options?: Partial<AgentPlace>): AgentProcess;
  /** Ends everything. @throws when the control plane left a process behind */
  stop(): Promise<void>;
}

export async function startFleet(env: Record<string, string>): Promise<Fleet> {
  const scratch = scratchDirectory();
  const model = await startScriptedModel();
  const configFile = join(scratch.path, 'opencode.json');
  writeFileSync(configFile, JSON.stringify(scriptedModelConfig(model.url)));
  const origin = createRepository(join(scratch.path, 'origin'));
  const controlPlane = await ControlPlane.start(join(scratch.path, 'data'), env);
  const { token } = await controlPlane.client.tokens.create({ name: 'drills', role: 'agent' });
  const agents: AgentProcess[] = [];
  return {
    path: scratch.path,
    controlPlane,
    client: controlPlane.client,
    agent(name, options = {}) {
      const directory = join(scratch.path, name);
      mkdirSync(directory);
      const clone = cloneRepository(origin, join(directory, 'clone'));
      const place = { url: controlPlane.url, token, name, clone, home: join(directory, 'home'), configFile };
      const agent = new AgentProcess({ ...place, ...options });
      agents.push(agent);
      return agent;
    },
    async stop() {
      await Promise.all(agents.map((agent) => agent.remove()));
      await controlPlane.stop().finally(async () => {
        await model.close();
        scratch.remove();
      });
    },
  };
}
