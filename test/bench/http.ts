import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { closedLoop } from './load.ts';
import type { Samples } from './statistics.ts';

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PATCH';
  path: string;
  token?: string;
  body?: unknown;
}

/**
 * A kept-alive HTTP/1.1 connection with one request at a time. `fetch` takes longer to send a request than the floor
 * takes to answer it; this client leaves the cores to the servers. It reads only responses with a Content-Length.
 */
export class HttpConnection {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | null = null;
  #received = '';
  #waiting: { resolve: (body: string) => void; reject: (error: Error) => void } | null = null;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#host = hostname;
    this.#port = Number(port);
  }

  /** Connects if necessary, because the server closes a connection that was idle for some seconds. */
  async open(): Promise<this> {
    if (this.#socket) return this;
    const socket = connect(this.#port, this.#host);
    await once(socket, 'connect');
    socket.setEncoding('latin1').setNoDelay(true);
    socket.on('data', (chunk) => this.#take(String(chunk)));
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => {
      this.#socket = null;
      this.#waiting?.reject(new Error('the connection was closed before the answer came'));
    });
    this.#socket = socket;
    return this;
  }

  /** The body of the response. @throws when its status is not 2xx */
  async send(request: HttpRequest): Promise<string> {
    await this.open();
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket?.write(textOf(request));
    });
  }

  async json<T>(request: HttpRequest): Promise<T> {
    return JSON.parse(await this.send(request)) as T;
  }

  close(): void {
    this.#socket?.destroy();
  }

  #take(chunk: string): void {
    this.#received += chunk;
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd);
    // A response without content has no length (RFC 9110 §8.6).
    const length = /^HTTP\/1\.1 204/.test(head) ? 0 : /^content-length: (\d+)/im.exec(head)?.[1];
    if (length === undefined) throw new Error(`an answer without a Content-Length:\n${head}`);
    const end = headEnd + 4 + Number(length);
    if (this.#received.length < end) return;
    const body = this.#received.slice(headEnd + 4, end);
    this.#received = this.#received.slice(end);
    const waiting = this.#waiting;
    this.#waiting = null;
    if (/^HTTP\/1\.1 2/.test(head)) waiting?.resolve(body);
    else waiting?.reject(new Error(`${head.split('\r\n')[0]}\n${body}`));
  }
}

/** A closed loop of requests, with one connection for each worker. */
export async function httpLoad(
  url: string,
  connections: number,
  count: number,
  request: (index: number) => HttpRequest,
): Promise<Samples> {
  const open = await Promise.all(Array.from({ length: connections }, () => new HttpConnection(url).open()));
  try {
    return await closedLoop(connections, count, (worker, index) => open[worker]!.send(request(index)));
  } finally {
    for (const connection of open) connection.close();
  }
}

function textOf({ method, path, token, body }: HttpRequest): string {
  const content = body === undefined ? '' : JSON.stringify(body);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    'accept: application/json',
    ...(token ? [`authorization: Bearer ${token}`] : []),
    // As the project's own clients do.
    ...(method !== 'GET' ? [`idempotency-key: ${crypto.randomUUID()}`, `content-length: ${content.length}`] : []),
    ...(content ? ['content-type: application/json'] : []),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${content}`;
}
