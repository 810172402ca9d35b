import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** The header that asks for compression. The proxy removes it, because it searches the server's texts. */
const EXTENSIONS = /^sec-websocket-extensions:.*\r\n/im;
/** The number of earlier bytes that are searched again, in case a word arrives in two pieces. */
const OVERLAP = 200;

/** A TCP proxy whose connections a test can hold and cut, as networks do. */
export class TcpProxy {
  /** The number of connections that were cut so far. */
  cuts = 0;
  readonly #server: Server;
  readonly #pairs = new Set<{ near: Socket; far: Socket }>();
  #upIsHeld = false;
  #word: string | null = null;
  #onHeld: () => void = () => undefined;

  private constructor(target: number) {
    this.#server = createServer((near) => this.#join(near, connect(target, '127.0.0.1')));
  }

  /** @param url the URL of the server behind the proxy */
  static async start(url: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(Number(new URL(url).port));
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on, no request reaches the server. Its responses still pass. */
  holdRequests(): void {
    this.#upIsHeld = true;
    for (const { near } of this.#pairs) near.pause();
  }

  /** From the first response with this word on, no response passes. Resolves at that response. */
  holdAnswersFrom(word: string): Promise<void> {
    this.#word = word;
    return new Promise((resolve) => {
      this.#onHeld = resolve;
    });
  }

  /** Ends every held connection, and holds none from now on. */
  release(): void {
    this.#upIsHeld = false;
    this.#word = null;
    for (const { near, far } of this.#pairs) for (const socket of [near, far]) socket.destroy();
  }

  /** Cuts one of the connections. @param random 0 ≤ x < 1, which of them */
  cut(random: number): void {
    const pair = [...this.#pairs][Math.floor(random * this.#pairs.size)];
    if (pair === undefined) return;
    this.cuts += 1;
    pair.near.destroy();
    pair.far.destroy();
  }

  async stop(): Promise<void> {
    this.release();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(near: Socket, far: Socket): void {
    const pair = { near, far };
    this.#pairs.add(pair);
    let isFirst = true;
    let before = '';
    near.on('data', (chunk) => {
      far.write(isFirst ? chunk.toString('latin1').replace(EXTENSIONS, '') : chunk, 'latin1');
      isFirst = false;
    });
    far.on('data', (chunk) => {
      before = before.slice(-OVERLAP) + chunk.toString('latin1');
      if (this.#word === null || !before.includes(this.#word)) near.write(chunk);
      else {
        far.pause();
        this.#onHeld();
      }
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => {
        other.destroy();
        this.#pairs.delete(pair);
      });
    }
    if (this.#upIsHeld) near.pause();
  }
}
