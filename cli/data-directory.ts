import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { lockFile } from '../runner/process/lock-file.ts';
import { CliError, exitCode } from './command.ts';
import { givenPath } from './given-path.ts';
import { processStartTime } from './launcher/process-identity.ts';
import { setting } from './settings.ts';

/** A running control plane, recorded in `<data>/server.json` for other commands. */
export interface ServerRecord {
  url: string;
  pid: number;
  /** The start time of that process (see `processStartTime`). Another process can get the same pid. */
  started: string | undefined;
  /** Admin token of the default workspace. */
  token: string;
}

/**
 * The files of one installation: object state, database, secrets, logs. Only one launcher may use the directory at a
 * time, because two writers on one database lose acknowledged rows.
 */
export class DataDirectory {
  readonly path: string;
  #unlock: (() => void) | null = null;

  constructor(path: string) {
    this.path = givenPath(path);
  }

  /**
   * `OIO_DATA_DIR`, else `.oio` in the working directory if it exists, else `oio` in the user's state directory. The
   * demo has its own defaults, `.oio-demo` and `oio-demo`.
   *
   * A new directory is never created in the working directory, which npm sets to this package's directory. Worktrees
   * would then be below this package, and their programs would find its modules and settings.
   */
  static fromEnvironment(env: NodeJS.ProcessEnv, use: 'work' | 'demo' = 'work'): DataDirectory {
    const name = use === 'demo' ? 'oio-demo' : 'oio';
    const local = join(process.cwd(), `.${name}`);
    const byDefault = isDirectory(local) ? local : join(stateHome(env, process.platform), name);
    return new DataDirectory(setting('OIO_DATA_DIR', env) ?? byDefault);
  }

  file(...names: string[]): string {
    return join(this.path, ...names);
  }

  /**
   * Creates the directory if it is missing, and locks it until `release` or the end of the process. The kernel releases
   * the lock of a killed process.
   *
   * @throws CliError when another launcher uses the directory or it cannot be written
   */
  acquire(): void {
    try {
      makeDirectory(this.path);
      this.#unlock = lockFile(this.file('lock'));
    } catch (error) {
      throw unusable(this.path, error, 'Set OIO_DATA_DIR to');
    }
    if (this.#unlock === null) {
      const server = this.readServer();
      const where = server ? ` by process ${server.pid}, which serves ${server.url}` : '';
      throw new CliError(
        `The data directory ${this.path} is in use${where}. Stop that process first, or set OIO_DATA_DIR to another directory.`,
        exitCode.environment,
      );
    }
  }

  release(): void {
    this.removeServer();
    this.#unlock?.();
    this.#unlock = null;
  }

  /**
   * The recorded server, if its process still runs. A killed server leaves its record behind. Another server may use
   * the port now, and must not get the recorded token.
   */
  readServer(): ServerRecord | undefined {
    const record = this.readJson<ServerRecord>('server.json');
    const started = record && processStartTime(record.pid);
    return started !== undefined && started === record?.started ? record : undefined;
  }

  /** Records the server that this process runs. */
  writeServer(url: string, token: string): void {
    const record: ServerRecord = { url, token, pid: process.pid, started: processStartTime(process.pid) };
    this.writePrivate('server.json', `${JSON.stringify(record)}\n`);
  }

  removeServer(): void {
    rmSync(this.file('server.json'), { force: true });
  }

  /** The text of a file in the directory; undefined when the file does not exist. */
  read(name: string): string | undefined {
    try {
      return readFileSync(this.file(name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  readJson<T>(name: string): T | undefined {
    const text = this.read(name);
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text) as T;
    } catch {
      return undefined;
    }
  }

  /** Replaces a file atomically, with mode 0600. A reader sees either the old or the new text, even after a crash. */
  writePrivate(name: string, text: string): void {
    const temporary = this.file(`.${name}.${process.pid}`);
    writeFileSync(temporary, text, { mode: 0o600, flush: true });
    renameSync(temporary, this.file(name));
  }
}

/** The directory in which the user's programs store their state, by the platform's convention. */
export function stateHome(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  const { XDG_STATE_HOME: given = '', LOCALAPPDATA, HOME } = env;
  if (isAbsolute(given)) return given;
  const home = HOME || homedir();
  if (platform === 'win32') return LOCALAPPDATA || join(home, 'AppData', 'Local');
  return platform === 'darwin' ? join(home, 'Library', 'Application Support') : join(home, '.local', 'state');
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/**
 * Creates the data directory of an agent if it is missing.
 *
 * @throws CliError when it cannot be created
 */
export function makeAgentDirectory(path: string): void {
  try {
    makeDirectory(path);
  } catch (error) {
    throw unusable(path, error, 'Set --data to');
  }
}

/**
 * Creates a directory that only its owner can read, and that git ignores if it is inside a repository. An existing
 * directory is not changed, because it may hold the user's files.
 */
function makeDirectory(path: string): void {
  const isNew = mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined;
  if (isNew) writeFileSync(join(path, '.gitignore'), '*\n', { flag: 'wx' });
}

function unusable(path: string, error: unknown, remedy: string): CliError {
  const reason = error instanceof Error ? error.message : String(error);
  return new CliError(
    `The data directory ${path} cannot be used: ${reason}. ${remedy} a writable directory.`,
    exitCode.environment,
  );
}
