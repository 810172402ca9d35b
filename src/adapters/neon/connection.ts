/**
 * Runs one statement.
 * @returns its rows, each a list of the texts that Postgres writes for its values, or null
 * @throws PostgresError when Postgres refuses the statement; another error when it cannot be reached
 */
export type Sql = (statement: string, parameters?: readonly unknown[]) => Promise<(string | null)[][]>;

/** Postgres refused a statement. `code` is the SQLSTATE. */
export class PostgresError extends Error {
  override readonly name = 'PostgresError';
  readonly code: string | undefined;

  constructor(message: string, code: string | undefined) {
    super(message);
    this.code = code;
  }
}

/**
 * Postgres over Neon's HTTP protocol: every statement is one request, and no connection stays open.
 *
 * The requests are those of Neon's own driver. The driver would be a quarter of the Worker, because it also has a client
 * for sockets, which is of no use here. A test compares the requests of the two.
 *
 * @param fetchEndpoint the URL of a server that speaks the protocol; Neon's own if absent
 * @returns a function that makes the `Sql` of one call; `signal` aborts its statements
 */
export function connect(databaseUrl: string, fetchEndpoint?: string): (signal?: AbortSignal) => Sql {
  return (signal) =>
    async (query, parameters = []) => {
      const response = await fetch(fetchEndpoint ?? neonsEndpoint(new URL(databaseUrl).hostname), {
        method: 'POST',
        headers: {
          'Neon-Connection-String': databaseUrl,
          'Neon-Raw-Text-Output': 'true',
          'Neon-Array-Mode': 'true',
        },
        body: JSON.stringify({ query, params: parameters.map(textOf) }),
        ...(signal && { signal }),
      });
      if (response.ok) return ((await response.json()) as { rows: (string | null)[][] }).rows;
      throw await errorOf(response);
    };
}

/** The endpoint of a database of Neon, whose host name begins with the name of the database's own server. */
export function neonsEndpoint(databaseHost: string): string {
  return `https://${databaseHost.replace(/^[^.]+\./, 'api.')}/sql`;
}

function textOf(parameter: unknown): string | null {
  return parameter === null || parameter === undefined ? null : String(parameter);
}

/** Only an answer with status 400 comes from Postgres. Any other may be a page of a proxy. */
async function errorOf(response: Response): Promise<Error> {
  if (response.status !== 400) return new Error(`HTTP status ${response.status}: ${await response.text()}`);
  const { message, code } = (await response.json()) as { message: string; code?: string };
  return new PostgresError(message, code);
}
