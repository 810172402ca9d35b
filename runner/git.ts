import { spawn } from 'node:child_process';

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
}

const DEFAULT_MAX_BYTES = 16 * 1_048_576;
/** No hook of the repository runs for work that the runner does on its own behalf. */
const SETTINGS = ['-c', 'core.hooksPath=/dev/null', '-c', 'core.quotePath=false', '-c', 'core.fsmonitor=false'];

/**
 * Runs git in a directory and returns its output.
 *
 * @throws GitError with git's message; OutputTooLargeError beyond `maxBytes`
 */
export async function git(directory: string, args: string[], options: GitOptions = {}): Promise<Buffer> {
  const child = spawn('git', ['-C', directory, ...SETTINGS, ...args], {
    env: gitEnvironment(options.environment),
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
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => reject(new GitError(`git cannot be run: ${error.message}`)));
    child.once('close', resolve);
  });
  if (size > (options.maxBytes ?? DEFAULT_MAX_BYTES))
    throw new OutputTooLargeError(`git ${args[0]}: over ${size} bytes`);
  if (code !== 0) throw new GitError(`git ${args[0]}: ${problem.trim() || `exit code ${code}`}`);
  return Buffer.concat(output);
}

/** The caller's environment without variables that would point git at another repository or index. */
function gitEnvironment(more: Record<string, string> = {}): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    ([name, value]) => value !== undefined && !name.startsWith('GIT_'),
  );
  return {
    ...(Object.fromEntries(inherited) as Record<string, string>),
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    ...more,
  };
}
