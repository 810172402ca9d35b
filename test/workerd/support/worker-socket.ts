import { exports } from 'cloudflare:workers';
import { HOST } from '../http-support.ts';

interface Fired {
  data: string;
  code: number;
  reason: string;
}
type Listener = (event: Partial<Fired>) => void;

/** The frames of a connection, and its end. */
export class Recorded {
  readonly path: string;
  readonly up: string[] = [];
  readonly down: string[] = [];
  readonly socket: WorkerSocket;

  constructor(path: string, socket: WorkerSocket) {
    this.path = path;
    this.socket = socket;
  }
}

/**
 * A browser's WebSocket class over the Worker's own upgrade, for clients that know nothing of workerd.
 * @param record is called with each new connection
 */
export function socketsOf(record: (connection: Recorded) => void): new (url: string, protocols: string[]) => object {
  return class extends WorkerSocket {
    constructor(url: string, protocols: string[]) {
      const path = url.slice(HOST.replace('http', 'ws').length);
      super();
      const connection = new Recorded(path, this);
      record(connection);
      void this.open(path, protocols, connection);
    }
  };
}

export class WorkerSocket {
  readyState = 0;
  #socket: WebSocket | null = null;
  #recorded: Recorded | null = null;
  readonly #listeners: Record<string, Listener[]> = {};

  async open(path: string, protocols: string[], recorded: Recorded): Promise<void> {
    const headers = { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': protocols.join(', ') };
    const { webSocket } = await exports.default.fetch(new Request(HOST + path, { headers }));
    if (!webSocket) return this.#fire('close', { code: 1006, reason: '' });
    webSocket.addEventListener('message', ({ data }) => {
      recorded.down.push(String(data));
      this.#fire('message', { data: String(data) });
    });
    webSocket.addEventListener('close', ({ code, reason }) => {
      this.readyState = 3;
      this.#fire('close', { code, reason });
    });
    webSocket.accept();
    this.#socket = webSocket;
    this.#recorded = recorded;
    this.readyState = 1;
    this.#fire('open', {});
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners[type] = [...(this.#listeners[type] ?? []), listener];
  }

  send(text: string): void {
    if (this.readyState !== 1) return;
    this.#recorded?.up.push(text);
    this.#socket?.send(text);
  }

  close(code = 1000): void {
    if (this.readyState === 1) this.#socket?.close(code);
  }

  #fire(type: string, event: Partial<Fired>): void {
    for (const listener of this.#listeners[type] ?? []) listener(event);
  }
}
