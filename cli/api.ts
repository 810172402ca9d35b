import { CliError, exitCode } from './command.ts';

/** Where a control plane answers, and the token that it takes. */
export interface Connection {
  url: string;
  token: string;
}

/** What one request carries; `body` is sent as JSON. */
export interface ApiRequest {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

const timeoutMs = 30_000;

/**
 * Calls the REST API and gives the answer's JSON (undefined for an empty answer).
 *
 * @throws CliError with the server's own explanation, or saying that nothing answers
 */
export async function callApi<T>(connection: Connection, path: string, request: ApiRequest = {}): Promise<T> {
  const response = await send(connection, path, request);
  const text = await response.text();
  if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
  throw new CliError(
    `${explain(text) ?? `${path} was answered with status ${response.status}.`}`,
    response.status === 401 || response.status === 403 ? exitCode.unreachable : exitCode.failed,
  );
}

async function send({ url, token }: Connection, path: string, request: ApiRequest): Promise<Response> {
  const { method = 'GET', body, headers } = request;
  try {
    return await fetch(new URL(path, url), {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch {
    throw new CliError(
      `No control plane answers at ${url}. Start one with npm start, or set OIO_URL to where it is.`,
      exitCode.unreachable,
    );
  }
}

/** The text of a problem-details answer (RFC 9457), with its field errors. */
function explain(text: string): string | undefined {
  try {
    const problem = JSON.parse(text) as {
      title?: string;
      detail?: string;
      request_id?: string;
      errors?: { path?: string; message?: string }[];
    };
    const fields = (problem.errors ?? []).map(({ path, message }) => `  ${path ?? ''}: ${message ?? ''}`);
    const main = problem.detail ?? problem.title;
    if (!main) return undefined;
    return [`${main}${problem.request_id ? ` (request ${problem.request_id})` : ''}`, ...fields].join('\n');
  } catch {
    return undefined;
  }
}

/**
 * Finds the control plane that a command is meant for: `--url`, `OIO_URL`, or the one that serves the data directory.
 *
 * @param readServer the data directory's record of a running server
 */
export function findConnection(
  env: NodeJS.ProcessEnv,
  readServer: () => Connection | undefined,
  url = env.OIO_URL,
): Connection {
  const server = readServer();
  const token = env.OIO_TOKEN ?? (url === undefined || url === server?.url ? server?.token : undefined);
  const target = url ?? server?.url;
  if (target === undefined) {
    throw new CliError(
      'No control plane runs on this data directory. Start one with npm start, or set OIO_URL and OIO_TOKEN.',
      exitCode.unreachable,
    );
  }
  if (!URL.canParse(target)) throw new CliError(`"${target}" is not a URL.`, exitCode.usage);
  if (token === undefined) {
    throw new CliError(`A token for ${target} is needed: set OIO_TOKEN.`, exitCode.unreachable);
  }
  return { url: target.replace(/\/$/, ''), token };
}
