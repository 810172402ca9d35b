import { type Client, createClient } from '../src/client/client.ts';
import { ApiError, ConnectionError } from '../src/client/errors.ts';
import { CliError, exitCode } from './command.ts';
import { DataDirectory } from './data-directory.ts';
import { setting } from './settings.ts';

/** The URL of a control plane, and a token for it. */
export interface Connection {
  url: string;
  token: string;
}

/**
 * Finds the control plane for a command: `OIO_URL` if set, otherwise the one that serves the data directory, otherwise
 * the demo's.
 *
 * @throws CliError if no control plane runs, if there is no token for it, or if a variable is invalid
 */
export function findConnection(env: NodeJS.ProcessEnv): Connection {
  const data = DataDirectory.fromEnvironment(env);
  const own = data.readServer();
  const given = setting('OIO_URL', env);
  const server = own ?? DataDirectory.fromEnvironment(env, 'demo').readServer();
  if (server && !own && !given)
    process.stderr.write(`No control plane runs for ${data.path}; using the demo at ${server.url}.\n`);
  const url = given ?? server?.url;
  if (url === undefined) {
    throw new CliError(
      `No control plane is running for ${data.path}. Start one with "npm start", set OIO_DATA_DIR to another data directory, or set OIO_URL and OIO_TOKEN to use a remote control plane.`,
      exitCode.unreachable,
    );
  }
  // The recorded token must be sent only to the recorded server.
  const token = setting('OIO_TOKEN', env) ?? (url === server?.url ? server.token : undefined);
  if (token === undefined) throw new CliError(`Set OIO_TOKEN to a token for ${url}.`, exitCode.environment);
  return { url, token };
}

/** The time limit of a call. It is short, because a user is waiting. */
const deadlineMs = 10_000;

export function connectClient({ url, token }: Connection): Client {
  return createClient({ baseUrl: url, token, deadlineMs });
}

/** The URL of a page of the dashboard that signs in with a one-time code. */
export function signInLink(page: string, code: string): string {
  return `${page}#code=${code}`;
}

/** Converts an error of the API client to one for the user; undefined for any other error. */
export function explainApiError(error: unknown): CliError | undefined {
  if (error instanceof ConnectionError) {
    return new CliError(
      `${error.message} Check that it is running. "npm start" starts one on this machine.`,
      exitCode.unreachable,
    );
  }
  if (!(error instanceof ApiError)) return undefined;
  const { errors = [], request_id: requestId } = error.problem;
  // The message may quote one of them.
  const fields = errors
    .filter(({ message }) => !error.message.includes(message))
    .map(({ path, message }) => `\n  ${path}: ${message}`)
    .join('');
  const trace = requestId ? ` (request ${requestId})` : '';
  const refused = error.status === 401 || error.status === 403;
  return new CliError(`${error.message}${trace}${fields}`, refused ? exitCode.unreachable : exitCode.failed);
}
