import type { SocketPlace } from '../../../src/ports/workspace.ts';
import type { ObjectKit } from '../../kit/runtime.ts';

/** The pause before a revoked token's sockets are closed a second time, since one may have been opening meanwhile. */
const CLOSE_AGAIN_MS = 30_000;
/** The name of that deadline, followed by the token's id. */
export const CLOSE_AGAIN = 'close_again:';
/** The outbox's destination: the objects that hold sockets. */
export const SOCKET_HOLDERS = 'close_sockets';

/** The payload for that destination. */
export interface SocketClosing {
  token_id: string;
  place: SocketPlace;
}

/**
 * The objects at which tokens have opened sockets. When a token is revoked or expires, the outbox closes its sockets,
 * because the object that holds them may be down. Methods that write must run inside a transaction.
 */
export class SocketPlaces {
  readonly #kit: ObjectKit;

  constructor(kit: ObjectKit) {
    this.#kit = kit;
  }

  /** Records that the token opens a socket at an object. A reconnect writes nothing. */
  note(tokenId: string, { kind, id }: SocketPlace): void {
    const { store } = this.#kit;
    const known = store.row(
      `SELECT 1 FROM socket_places WHERE token_id = ? AND kind = ? AND place_id = ?`,
      tokenId,
      kind,
      id,
    );
    if (known) return;
    store.transact(() =>
      store.rows(`INSERT INTO socket_places (token_id, kind, place_id) VALUES (?, ?, ?)`, tokenId, kind, id),
    );
  }

  /** Closes the sockets of a revoked token now, and again after CLOSE_AGAIN_MS. */
  closeTwice(tokenId: string): void {
    const { store, deadlines } = this.#kit;
    this.close(tokenId);
    deadlines.set(CLOSE_AGAIN + tokenId, store.platform.now() + CLOSE_AGAIN_MS);
  }

  close(tokenId: string): void {
    const { store, outbox } = this.#kit;
    const places = store.rows<{ kind: SocketPlace['kind']; place_id: string }>(
      `SELECT kind, place_id FROM socket_places WHERE token_id = ?`,
      tokenId,
    );
    for (const { kind, place_id } of places) {
      const closing: SocketClosing = { token_id: tokenId, place: { kind, id: place_id } };
      outbox.put(SOCKET_HOLDERS, `${tokenId}/${kind}/${place_id}`, closing);
    }
  }

  /** Closes an expired token's sockets, and deletes their records. */
  forget(tokenId: string): void {
    this.close(tokenId);
    this.#kit.store.rows(`DELETE FROM socket_places WHERE token_id = ?`, tokenId);
  }
}
