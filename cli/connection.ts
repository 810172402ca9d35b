import { type Client, createClient } from '../src/client/client.ts';
import { ApiError, ConnectionError } from '../src/client/errors.ts';
import { CliError, exitCode } from './command.ts';
import { DataDirectory } from './data-directory.ts';

/** Where a control plane answers, and the token that it takes. */
export interface Connection {
  url: string;
  token: string;
}

/**
 * Finds the control plane that a command is meant for: `OIO_URL`, or the one that serves the data directory. Where that
 * is not named and serves none, the demo's will do.
 *
 * @throws CliError when there is none, or no token is known for it
 */
export function findConnection(env: NodeJS.ProcessEnv): Connection {
  const data = DataDirectory.fromEnvironment(env);
  const server = data.readServer() ?? DataDirectory.fromEnvironment(env, 'demo').readServer();
  const url = env.OIO_URL || server?.url;
  if (url === undefined) {
    throw new CliError(
      `No control plane runs on ${data.path}. Start one with "npm start", or name another data directory with OIO_DATA_DIR, or a control plane elsewhere with OIO_URL and OIO_TOKEN.`,
      exitCode.unreachable,
    );
  }
  if (!URL.canParse(url)) throw new CliError(`OIO_URL is not a URL: "${url}".`, exitCode.usage);
  // The record's token is for the recorded server alone: no other may learn it.
  const token = env.OIO_TOKEN || (url === server?.url ? server.token : undefined);
  if (token === undefined) throw new CliError(`Set OIO_TOKEN to a token for ${url}.`, exitCode.unreachable);
  return { url: url.replace(/\/$/, ''), token };
}

/** A person waits for the answer: nobody there is to be said soon. */
const deadlineMs = 10_000;

export function connectClient({ url, token }: Connection): Client {
  return createClient({ baseUrl: url, token, deadlineMs });
}

/** Turns an error of the API's client into one for a person; undefined for any other error. */
export function explainApiError(error: unknown): CliError | undefined {
  if (error instanceof ConnectionError) {
    return new CliError(`${error.message} Is it running? "npm start" starts one here.`, exitCode.unreachable);
  }
  if (!(error instanceof ApiError)) return undefined;
  const { errors = [], request_id: requestId } = error.problem;
  const fields = errors.map(({ path, message }) => `\n  ${path}: ${message}`).join('');
  const trace = requestId ? ` (request ${requestId})` : '';
  const refused = error.status === 401 || error.status === 403;
  return new CliError(`${error.message}${trace}${fields}`, refused ? exitCode.unreachable : exitCode.failed);
}
