/** Constants of all sockets of the API. The file has no schemas, so that browsers need not load zod for it. */

/** The subprotocol of every socket of the API. */
export const SOCKET_PROTOCOL = 'oio.v1';
/** The prefix of the subprotocol that carries a browser's ticket. The server never echoes it. */
export const TICKET_PROTOCOL_PREFIX = 'oio.ticket.';

/** Close codes of the API's sockets (4000–4999 are for applications, RFC 6455 §7.4.2). */
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
