import type { ObjectSocket } from '../../durable-objects/kit/platform/platform.ts';
import { MAX_FRAME_BYTES, utf8Length } from '../../src/protocol/common/limits.ts';

/** The attachment of a Durable Object's socket, which survives hibernation. */
const ATTACHMENT_BYTES_MAX = 2_048;

/** The object's side of the network: the handlers for events of its sockets. */
export interface SocketEvents {
  message(socket: ObjectSocket, text: string): void;
  close(socket: ObjectSocket, code: number, reason: string): void;
}

/** The test's side of a fake socket. */
export class FakeClient {
  /** The frames that the object has sent, as text, oldest first. */
  readonly received: string[] = [];
  /** How the object closed the socket; null while it is open. */
  closedBy: { code: number; reason: string } | null = null;
  readonly #socket: FakeSocket;

  constructor(socket: FakeSocket) {
    this.#socket = socket;
  }

  /** The object's side, for a runtime that accepts the socket. */
  get socket(): ObjectSocket {
    return this.#socket;
  }

  /** The received frames, parsed. */
  frames<T = { type: string } & Record<string, unknown>>(): T[] {
    return this.received.map((text) => JSON.parse(text) as T);
  }

  /** Removes and returns all received frames, parsed. */
  take<T = { type: string } & Record<string, unknown>>(): T[] {
    return this.received.splice(0).map((text) => JSON.parse(text) as T);
  }

  /** Sends a frame to the object: text as it is, anything else as JSON. */
  send(frame: unknown): void {
    this.#socket.arrive(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** A ping that the platform answers without waking the object. */
  ping(): void {
    this.#socket.pinged();
  }

  /** Closes the test's side. The object gets a close event. */
  close(code = 1000, reason = ''): void {
    this.#socket.gone(code, reason, true);
  }

  /** Removes the test's side without a close event, as a power cut or a restart of the object's host does. */
  vanish(): void {
    this.#socket.gone(1006, '', false);
  }
}

/** The object's side of a fake socket, with the platform's limits. */
export class FakeSocket implements ObjectSocket {
  readonly id = {};
  readonly tags: readonly string[];
  readonly client: FakeClient;
  readonly #now: () => number;
  readonly #events: () => SocketEvents | null;
  readonly #forget: (socket: FakeSocket) => void;
  #attachment: unknown = null;
  #pingAt: number | null = null;
  #open = true;

  constructor(
    tags: readonly string[],
    now: () => number,
    events: () => SocketEvents | null,
    forget: (socket: FakeSocket) => void,
  ) {
    this.tags = tags;
    this.#now = now;
    this.#events = events;
    this.#forget = forget;
    this.client = new FakeClient(this);
  }

  send(text: string): void {
    if (utf8Length(text) > MAX_FRAME_BYTES) throw new RangeError(`a frame of ${utf8Length(text)} bytes`);
    if (this.#open) this.client.received.push(text);
  }

  close(code: number, reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.client.closedBy = { code, reason };
    // Like a real socket, it stays listed for a moment.
    queueMicrotask(() => this.#forget(this));
  }

  attachment(): unknown {
    return structuredClone(this.#attachment);
  }

  attach(value: unknown): void {
    const bytes = utf8Length(JSON.stringify(value));
    if (bytes > ATTACHMENT_BYTES_MAX) throw new RangeError(`an attachment of ${bytes} bytes`);
    this.#attachment = structuredClone(value);
  }

  lastPingAt(): number | null {
    return this.#pingAt;
  }

  arrive(text: string): void {
    if (this.#open) this.#events()?.message(this, text);
  }

  pinged(): void {
    if (this.#open) this.#pingAt = this.#now();
  }

  gone(code: number, reason: string, told: boolean): void {
    if (!this.#open) return;
    this.#open = false;
    if (told) this.#events()?.close(this, code, reason);
    this.#forget(this);
  }
}
