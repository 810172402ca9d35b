import { spawn } from 'node:child_process';
import { MissingDependencyError } from '../process/missing-dependency.ts';

/** A git command failed; the message is git's own. */
export class GitError extends Error {
  override name = 'GitError';
}

/** The output was larger than the caller's limit. */
export class OutputTooLargeError extends Error {
  override name = 'OutputTooLargeError';
}

export interface GitOptions {
  environment?: Record<string, string>;
  input?: Uint8Array;
  /** The command is killed when its output exceeds this many bytes. */
  maxBytes?: number;
  /** The command is ended after this many milliseconds. */
  maxMs?: number;
  /** The command talks to a remote, so it gets the user's SSH agent and proxies. */
  isRemote?: boolean;
}

const DEFAULT_MAX_BYTES = 16 * 1_048_576;
/**
 * The runner's own git commands run no hooks of the repository, and the user's settings do not change the format of a
 * patch.
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
 * The variables that git inherits. They must hold no secrets: the agent can write filters and other commands into the
 * clone's configuration, and git runs them.
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
  let errorOutput = '';
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.byteLength;
    if (size > (options.maxBytes ?? DEFAULT_MAX_BYTES)) child.kill('SIGKILL');
    else output.push(chunk);
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errorOutput += chunk;
  });
  child.stdin.on('error', () => undefined).end(options.input);
  // SIGTERM, because git then also ends the helpers that it started.
  const timer = options.maxMs === undefined ? undefined : setTimeout(() => child.kill('SIGTERM'), options.maxMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'ENOENT';
      reject(
        isMissing
          ? new MissingDependencyError(
              'git is not installed or not on PATH. Install git: agents work in git worktrees.',
            )
          : new GitError(`git cannot be run: ${error.message}`),
      );
    });
    child.once('close', resolve);
  }).finally(() => clearTimeout(timer));
  if (size > (options.maxBytes ?? DEFAULT_MAX_BYTES))
    throw new OutputTooLargeError(`git ${args[0]}: over ${size} bytes`);
  if (code !== 0) throw new GitError(`git ${args[0]}: ${errorOutput.trim() || `exit code ${code}`}`);
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
