import { errorFields } from '../../../src/ports/logger.ts';
import { BATCH_BYTES } from '../../../src/protocol/common/limits.ts';
import type { ObjectPlatform, ObjectSocket } from '../platform/platform.ts';
import { nextTurn } from './outbound.ts';

/** A frame with what was committed. */
export interface Frame {
  text: string;
  /** The number of the last event or version in it. Numbers grow. */
  seq: number;
}

/** The receivers of frames. */
export interface Receivers<F extends Frame> {
  /** The sockets that are open now. */
  sockets(): ObjectSocket[];
  /** Sends a socket the frames that it does not have yet. */
  send(socket: ObjectSocket, frames: readonly F[]): void;
}

/** The sockets that are served in one turn, during which nobody else is. */
const SOCKETS_A_TURN = 16;

/**
 * Sends frames to any number of watchers without keeping their sender waiting: the first few get a frame at once, the
 * others in later turns, between which the object answers other requests. Each socket knows the number of the last frame
 * that it was sent, so it gets every frame once and in order, however turns and commits mix.
 */
export class FanOut<F extends Frame> {
  readonly #platform: ObjectPlatform;
  readonly #receivers: Receivers<F>;
  /** The frames that some sockets may not have yet. */
  #frames: F[] = [];
  #isPumping = false;

  constructor(platform: ObjectPlatform, receivers: Receivers<F>) {
    this.#platform = platform;
    this.#receivers = receivers;
  }

  push(frames: readonly F[]): void {
    this.#frames.push(...frames);
    if (this.#isPumping) return this.#bound();
    const sockets = this.#receivers.sockets();
    this.#serve(sockets.slice(0, SOCKETS_A_TURN));
    if (sockets.length <= SOCKETS_A_TURN) this.#frames = [];
    else this.#platform.background(this.#pump());
  }

  /** Sends all frames now. */
  flush(): void {
    this.#serve(this.#receivers.sockets());
    this.#frames = [];
  }

  /** A sender that is faster than the turns waits for the watchers, so that few frames are in memory. */
  #bound(): void {
    const chars = this.#frames.reduce((sum, { text }) => sum + text.length, 0);
    if (chars > BATCH_BYTES) this.flush();
  }

  #serve(sockets: readonly ObjectSocket[]): void {
    for (const socket of sockets) this.#receivers.send(socket, this.#frames);
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    try {
      while (this.#frames.length > 0) await this.#pass();
    } catch (error) {
      this.#platform.logger('error', 'after_commit_failed', errorFields(error));
      this.#frames = [];
    } finally {
      this.#isPumping = false;
    }
  }

  /** Serves all sockets once. Then each of them has the frames that there were at the beginning. */
  async #pass(): Promise<void> {
    const last = this.#frames.at(-1)!.seq;
    const sockets = this.#receivers.sockets();
    for (let start = 0; start < sockets.length; start += SOCKETS_A_TURN) {
      await nextTurn();
      this.#serve(sockets.slice(start, start + SOCKETS_A_TURN));
    }
    this.#frames = this.#frames.filter(({ seq }) => seq > last);
  }
}
