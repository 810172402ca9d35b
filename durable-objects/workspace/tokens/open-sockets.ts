import { type SocketPlace, socketIdAt } from '../../../src/ports/workspace.ts';
import type { ObjectKit } from '../../kit/runtime.ts';

/** The outbox destination of the objects that hold sockets. Each object is a place at it. */
export const SOCKET_HOLDERS = 'close_sockets';
/** The name of the deadline that continues to close a token's sockets, followed by the token's id. */
export const CLOSING = 'closing:';
/** The number of places whose sockets one transaction closes. A deadline starts the next transaction at once. */
const PLACES_AT_A_TIME = 200;

/** When a token has this many records at a place, one permanent record replaces them. See `note`. */
const RECORDS_OF_PLACE_MAX = 50;

/** The payload for a holder of sockets. */
export interface SocketClosing {
  token_id: string;
  place: SocketPlace;
}

/**
 * The open sockets of tokens, and the objects that hold them. When a token is revoked or expires, the outbox closes its
 * sockets, because the object that holds one may be down. Methods that write must run inside a transaction.
 */
export class OpenSockets {
  readonly #kit: ObjectKit;

  constructor(kit: ObjectKit) {
    this.#kit = kit;
  }

  /**
   * Records a socket that has opened. If the object went down without a close event, its record stays until the token
   * ends. The number of records is therefore bounded: at the limit, one permanent record replaces those of the place.
   */
  note(tokenId: string, socketId: string, place: SocketPlace): void {
    const { store } = this.#kit;
    const [first, end] = [socketIdAt(place, ''), socketIdAt(place, '\uffff')];
    const range = `token_id = ? AND id >= ? AND id < ?`;
    const [count] = store.rows<{ records: number }>(
      `SELECT COUNT(*) AS records FROM sockets WHERE ${range}`,
      tokenId,
      first,
      end,
    );
    const isFull = count!.records >= RECORDS_OF_PLACE_MAX;
    if (isFull) store.rows(`DELETE FROM sockets WHERE ${range}`, tokenId, first, end);
    // No socket has the id `first`, so no close deletes the permanent record.
    this.#insert(tokenId, isFull ? first : socketId, place);
  }

  #insert(tokenId: string, id: string, { kind, id: placeId }: SocketPlace): void {
    this.#kit.store.rows(
      `INSERT OR REPLACE INTO sockets (token_id, id, kind, place_id) VALUES (?, ?, ?, ?)`,
      tokenId,
      id,
      kind,
      placeId,
    );
  }

  /** Deletes the record of a socket that has closed. */
  forget(tokenId: string, socketId: string): void {
    this.#kit.store.rows(`DELETE FROM sockets WHERE token_id = ? AND id = ?`, tokenId, socketId);
  }

  /** Closes the sockets of a token that is no longer valid. If they are many, a deadline closes the rest. */
  close(tokenId: string): void {
    const { store, outbox, deadlines } = this.#kit;
    const places = store.rows<{ kind: SocketPlace['kind']; place_id: string }>(
      `SELECT DISTINCT kind, place_id FROM sockets WHERE token_id = ? LIMIT ?`,
      tokenId,
      PLACES_AT_A_TIME,
    );
    for (const { kind, place_id } of places) {
      const closing: SocketClosing = { token_id: tokenId, place: { kind, id: place_id } };
      outbox.put(`${SOCKET_HOLDERS}:${kind}/${place_id}`, tokenId, closing);
      store.rows(`DELETE FROM sockets WHERE token_id = ? AND kind = ? AND place_id = ?`, tokenId, kind, place_id);
    }
    if (places.length === PLACES_AT_A_TIME) deadlines.set(CLOSING + tokenId, store.platform.now() + 1);
  }
}
