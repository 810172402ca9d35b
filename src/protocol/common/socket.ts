/** What all sockets of the API have in common. Without schemas, so that a browser need not load any for it. */

/** The subprotocol that every socket of the API speaks. */
export const SOCKET_PROTOCOL = 'oio.v1';
/** Prefix of the subprotocol that carries a browser's ticket; it is never echoed. */
export const TICKET_PROTOCOL_PREFIX = 'oio.ticket.';

/** Close codes of the API's sockets (4000–4999 are an application's own, RFC 6455 §7.4.2). */
export const CLOSE = {
  protocol_error: 4000,
  unauthorized: 4001,
  not_found: 4004,
  lagging: 4008,
  deleted: 4010,
  lease_ended: 4011,
  superseded: 4012,
} as const;

export const PING = 'ping';
export const PONG = 'pong';
