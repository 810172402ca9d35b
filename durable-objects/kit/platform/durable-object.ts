import type { Logger } from '../../../src/ports/logger.ts';
import { exceedsBytes, MAX_FRAME_BYTES, utf8Length } from '../../../src/protocol/common/limits.ts';
import { PING, PONG, SOCKET_PROTOCOL } from '../../../src/protocol/common/socket.ts';
import type { ObjectPlatform, ObjectSocket, SqlRow } from './platform.ts';

/** A close frame holds 125 bytes, two of which are the close code (RFC 6455 §5.5). */
const CLOSE_REASON_BYTES = 123;

/** Implements the platform with a Durable Object. The runtime answers pings without waking the object. */
export function durablePlatform(ctx: DurableObjectState, logger: Logger): ObjectPlatform {
  ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
  return {
    exec: (query, bindings) => ctx.storage.sql.exec<SqlRow>(query, ...bindings).toArray(),
    transaction: (body) => ctx.storage.transactionSync(body),
    setAlarm: (at) => void (at === null ? ctx.storage.deleteAlarm() : ctx.storage.setAlarm(at)),
    now: () => Date.now(),
    random: () => Math.random(),
    uuid: () => crypto.randomUUID(),
    background: (work) => ctx.waitUntil(work),
    logger,
    sockets: (tag) => ctx.getWebSockets(tag).map((socket) => hibernatingSocket(ctx, socket)),
  };
}

/** A handle of a socket that hibernates with its object. */
export function hibernatingSocket(ctx: DurableObjectState, socket: WebSocket): ObjectSocket {
  return {
    id: socket,
    send: (text) => {
      if (exceedsBytes(text, MAX_FRAME_BYTES)) {
        throw new RangeError(`a frame has ${utf8Length(text)} bytes; the limit is ${MAX_FRAME_BYTES}`);
      }
      // If the socket has just closed, the close event follows and handles it.
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: (code, reason) => socket.close(code, closeReason(reason)),
    attachment: () => socket.deserializeAttachment(),
    attach: (value) => socket.serializeAttachment(value),
    lastPingAt: () => ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? null,
  };
}

/** Truncates a text to the limit of a close frame, without splitting a character. */
function closeReason(text: string): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(CLOSE_REASON_BYTES));
  return text.slice(0, read);
}

/**
 * Accepts a WebSocket upgrade for hibernation.
 * @returns the 101 response and the server's end of the socket
 */
export function acceptSocket(
  ctx: DurableObjectState,
  tags: string[],
  attachment: unknown,
): { response: Response; socket: ObjectSocket } {
  const pair = new WebSocketPair();
  ctx.acceptWebSocket(pair[1], tags);
  const socket = hibernatingSocket(ctx, pair[1]);
  socket.attach(attachment);
  const response = new Response(null, {
    status: 101,
    webSocket: pair[0],
    headers: { 'sec-websocket-protocol': SOCKET_PROTOCOL },
  });
  return { response, socket };
}
