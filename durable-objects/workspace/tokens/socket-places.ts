import type { SocketPlace } from '../../../src/ports/workspace.ts';
import type { ObjectKit } from '../../kit/runtime.ts';

/** A revoked token's sockets are closed a second time after this long: one may have been on its way to its object. */
const CLOSE_AGAIN_MS = 30_000;
/** The deadline of the second time; it ends with the token's id. */
export const CLOSE_AGAIN = 'close_again:';
/** The outbox's destination: the objects that hold sockets. */
export const SOCKET_HOLDERS = 'close_sockets';

/** What is delivered there. */
export interface SocketClosing {
  token_id: string;
  place: SocketPlace;
}

/**
 * Where tokens have opened sockets. A token that is revoked or expires takes its sockets with it, by the outbox, since
 * the object that holds them may be away. What writes here runs inside a transaction.
 */
export class SocketPlaces {
  readonly #kit: ObjectKit;

  constructor(kit: ObjectKit) {
    this.#kit = kit;
  }

  /** Notes that the token opens a socket there. A reconnect, which is noted already, writes nothing. */
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

  /** Closes the sockets of a revoked token now, and once more in a while. */
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

  /** Closes an expired token's sockets, and forgets where they were. */
  forget(tokenId: string): void {
    this.close(tokenId);
    this.#kit.store.rows(`DELETE FROM socket_places WHERE token_id = ?`, tokenId);
  }
}
