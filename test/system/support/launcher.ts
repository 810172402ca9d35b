import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerRecord } from '../../../cli/data-directory.ts';
import { processStartTime } from '../../../cli/launcher/process-identity.ts';
import type { ProcessEntry } from '../../../cli/launcher/process-ledger.ts';
import { projectFile } from '../../../cli/launcher/project.ts';
import { eventually } from '../../support/eventually.ts';
import { countServer } from '../../support/servers.ts';

export interface LauncherOptions {
  dataDirectory: string;
  /** The arguments of `oio`; by default `up --no-agent`. */
  args?: string[];
  env?: Record<string, string>;
}

/** A long limit: a build, processes and an embedded Postgres take seconds of CPU time, and the machine may be busy. */
const START_LIMIT_MS = 180_000;

/** A run of the command line in a separate process, as a user starts it. */
export class Launcher {
  readonly process: ChildProcess & { pid: number };
  /** The output so far, of both streams. */
  output = '';
  readonly exited: Promise<number | null>;
  readonly #dataDirectory: string;

  constructor({ dataDirectory, args = ['up', '--no-agent'], env = {} }: LauncherOptions) {
    this.#dataDirectory = dataDirectory;
    if (args[0] === 'up' || args[0] === 'demo') countServer('control plane');
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, [projectFile('cli/main.ts'), ...args], {
      env: { PATH, HOME, PORT: '0', OIO_DATA_DIR: dataDirectory, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A new process group, as a shell creates for each command line.
      detached: true,
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        this.output += chunk;
      });
    }
    this.exited = once(child, 'close').then(([code]) => code as number | null);
    this.process = child as typeof this.process;
  }

  /** Resolves with the output's first match. @throws when the process ends without it, or takes too long */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    let ended = false;
    void this.exited.then(() => {
      ended = true;
    });
    const match = await eventually(() => {
      const found = pattern.exec(this.output);
      if (!found && !ended) throw new Error(`The launcher has not printed ${pattern}:\n${this.output}`);
      return found;
    }, START_LIMIT_MS);
    if (!match) throw new Error(`The launcher ended without printing ${pattern}:\n${this.output}`);
    return match;
  }

  /** The URL of the `ready` line. */
  async ready(): Promise<string> {
    return (await this.printed(/^ready\s+(\S+)$/m))[1] ?? '';
  }

  server(): ServerRecord {
    return JSON.parse(readFileSync(join(this.#dataDirectory, 'server.json'), 'utf8')) as ServerRecord;
  }

  /** Resolves with the process id of a supervised process, when one is recorded: between two lives there is none. */
  pidOf(name: string): Promise<number> {
    return eventually(() => {
      const path = join(this.#dataDirectory, 'processes.json');
      const entries = JSON.parse(readFileSync(path, 'utf8')) as ProcessEntry[];
      const entry = entries.find((one) => one.name === name && processStartTime(one.pid) === one.start_time);
      if (!entry) throw new Error(`No process ${name} runs.`);
      return entry.pid;
    });
  }

  /** Sends SIGKILL to a supervised process, which the launcher starts again. @returns its process id */
  async kill(name: string): Promise<number> {
    const pid = await this.pidOf(name);
    process.kill(pid, 'SIGKILL');
    return pid;
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.process.kill(signal);
    return this.exited;
  }

  /** Does what Ctrl-C in a terminal does: SIGINT to every process of the foreground group, and once more from npm. */
  async pressCtrlC(): Promise<number | null> {
    process.kill(-this.process.pid, 'SIGINT');
    this.process.kill('SIGINT');
    return this.exited;
  }
}

/** A process by pid and start time, so that it is not confused with a later one of the same pid. */
export interface ProcessIdentity {
  pid: number;
  startTime: string;
  parent: number;
}

/** All running descendants of a process. */
export function descendantsOf(pid: number): ProcessIdentity[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const below = (parent: number): ProcessIdentity[] =>
    rows
      .filter(([, ppid]) => ppid === parent)
      .flatMap(([child = 0]) => {
        const startTime = processStartTime(child);
        return [...(startTime ? [{ pid: child, startTime, parent }] : []), ...below(child)];
      });
  return below(pid);
}

export function lives({ pid, startTime }: ProcessIdentity): boolean {
  return processStartTime(pid) === startTime;
}
