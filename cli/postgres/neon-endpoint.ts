import { timingSafeEqual } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';

/** One statement from the Neon serverless driver. Parameters are text or null. */
interface Statement {
  query: string;
  params?: (string | null)[];
}

/** The result for the driver. Every value is Postgres's text, which the driver parses by `dataTypeID`. */
interface StatementResult {
  command: string;
  rowCount: number | null;
  rowAsArray: true;
  rows: (string | null)[][];
  fields: object[];
}

export interface NeonEndpointOptions {
  /** The password that the client's connection string must contain. */
  password: string;
  /** The current database. While it is undefined, requests get a 503. */
  pool: () => pg.Pool | undefined;
  port: number;
}

export interface NeonEndpoint {
  port: number;
  close(): Promise<void>;
}

const host = '127.0.0.1';
const bodyMaxBytes = 16 * 1024 * 1024;

/**
 * Serves the HTTP protocol of `@neondatabase/serverless` on loopback, over any Postgres: `POST /sql` with one statement
 * `{query, params}`, or a batch `{queries: […]}` that runs as one transaction.
 *
 * If Postgres rejects a statement, the response is 400 with Postgres's error fields; `code` is the SQLSTATE. If the
 * database cannot be reached, the response is 503.
 *
 * The driver defines the protocol: https://github.com/neondatabase/serverless (version 1.2).
 */
export async function serveNeonEndpoint(options: NeonEndpointOptions): Promise<NeonEndpoint> {
  const server = createServer((request, response) => void respond(request, response, options));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  options: NeonEndpointOptions,
): Promise<void> {
  const { status, body } = await handle(request, options).catch(errorReply);
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

interface Reply {
  status: number;
  body: object;
}

async function handle(request: IncomingMessage, { password, pool }: NeonEndpointOptions): Promise<Reply> {
  if (request.method !== 'POST' || request.url?.split('?')[0] !== '/sql') {
    return { status: 404, body: { message: 'Not found. The only endpoint is POST /sql.' } };
  }
  if (!hasPassword(request.headers['neon-connection-string'], password)) {
    return { status: 400, body: { message: 'password authentication failed', code: '28P01', severity: 'FATAL' } };
  }
  const body = await readBody(request);
  const database = pool();
  if (!database) return { status: 503, body: { message: 'The database is not open yet.' } };
  if ('queries' in body) {
    return { status: 200, body: { results: await runBatch(database, body.queries, beginStatement(request.headers)) } };
  }
  return { status: 200, body: await runStatement(database, body) };
}

function hasPassword(connectionString: string | string[] | undefined, password: string): boolean {
  if (typeof connectionString !== 'string' || !URL.canParse(connectionString)) return false;
  const given = Buffer.from(new URL(connectionString).password);
  const wanted = Buffer.from(encodeURIComponent(password));
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function readBody(request: IncomingMessage): Promise<Statement | { queries: Statement[] }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyMaxBytes) throw new RequestError(413, `The request is larger than ${bodyMaxBytes} bytes.`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as Statement;
  } catch {
    throw new RequestError(400, 'The body is not JSON.');
  }
}

/** Keeps every value as the text that Postgres sent. */
const rawTypes = { getTypeParser: () => (value: unknown) => value };

async function runStatement(client: pg.Pool | pg.PoolClient, statement: Statement): Promise<StatementResult> {
  const config = {
    text: statement.query,
    values: statement.params ?? [],
    rowMode: 'array' as const,
    types: rawTypes,
    // The extended protocol rejects a text with several statements, as Neon does.
    queryMode: 'extended',
  };
  const { command, rowCount, rows, fields } = await client.query(config);
  return { command, rowCount, rowAsArray: true, rows, fields: fields.map((field) => ({ ...field, format: 'text' })) };
}

async function runBatch(pool: pg.Pool, statements: Statement[], begin: string): Promise<StatementResult[]> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(begin);
    const results: StatementResult[] = [];
    for (const statement of statements) results.push(await runStatement(client, statement));
    await client.query('COMMIT');
    return results;
  } catch (error) {
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      broken = rollbackError;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

const isolationLevels: Readonly<Record<string, string>> = {
  ReadUncommitted: 'READ UNCOMMITTED',
  ReadCommitted: 'READ COMMITTED',
  RepeatableRead: 'REPEATABLE READ',
  Serializable: 'SERIALIZABLE',
};

/** The statement that opens a batch's transaction, from the driver's `Neon-Batch-*` headers. */
function beginStatement(headers: IncomingHttpHeaders): string {
  const level = headers['neon-batch-isolation-level'];
  const isolation = typeof level === 'string' ? isolationLevels[level] : undefined;
  if (level !== undefined && isolation === undefined) {
    throw new RequestError(400, `Unknown isolation level ${level}.`);
  }
  return [
    'BEGIN',
    ...(isolation ? [`ISOLATION LEVEL ${isolation}`] : []),
    ...(headers['neon-batch-read-only'] === 'true' ? ['READ ONLY'] : []),
    ...(headers['neon-batch-deferrable'] === 'true' ? ['DEFERRABLE'] : []),
  ].join(' ');
}

class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const postgresErrorFields = [
  'severity',
  'code',
  'detail',
  'hint',
  'position',
  'internalPosition',
  'internalQuery',
  'where',
  'schema',
  'table',
  'column',
  'dataType',
  'constraint',
  'file',
  'line',
  'routine',
] as const;

function errorReply(error: unknown): Reply {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RequestError) return { status: error.status, body: { message } };
  if (error instanceof pg.DatabaseError) {
    const fields = postgresErrorFields.flatMap((name) => (error[name] === undefined ? [] : [[name, error[name]]]));
    return { status: 400, body: { message, ...Object.fromEntries(fields) } };
  }
  return { status: 503, body: { message: `The database cannot be reached: ${message}` } };
}
