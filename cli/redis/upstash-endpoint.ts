import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Redis } from 'ioredis';

export interface UpstashEndpointOptions {
  redis: Redis;
  /** The bearer token of its clients. */
  token: string;
  /** A port of loopback; 0 chooses a free one. */
  port: number;
}

export interface UpstashEndpoint {
  port: number;
  close(): Promise<void>;
}

interface Reply {
  status: number;
  body: unknown;
}

const HOST = '127.0.0.1';
const MAX_BODY_BYTES = 16 * 1024 * 1024;
const MAX_COMMANDS = 1_000;
/** Commands that change the connection, which all clients share, or the server, or that wait. */
const REFUSED =
  /^(auth|b[lrz]\w*(pop|push|move)\w*|client|config|debug|discard|exec|hello|monitor|multi|p?subscribe|psync|quit|replicaof|reset|select|shutdown|slaveof|ssubscribe|sync|swapdb|unwatch|wait|waitaof|watch)$/i;

/**
 * Serves the REST protocol of Upstash on loopback, over any Redis: `POST /` with one command as an array,
 * `POST /pipeline` and `POST /multi-exec` with arrays of commands. Numbers and booleans in them become texts, and objects
 * become JSON. With the header `Upstash-Encoding: base64`, texts in answers are in base64.
 *
 * If Redis rejects a command, the response is 400 with `error`. If the server cannot be reached, the response is 503.
 *
 * The protocol: https://upstash.com/docs/redis/features/restapi
 */
export async function serveUpstashEndpoint(options: UpstashEndpointOptions): Promise<UpstashEndpoint> {
  const server = createServer(async (request, response) => {
    const { status, body } = await handle(request, options).catch(errorReply);
    const text = JSON.stringify(body);
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    response.end(text);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, HOST, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

async function handle(request: IncomingMessage, { redis, token }: UpstashEndpointOptions): Promise<Reply> {
  if (!hasToken(request.headers.authorization, token)) throw new RequestError(401, 'Unauthorized');
  if (request.method !== 'POST') throw new RequestError(405, 'The method must be POST.');
  const inBase64 = request.headers['upstash-encoding'] === 'base64';
  const sent = await readBody(request);
  const shown = ([error, value]: [Error | null, unknown]) =>
    error ? { error: error.message } : { result: resultOf(value, inBase64) };
  switch (request.url?.split('?')[0]) {
    case '/': {
      const [name, ...args] = commandOf(sent);
      return { status: 200, body: { result: resultOf(await redis.callBuffer(name, args), inBase64) } };
    }
    case '/pipeline':
    case '/multi-exec': {
      const isAtomic = request.url.startsWith('/multi');
      const pipeline = isAtomic ? redis.multi() : redis.pipeline();
      for (const [name, ...args] of commandsOf(sent)) pipeline.callBuffer(name, ...args);
      const results = (await pipeline.exec()) as [Error | null, unknown][] | null;
      return { status: 200, body: results?.map(shown) ?? null };
    }
    default:
      throw new RequestError(404, 'Not found. The endpoints are POST /, /pipeline and /multi-exec.');
  }
}

function hasToken(authorization: string | undefined, token: string): boolean {
  const given = Buffer.from(authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new RequestError(413, `The request is larger than ${MAX_BODY_BYTES} bytes.`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new RequestError(400, 'The body is not JSON.');
  }
}

function commandsOf(sent: unknown): [string, ...string[]][] {
  if (!Array.isArray(sent) || sent.length === 0 || sent.length > MAX_COMMANDS)
    throw new RequestError(400, `The body must be an array of 1–${MAX_COMMANDS} commands.`);
  return sent.map(commandOf);
}

function commandOf(sent: unknown): [string, ...string[]] {
  if (!Array.isArray(sent) || typeof sent[0] !== 'string') throw new RequestError(400, 'ERR a command is an array.');
  const [name, ...args] = sent.map((part) => (typeof part === 'object' ? JSON.stringify(part) : String(part)));
  if (REFUSED.test(name!)) throw new RequestError(400, `ERR Command is not available: '${name!.toUpperCase()}'`);
  return [name!, ...args];
}

/** A value of Redis as JSON. Upstash leaves `OK` as it is in both encodings. */
function resultOf(value: unknown, inBase64: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => resultOf(item, inBase64));
  if (value instanceof Error) return { error: value.message };
  if (Buffer.isBuffer(value)) {
    const text = value.toString('utf8');
    return inBase64 && text !== 'OK' ? value.toString('base64') : text;
  }
  return value ?? null;
}

class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

function errorReply(error: unknown): Reply {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RequestError) return { status: error.status, body: { error: message } };
  const isRedis = error instanceof Error && error.name === 'ReplyError';
  return { status: isRedis ? 400 : 503, body: { error: isRedis ? message : `Redis cannot be reached: ${message}` } };
}
