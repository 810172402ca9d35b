import { spawn } from 'node:child_process';
import { MissingDependencyError } from '../process/missing-dependency.ts';

/** A git command that failed, with git's own words. */
export class GitError extends Error {
  override name = 'GitError';
}

/** The output grew beyond the bound that the caller set. */
export class OutputTooLargeError extends Error {
  override name = 'OutputTooLargeError';
}

export interface GitOptions {
  environment?: Record<string, string>;
  input?: Uint8Array;
  /** Bytes of output after which the command is ended. */
  maxBytes?: number;
  /** Milliseconds after which the command is ended. */
  maxMs?: number;
  /** The command talks to a remote: with the person's SSH agent and proxies. */
  isRemote?: boolean;
}

const DEFAULT_MAX_BYTES = 16 * 1_048_576;
/**
 * No hook of the repository runs for work that the runner does on its own behalf, and no setting of the person's changes
 * the form of a patch.
 */
const SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.quotePath=false',
  'core.safecrlf=false',
  'diff.suppressBlankEmpty=false',
  'apply.ignoreWhitespace=no',
].flatMap((setting) => ['-c', setting]);

/**
 * All that git is given of our environment. Filters and other commands in the clone's configuration are the agent's to
 * write, and git runs them: what is secret must not be among these.
 */
const INHERITED =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|TZ|TMPDIR|TMP|TEMP|XDG_CONFIG_HOME|SYSTEMROOT|WINDIR|COMSPEC|PATHEXT|USERPROFILE|HOMEDRIVE|HOMEPATH|APPDATA|LOCALAPPDATA|PROGRAMDATA|PROGRAMFILES)$/i;
const INHERITED_FOR_REMOTES =
  /^(SSH_AUTH_SOCK|SSH_AGENT_PID|(HTTPS?|ALL|NO)_PROXY|GIT_SSH|GIT_SSH_COMMAND|GIT_SSL_CAINFO|GIT_SSL_CAPATH)$/i;

/**
 * Runs git in a directory and returns its output.
 *
 * @throws GitError with git's message; OutputTooLargeError beyond `maxBytes`
 */
export async function git(directory: string, args: string[], options: GitOptions = {}): Promise<Buffer> {
  const child = spawn('git', ['-C', directory, ...SETTINGS, ...args], {
    env: gitEnvironment(options),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  let size = 0;
  let problem = '';
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.byteLength;
    if (size > (options.maxBytes ?? DEFAULT_MAX_BYTES)) child.kill('SIGKILL');
    else output.push(chunk);
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    problem += chunk;
  });
  child.stdin.on('error', () => undefined).end(options.input);
  // On SIGTERM git ends the helpers that it started, too.
  const timer = options.maxMs === undefined ? undefined : setTimeout(() => child.kill('SIGTERM'), options.maxMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'ENOENT';
      reject(
        isMissing
          ? new MissingDependencyError(
              'git is not installed, or not on PATH. Agents work in git worktrees: install git.',
            )
          : new GitError(`git cannot be run: ${error.message}`),
      );
    });
    child.once('close', resolve);
  }).finally(() => clearTimeout(timer));
  if (size > (options.maxBytes ?? DEFAULT_MAX_BYTES))
    throw new OutputTooLargeError(`git ${args[0]}: over ${size} bytes`);
  if (code !== 0) throw new GitError(`git ${args[0]}: ${problem.trim() || `exit code ${code}`}`);
  return Buffer.concat(output);
}

function gitEnvironment({ environment = {}, isRemote = false }: GitOptions): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    ([name, value]) => value !== undefined && (INHERITED.test(name) || (isRemote && INHERITED_FOR_REMOTES.test(name))),
  );
  return {
    ...(Object.fromEntries(inherited) as Record<string, string>),
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    ...environment,
  };
}
