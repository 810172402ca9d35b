import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { PING } from '../../../src/protocol/common/socket.ts';
import { ClientFrames } from './client-frames.ts';

/** With compression, what the two sides say could not be recognised. */
const EXTENSIONS = /^sec-websocket-extensions:.*\r\n/im;
const END_OF_HEAD = '\r\n\r\n';
/** How much of what went before is looked at again, in case a word came in two pieces. */
const OVERLAP = 200;
/** So many connections to one path in a row may be cut before the server has answered on them. */
const MISSES_IN_A_ROW = 3;

interface Pair {
  near: Socket;
  far: Socket;
  /** What was asked for, without its query; empty before that is known. */
  path: string;
  /** The server has said more than that it takes the connection. */
  isAnswered: boolean;
  /** What the server has said since a hold stopped it. */
  kept: Buffer | null;
}

/** Stops what one side says at the first message that has a word in it. */
interface Hold {
  word: string;
  isReached: boolean;
  reached: () => void;
}

/** A TCP proxy whose connections a test can hold and cut, as networks do. */
export class TcpProxy {
  /** The number of connections that were cut so far. */
  cuts = 0;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #misses = new Map<string, number>();
  #up: Hold | null = null;
  #down: Hold | null = null;

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

  /**
   * The clients' messages no longer reach the server, beginning with the one that has this word; resolves then. Pings
   * pass, so that neither side takes the other for dead, however long that lasts.
   */
  holdRequestsFrom(word: string): Promise<void> {
    return new Promise((resolve) => {
      this.#up = { word, isReached: false, reached: resolve };
    });
  }

  /** A connection's responses stop at the first one with this word. Resolves when the first connection has stopped. */
  holdAnswersFrom(word: string): Promise<void> {
    return new Promise((resolve) => {
      this.#down = { word, isReached: false, reached: resolve };
    });
  }

  /** Delivers the responses that were held, and holds none from now on. No connection is cut. */
  resumeAnswers(): void {
    this.#down = null;
    for (const pair of this.#pairs) {
      if (pair.kept === null) continue;
      pair.near.write(pair.kept);
      pair.kept = null;
      pair.far.resume();
    }
  }

  /** Ends every connection, and holds none from now on. */
  release(): void {
    this.#up = null;
    this.#down = null;
    for (const { near, far } of this.#pairs) for (const socket of [near, far]) socket.destroy();
  }

  /**
   * Cuts connections at random. However slow the machine is, the server is heard on every path now and then: a lease
   * whose agent is never heard would be lost by right.
   *
   * @param random 0 ≤ x < 1, which of the connections
   */
  async cutAtRandom(times: number, pauseMs: number, random: () => number): Promise<void> {
    for (const end = this.cuts + times; this.cuts < end; await delay(pauseMs)) {
      const pairs = [...this.#pairs].filter((pair) => pair.path && (pair.isAnswered || this.#missesOf(pair) > 0));
      const pair = pairs[Math.floor(random() * pairs.length)];
      if (pair === undefined) continue;
      this.cuts += 1;
      if (!pair.isAnswered) this.#misses.set(pair.path, this.#missesOf(pair) - 1);
      pair.near.destroy();
      pair.far.destroy();
      this.#pairs.delete(pair);
    }
  }

  async stop(): Promise<void> {
    this.release();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** How many connections to the pair's path may still be cut before one is answered. */
  #missesOf({ path }: Pair): number {
    return this.#misses.get(path) ?? MISSES_IN_A_ROW;
  }

  #join(near: Socket, far: Socket): void {
    const pair: Pair = { near, far, path: '', isAnswered: false, kept: null };
    this.#pairs.add(pair);
    this.#pass(pair);
    this.#passBack(pair);
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
  }

  #pass(pair: Pair): void {
    const { near, far } = pair;
    let head = '';
    let frames: ClientFrames | null = null;
    near.on('data', (chunk) => {
      if (frames) return this.#passFrames(far, frames, chunk);
      if (pair.path) return void far.write(chunk);
      head += chunk.toString('latin1');
      if (!head.includes(END_OF_HEAD)) return;
      pair.path = / ([^ ?]+)/.exec(head)?.[1] ?? '';
      far.write(head.replace(EXTENSIONS, ''), 'latin1');
      if (/^upgrade: *websocket/im.test(head)) frames = new ClientFrames();
    });
  }

  #passFrames(far: Socket, frames: ClientFrames, chunk: Buffer): void {
    for (const { bytes, text } of frames.add(chunk)) {
      const hold = this.#up;
      if (hold && !hold.isReached && text.includes(hold.word)) {
        hold.isReached = true;
        hold.reached();
      }
      if (!hold?.isReached || text === PING) far.write(bytes);
    }
  }

  #passBack(pair: Pair): void {
    const { near, far } = pair;
    let before = '';
    let head = '';
    far.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      before = before.slice(-OVERLAP) + text;
      if (!pair.isAnswered) {
        head += text;
        pair.isAnswered = head.includes(END_OF_HEAD) && !head.endsWith(END_OF_HEAD);
        if (pair.isAnswered) this.#misses.delete(pair.path);
      }
      const hold = this.#down;
      if (hold === null || !before.includes(hold.word)) return void near.write(chunk);
      pair.kept = chunk;
      far.pause();
      hold.reached();
    });
  }
}
