import { isSameOwner, type Waiter } from '../../../src/domain/lock/lock.ts';
import type { LockWait } from '../../../src/ports/locks.ts';
import type { ObjectPlatform, ObjectSocket } from '../../kit/platform/platform.ts';
import type { SocketOpening } from '../../kit/platform/sockets.ts';

/** The attachment of a waiter's socket, which survives hibernation. */
interface TurnAttachment {
  waits_for: LockWait;
}

/**
 * The sockets on which the Worker waits for a lock in place of the object, which can hibernate meanwhile. A frame only
 * says that it may be the waiter's turn, so it does no harm if it is lost or comes twice.
 */
export class TurnSockets {
  readonly #platform: ObjectPlatform;

  constructor(platform: ObjectPlatform) {
    this.#platform = platform;
  }

  opening(wait: LockWait, opened: (socket: ObjectSocket) => void): SocketOpening {
    const attachment: TurnAttachment = { waits_for: wait };
    return { tags: [tagOf(wait.resource)], attachment, opened };
  }

  /** What a socket waits for; null if it is no waiter's. */
  waitOf(socket: ObjectSocket): LockWait | null {
    return (socket.attachment() as Partial<TurnAttachment>).waits_for ?? null;
  }

  /** Tells a waiter that it is its turn. */
  tell(resource: string, waiter: Waiter): void {
    const isTheirs = isSameOwner(waiter);
    for (const socket of this.#platform.sockets(tagOf(resource))) {
      const wait = this.waitOf(socket);
      if (wait && isTheirs(wait)) this.tellOn(socket);
    }
  }

  tellOn(socket: ObjectSocket): void {
    socket.send(JSON.stringify({ type: 'turn' }));
  }
}

function tagOf(resource: string): string {
  return `lock:${resource}`;
}
