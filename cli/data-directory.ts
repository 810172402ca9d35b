import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { lockFile } from '../runner/process/lock-file.ts';
import { CliError, exitCode } from './command.ts';

/** A running control plane, as `<data>/server.json` records it for other commands. */
export interface ServerRecord {
  url: string;
  pid: number;
  /** Admin token of the default workspace. */
  token: string;
}

/**
 * One installation's files: object state, database, secrets, logs. Only one launcher may hold it: two writers
 * on one database lose acknowledged rows.
 */
export class DataDirectory {
  readonly path: string;
  #unlock: (() => void) | null = null;

  constructor(path: string) {
    this.path = resolve(path);
  }

  /** Where `OIO_DATA_DIR` says, else under the working directory; the demo's is never that of real work. */
  static fromEnvironment(env: NodeJS.ProcessEnv, use: 'work' | 'demo' = 'work'): DataDirectory {
    return new DataDirectory(env.OIO_DATA_DIR || (use === 'demo' ? '.oio-demo' : '.oio'));
  }

  file(...names: string[]): string {
    return join(this.path, ...names);
  }

  /**
   * Makes the directory unless it is there, and takes its lock until `release` or the end of the
   * process, however that comes: the kernel drops the lock of a killed process.
   *
   * @throws CliError when another launcher holds the directory or it cannot be written
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
        `The data directory ${this.path} is in use${where}. Stop that one first, or set OIO_DATA_DIR to another directory.`,
        exitCode.environment,
      );
    }
  }

  release(): void {
    this.removeServer();
    this.#unlock?.();
    this.#unlock = null;
  }

  /** The recorded server, which may be gone: only an answer from its URL shows that it lives. */
  readServer(): ServerRecord | undefined {
    return this.readJson<ServerRecord>('server.json');
  }

  writeServer(record: ServerRecord): void {
    this.writePrivate('server.json', `${JSON.stringify(record)}\n`);
  }

  removeServer(): void {
    rmSync(this.file('server.json'), { force: true });
  }

  /** The text of a file in the directory, or undefined when there is none. */
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

  /** Replaces a file in one step, with mode 0600: a reader, or a crash, sees the old text or the new. */
  writePrivate(name: string, text: string): void {
    const temporary = this.file(`.${name}.${process.pid}`);
    writeFileSync(temporary, text, { mode: 0o600, flush: true });
    renameSync(temporary, this.file(name));
  }
}

/**
 * Makes the data directory of an agent unless it is there.
 *
 * @throws CliError when it cannot be made
 */
export function makeAgentDirectory(path: string): void {
  try {
    makeDirectory(path);
  } catch (error) {
    throw unusable(path, error, 'Name with --data');
  }
}

/**
 * Makes a directory that its owner alone may read, and that is no part of a repository which it may lie in. One that is
 * there stays as it is: it may be somebody's.
 */
function makeDirectory(path: string): void {
  const isNew = mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined;
  if (isNew) writeFileSync(join(path, '.gitignore'), '*\n', { flag: 'wx' });
}

function unusable(path: string, error: unknown, remedy: string): CliError {
  const reason = error instanceof Error ? error.message : String(error);
  return new CliError(
    `The data directory ${path} cannot be used: ${reason}. ${remedy} a directory that can be written.`,
    exitCode.environment,
  );
}
